import path from 'node:path';
import { parseArgs } from 'node:util';
import { dataHash } from '../evaluate/data-hash.ts';
import { certifyStudent } from '../specialise/certify-student.ts';
import { readLabelledTexts } from '../specialise/labelled-texts.ts';
import { readStudent } from '../students/ngram-student.ts';
import { parseStudentCard, STUDENT_CARD_FILE } from '../students/student-card.ts';
import { CERTIFICATES_FILE, type CertificatesFile } from '../students/student-certificates.ts';
import type { StudentCertificate } from '../types.ts';
import { readInputFile, writeOutputFile } from './evaluation-command.ts';
import { UsageError } from './usage-error.ts';

const DEFAULT_ALPHAS = '0.01,0.02,0.05';
const DEFAULT_DELTA = '0.1';

const HELP = `Usage: edgewise certify --model DIR --test FILE [options]

Finds the thresholds at which a student may keep its answers, each with a certificate, and writes them
beside the student, where the runtime finds them. The promise: with probability 1 - delta at most the
share alpha of requests like these rows is kept and wrong. It holds for other requests as far as they
are like these rows, so take rows of your own traffic that the student was not trained on.

  --model DIR     folder with student.json
  --test FILE     labelled texts: CSV with a header, first column text, second label; or JSON lines
                  { "text", "label" }
  --name TEXT     name of these rows, shown beside the certificate (default: the file's name)
  --alpha LIST    loss budgets as shares (default ${DEFAULT_ALPHAS})
  --delta N       accepted risk that a promise is wrong (default ${DEFAULT_DELTA})
  --out FILE      default DIR/${CERTIFICATES_FILE}
  --json          print the certificates as one line of JSON
  --help          this text
`;

/** `edgewise certify`. Gives the exit code; typed errors are thrown to the caller. */
export async function run(argv: readonly string[]): Promise<number> {
  const values = readArguments(argv);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const folder = required(values.model, '--model');
  const testFile = required(values.test, '--test');
  const out = values.out ?? path.join(folder, CERTIFICATES_FILE);
  const card = parseStudentCard(await readJson(path.join(folder, STUDENT_CARD_FILE)));
  const student = Uint8Array.from(await readInputFile(path.join(folder, card.file)));
  const rows = await readInputFile(testFile);
  const file = certifyStudent({
    student: readStudent(student),
    studentSha256: await dataHash(student),
    rows: readLabelledTexts(rows, testFile),
    dataName: values.name ?? path.basename(testFile),
    dataSha256: await dataHash(rows),
    date: new Date().toISOString().slice(0, 10),
    alphas: readShares(values.alpha),
    delta: readShare('--delta', values.delta),
  });
  await writeOutputFile(out, `${JSON.stringify(file, null, 2)}\n`);
  process.stdout.write(
    values.json ? `${JSON.stringify(file)}\n` : `${describe(file)}Written to ${out}\n`,
  );
  return 0;
}

function readArguments(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    options: {
      model: { type: 'string' },
      test: { type: 'string' },
      name: { type: 'string' },
      alpha: { type: 'string', default: DEFAULT_ALPHAS },
      delta: { type: 'string', default: DEFAULT_DELTA },
      out: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  }).values;
}

function required(value: string | undefined, name: string): string {
  if (value === undefined) throw new UsageError(`${name} is missing.`);
  return value;
}

async function readJson(file: string): Promise<unknown> {
  const text = new TextDecoder().decode(await readInputFile(file));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`${file} is not JSON (${cause instanceof Error ? cause.name : 'error'}).`);
  }
}

function readShares(list: string): readonly number[] {
  return list.split(',').map((text) => readShare('--alpha', text));
}

function readShare(name: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value > 0 && value < 1) return value;
  throw new UsageError(`${name} takes shares above 0 and below 1, such as 0.02.`);
}

function describe({ certificates, dataName, dataSha256 }: CertificatesFile): string {
  const lines = certificates.map(describeOne);
  return `${dataName} (sha256 ${dataSha256.slice(0, 12)}…)\n${lines.join('\n')}\n`;
}

function describeOne(certificate: StudentCertificate): string {
  const { alpha, delta, labels, threshold, keptShare, lossBound, labelsNeeded } = certificate;
  const budget = `loss at most ${percent(alpha)}, risk ${percent(delta)}, ${labels} requests`;
  if (threshold === null || keptShare === null || lossBound === null) {
    const more =
      labelsNeeded === null ? 'more of the same would not help' : `about ${labelsNeeded}`;
    return `  ${budget}: not certifiable (needed: ${more})`;
  }
  return `  ${budget}: keep from ${threshold.toFixed(4)}, ${percent(keptShare)} kept, bound ${percent(lossBound)}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
