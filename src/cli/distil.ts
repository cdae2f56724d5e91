import path from 'node:path';
import { parseArgs } from 'node:util';
import { dataHash } from '../evaluate/data-hash.ts';
import { giveWay } from '../evaluate/draws.ts';
import { distilNgram, type DistilSummary } from '../specialise/distil.ts';
import { readLabelledTexts } from '../specialise/labelled-texts.ts';
import { STUDENT_CARD_FILE } from '../students/student-card.ts';
import type { Licence } from '../types.ts';
import { readInputFile, writeOutputFile } from './evaluation-command.ts';
import { createStepProgress } from './step-progress.ts';
import { UsageError } from './usage-error.ts';

const HELP = `Usage: edgewise distil --train FILE --student ngram --out DIR [options]

Trains a student: a small classifier that answers on the device in about a millisecond. It is trained
five times, four of them without a quarter of the texts, to say how well it will do on new ones.

  --train FILE     labelled texts: CSV with a header, first column text, second label; or JSON lines
                   { "text", "label" }
  --student ngram  kind of student: hashed words and word pieces, in any language
  --out DIR        folder for the student's file and ${STUDENT_CARD_FILE}
  --id ID          id of the student (default: name of the folder)
  --name TEXT      what it sorts, for people (default: the id)
  --licence ID     licence of the data it learnt from, such as CC-BY-4.0; with --licence-url
  --licence-url URL
  --credit TEXT    what that licence wants shown wherever the student is offered
  --seed N         same rows and seed, same file (default 1)
  --json           print the summary as one line of JSON
  --quiet          no progress
  --help           this text
`;

/** Short enough for Ctrl+C to feel immediate. */
const PAUSE_INTERVAL_MS = 50;
const MAX_SEED = 2 ** 31 - 1;
const ID = /^[a-z0-9][a-z0-9._-]{0,127}$/;

/** `edgewise distil`. Gives the exit code; typed errors are thrown to the caller. */
export async function run(argv: readonly string[]): Promise<number> {
  const values = readArguments(argv);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const options = checkArguments(values);
  const stop = new AbortController();
  const onInterrupt = (): void =>
    stop.abort(new DOMException('Stopped: nothing was written.', 'AbortError'));
  process.once('SIGINT', onInterrupt);
  process.once('SIGTERM', onInterrupt);
  try {
    const summary = await distil(options, stop.signal);
    process.stdout.write(
      values.json
        ? `${JSON.stringify({ ...options.card, ...summary })}\n`
        : describe(summary, options),
    );
    return 0;
  } finally {
    process.removeListener('SIGINT', onInterrupt);
    process.removeListener('SIGTERM', onInterrupt);
  }
}

interface DistilArguments {
  readonly trainFile: string;
  readonly outFolder: string;
  readonly seed: number;
  readonly isQuiet: boolean;
  readonly card: { readonly id: string; readonly name: string; readonly licence: Licence | null };
}

function readArguments(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    options: {
      train: { type: 'string' },
      student: { type: 'string' },
      out: { type: 'string' },
      id: { type: 'string' },
      name: { type: 'string' },
      licence: { type: 'string' },
      'licence-url': { type: 'string' },
      credit: { type: 'string' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  }).values;
}

function checkArguments(values: ReturnType<typeof readArguments>): DistilArguments {
  const { train, student, out, quiet } = values;
  if (train === undefined) throw new UsageError('--train FILE is missing.');
  if (out === undefined) throw new UsageError('--out DIR is missing.');
  if (student !== 'ngram') throw new UsageError('--student takes a kind of student: ngram.');
  const outFolder = path.resolve(out);
  const id = values.id ?? path.basename(outFolder).toLowerCase();
  if (!ID.test(id)) {
    throw new UsageError('--id takes lower-case letters, digits, ".", "_" and "-".');
  }
  const seed = values.seed.trim() === '' ? Number.NaN : Number(values.seed);
  if (!Number.isInteger(seed) || seed < 0 || seed > MAX_SEED) {
    throw new UsageError(`--seed must be a whole number from 0 to ${MAX_SEED}.`);
  }
  const card = { id, name: values.name ?? id, licence: readLicence(values) };
  return { trainFile: train, outFolder, seed, isQuiet: quiet, card };
}

