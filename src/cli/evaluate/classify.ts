import path from 'node:path';
import { DataError } from '../../errors.ts';
import { evaluateClassify } from '../../evaluate/classify.ts';
import {
  findKnownTest,
  judgeBars,
  parseFigureBar,
  type FigureBar,
} from '../../evaluate/classify-bars.ts';
import { dataHash } from '../../evaluate/data-hash.ts';
import { readLabelledTexts } from '../../specialise/labelled-texts.ts';
import { readStudent } from '../../students/ngram-student.ts';
import { parseStudentCard, STUDENT_CARD_FILE } from '../../students/student-card.ts';
import {
  COMMON_HELP,
  readInputFile,
  runEvaluation,
  type EvaluationInput,
  type EvaluationOutput,
} from '../evaluation-command.ts';
import { UsageError } from '../usage-error.ts';

const HELP = `Usage: edgewise evaluate classify --model DIR --test FILE [options]

What a student is worth on texts it was not trained on: accuracy, how well its confidence ranks
(auroc), how far calibrated confidence is from the truth (ece), what share of requests a certificate
of 2 % loss from 300 and from 1,000 labels keeps, how often such a certificate is broken, and the
time a text takes (msP95). Files: CSV with a header, first column text, second label; or JSON lines
{ "text", "label" }. No chart.

  --model DIR          folder with student.json, as distil writes it
  --test FILE          labelled texts that the student was not trained on
  --out-of-scope FILE  texts of labels the student does not know; gives oosAuroc
  --bar LIST           figures that must hold, such as accuracy=0.9,ece=0.02; the exit code is 1 when
                       one does not. The whole test sets of Banking77 and CLINC150 are known by
                       their rows and bring their own.
${COMMON_HELP}`;

/** `edgewise evaluate classify`. */
export function run(argv: readonly string[]): Promise<number> {
  return runEvaluation(argv, {
    name: 'classify',
    help: HELP,
    unit: 'draws',
    options: {
      model: { type: 'string' },
      test: { type: 'string' },
      'out-of-scope': { type: 'string' },
      bar: { type: 'string' },
    },
    measure,
  });
}

async function measure(input: EvaluationInput): Promise<EvaluationOutput> {
  const asked = readBars(input.text('bar'));
  const model = await readModel(input.requiredText('model'));
  const test = await readRows(input.requiredText('test'));
  const foreignFile = input.text('out-of-scope');
  const foreign = foreignFile === undefined ? null : await readRows(foreignFile);
  const known = await findKnownTest(test.rows, foreign?.rows ?? []);
  const askedFigures = new Set(asked.map(({ figure }) => figure));
  const bars = [...known.bars.filter(({ figure }) => !askedFigures.has(figure)), ...asked];
  const report = await evaluateClassify({
    student: readStudent(model),
    test: test.rows,
    ...(foreign === null ? {} : { outOfScope: foreign.rows }),
    seed: input.seed,
    hashes: {
      testSet: known.name ?? 'your own',
      modelSha256: await dataHash(model),
      testSha256: test.sha256,
      ...(foreign === null ? {} : { outOfScopeSha256: foreign.sha256 }),
    },
    bars: (figures) => judgeBars(checkNames(bars, figures), figures),
    now: () => performance.now(),
    signal: input.signal,
    onProgress: input.onProgress,
  });
  return { report };
}

function readBars(list: string | undefined): FigureBar[] {
  if (list === undefined) return [];
  return list.split(',').map((text) => {
    const bar = parseFigureBar(text.trim());
    if (bar === null)
      throw new UsageError('--bar takes figures and numbers: accuracy=0.9,ece=0.02.');
    return bar;
  });
}

function checkNames(
  bars: readonly FigureBar[],
  figures: Readonly<Record<string, unknown>>,
): readonly FigureBar[] {
  const unknown = bars.find(({ figure }) => !Object.hasOwn(figures, figure));
  if (unknown === undefined) return bars;
  const names = Object.keys(figures).join(', ');
  throw new UsageError(`--bar knows no "${unknown.figure}". Figures: ${names}.`);
}

async function readModel(folder: string): Promise<Uint8Array> {
  const file = path.join(folder, STUDENT_CARD_FILE);
  const text = new TextDecoder().decode(await readInputFile(file));
  const card = parseStudentCard(parseJson(text, file));
  return readInputFile(path.join(folder, card.file));
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataError('bad-row', `${file} is no JSON: distil writes it anew.`, { cause });
  }
}

async function readRows(file: string) {
  const bytes = await readInputFile(file);
  return { rows: readLabelledTexts(bytes, file), sha256: await dataHash(bytes) };
}
