import { lowerBinomialBound, upperBinomialBound } from '../cascade/binomial-bound.ts';
import { splitWords } from '../students/features.ts';
import { openNgramFile } from '../students/ngram-file.ts';
import { createScorer, indexOfLargest, readStudent, softmax } from '../students/ngram-student.ts';
import type { TrainingControl } from '../students/softmax-training.ts';
import { labelsOf, trainNgramStudent, type LabelledText } from '../students/train-ngram.ts';
import { findTypicalScores, type HeldOutScores } from '../students/typical-scores.ts';
import { fitTemperature } from './temperature.ts';

export interface DistilOptions extends TrainingControl {
  /** Same rows and seed, same bytes. */
  readonly seed: number;
}

/** What training a student came to. */
export interface DistilResult {
  /** The student's file. */
  readonly bytes: Uint8Array;
  readonly summary: DistilSummary;
}

export interface DistilSummary {
  readonly rows: number;
  readonly labels: number;
  /** Rows without a single word: they teach nothing and were left out. */
  readonly emptyRows: number;
  /** Rows that repeat another one's text and label. */
  readonly repeatedRows: number;
  /** Texts that stand under more than one label: no student can get all of these right. */
  readonly contradictoryTexts: number;
  /** Labels with a single row. */
  readonly rareLabels: number;
  /** `null` when there are too few rows to judge by. */
  readonly heldOut: HeldOut | null;
  readonly sizeBytes: number;
}

/** How students do on texts they were not trained on: about as the final one will. */
export interface HeldOut {
  /** Each row once, judged by a student that was trained without its fold. */
  readonly rows: number;
  readonly folds: number;
  readonly accuracy: number;
  /** Ends of the exact 95 % interval (Clopper and Pearson 1934). */
  readonly low: number;
  readonly high: number;
}

const FOLDS = 4;
/** With fewer rows every figure from them is wider than any use of it. */
const FEWEST_ROWS = 40;
const INTERVAL_TAIL = 0.025;
/** Runs differ in rows, so that progress is in percent. */
const PROGRESS_STEPS = 100;

/** Scores of a row's text by a student that was trained without it. */
type Judged = HeldOutScores & { readonly given: number };

/**
 * Trains an n-gram student with all rows, after one for each of four folds without it: these say how
 * well it will do, fit the temperature of its probabilities, and show what typical scores are.
 *
 * @throws DataError `too-few-rows` when no row has a word in its text.
 */
export async function distilNgram(
  rows: readonly LabelledText[],
  options: DistilOptions,
): Promise<DistilResult> {
  const labels = labelsOf(rows);
  const judged = rows.length < FEWEST_ROWS ? [] : await crossValidate(rows, { labels, options });
  const bytes = await trainNgramStudent(rows, {
    ...partOfProgress(options, judged.length === 0 ? { run: 0, runs: 1 } : { run: FOLDS }),
    temperature: fitTemperature(judged),
    ...(judged.length === 0 ? {} : { typicalScores: findTypicalScores(judged, labels.length) }),
  });
  return { bytes, summary: summarise(rows, { bytes, judged }) };
}

async function crossValidate(
  rows: readonly LabelledText[],
  { labels, options }: { readonly labels: readonly string[]; readonly options: DistilOptions },
): Promise<Judged[]> {
  const folds = rows.map(({ text }) => hashOf(text, options.seed) % FOLDS);
  const judged: Judged[] = [];
  for (let fold = 0; fold < FOLDS; fold += 1) {
    const training = rows.filter((row, index) => folds[index] !== fold && hasWord(row));
    // All rows repeat few texts, which then lie in few folds: nothing is left to learn from.
    if (training.length === 0) return [];
    const bytes = await trainNgramStudent(training, {
      ...partOfProgress(options, { run: fold }),
      labels,
    });
    const score = createScorer(openNgramFile(bytes));
    for (const [index, { text, label }] of rows.entries()) {
      const scores = folds[index] === fold ? score(text) : null;
      if (scores === null) continue;
      const given = indexOfLargest(softmax(scores, 1));
      judged.push({ scores, label: labels.indexOf(label), given });
    }
  }
  return judged;
}

function hasWord({ text }: LabelledText): boolean {
  return splitWords(text).length > 0;
}

/**
 * A hash of the text, so that all rows of one text are in one fold: a repeated text on both sides
 * would be a question whose answer is known. FNV-1a, its bits spread once more.
 */
function hashOf(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** The options of one run, whose progress is a part of the whole. */
function partOfProgress(
  options: DistilOptions,
  { run, runs = FOLDS + 1 }: { readonly run: number; readonly runs?: number },
): DistilOptions {
  const { onProgress } = options;
  if (onProgress === undefined) return options;
  return {
    ...options,
    onProgress: ({ done, total }) =>
      onProgress({
        done: Math.round(((run + done / total) / runs) * PROGRESS_STEPS),
        total: PROGRESS_STEPS,
      }),
  };
}

function summarise(
  rows: readonly LabelledText[],
  { bytes, judged }: { readonly bytes: Uint8Array; readonly judged: readonly Judged[] },
): DistilSummary {
  const labelsByText = new Map<string, Set<string>>();
  const rowsOf = new Map<string, number>();
  let repeatedRows = 0;
  for (const { text, label } of rows) {
    const labels = labelsByText.get(text) ?? new Set();
    if (labels.has(label)) repeatedRows += 1;
    labelsByText.set(text, labels.add(label));
    rowsOf.set(label, (rowsOf.get(label) ?? 0) + 1);
  }
  const texts = [...labelsByText.values()];
  return {
    rows: rows.length,
    labels: rowsOf.size,
    emptyRows: rows.length - readStudent(bytes).facts.trainedRows,
    repeatedRows,
    contradictoryTexts: texts.filter((labels) => labels.size > 1).length,
    rareLabels: [...rowsOf.values()].filter((count) => count === 1).length,
    heldOut: judged.length === 0 ? null : estimate(judged),
    sizeBytes: bytes.length,
  };
}

function estimate(judged: readonly Judged[]): HeldOut {
  const successes = judged.filter(({ label, given }) => label === given).length;
  const count = { successes, trials: judged.length };
  return {
    rows: judged.length,
    folds: FOLDS,
    accuracy: successes / judged.length,
    low: lowerBinomialBound(count, INTERVAL_TAIL),
    high: upperBinomialBound(count, INTERVAL_TAIL),
  };
}