function readLicence(values: ReturnType<typeof readArguments>): Licence | null {
  const { licence: id, 'licence-url': url, credit } = values;
  if (id === undefined && url === undefined && credit === undefined) return null;
  if (id === undefined || url === undefined || !/^https?:\/\//.test(url)) {
    throw new UsageError('--licence and --licence-url https://… go together.');
  }
  return { id, url, ...(credit === undefined ? {} : { notice: credit }) };
}

/** What is known of a student that was written. */
interface Written extends DistilSummary {
  readonly file: string;
  readonly sha256: string;
  readonly trainSha256: string;
}

async function distil(options: DistilArguments, signal: AbortSignal): Promise<Written> {
  const { trainFile, outFolder, seed, isQuiet, card } = options;
  const data = await readInputFile(trainFile);
  const rows = readLabelledTexts(data, trainFile);
  const progress = createStepProgress({ unit: 'percent', isQuiet });
  const { bytes, summary } = await distilNgram(rows, {
    seed,
    signal,
    pause: createPause(),
    onProgress: ({ done, total }) => progress.report(done, total),
  }).finally(() => progress.end());
  const file = `${card.id}.student`;
  const sha256 = await dataHash(bytes);
  await writeOutputFile(path.join(outFolder, file), bytes);
  const trainSha256 = await dataHash(data);
  const { licence, ...names } = card;
  const text = JSON.stringify(
    {
      version: 1,
      ...names,
      ...(licence === null ? {} : { licence }),
      file,
      sizeBytes: bytes.length,
      sha256,
      training: { trainSha256, seed, ...summary },
    },
    null,
    2,
  );
  await writeOutputFile(path.join(outFolder, STUDENT_CARD_FILE), `${text}\n`);
  return { ...summary, file: path.join(outFolder, file), sha256, trainSha256 };
}

/** Training asks every few milliseconds; a turn of the event loop costs about one. */
function createPause(): () => Promise<void> {
  let pausedAtMs = performance.now();
  return async () => {
    if (performance.now() - pausedAtMs < PAUSE_INTERVAL_MS) return;
    await giveWay();
    pausedAtMs = performance.now();
  };
}

function describe(summary: Written, { card }: DistilArguments): string {
  const { rows, labels, emptyRows, repeatedRows, contradictoryTexts, rareLabels } = summary;
  const lines = [
    `${card.id}: ${rows} rows, ${labels} ${labels === 1 ? 'label' : 'labels'}, ${summary.sizeBytes} bytes`,
    `  ${describeAccuracy(summary)}`,
    ...remark(emptyRows, 'without a word, left out'),
    ...remark(repeatedRows, 'that repeat a text and its label'),
    ...(contradictoryTexts === 0
      ? []
      : [`  ${contradictoryTexts} texts stand under several labels`]),
    ...(rareLabels === 0 ? [] : [`  ${rareLabels} labels have a single row`]),
    ...(labels === 1 ? ['  with one label every text gets it: add rows of others'] : []),
    `  written to ${path.relative('', summary.file)}`,
  ];
  return `${lines.join('\n')}\n`;
}

function describeAccuracy({ heldOut }: DistilSummary): string {
  if (heldOut === null) return 'too few rows to say how well it does';
  const { accuracy, low, high, rows, folds } = heldOut;
  return `right on ${percent(accuracy)} of texts it had not seen (95 %: ${percent(low)} to ${percent(high)}; ${rows} rows, ${folds} folds)`;
}

function remark(count: number, what: string): string[] {
  return count === 0 ? [] : [`  ${count} rows ${what}`];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
