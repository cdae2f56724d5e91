import { chooseMap, crossFit } from '../cascade/calibration-map.ts';
import { certifyThreshold, type LabelledScore } from '../cascade/certificate.ts';
import { auroc, expectedCalibrationError, type ScoredAnswer } from '../cascade/reliability.ts';
import { lowerBinomialBound, upperBinomialBound } from '../cascade/binomial-bound.ts';
import { DataError } from '../errors.ts';
import type { Student, StudentPrediction } from '../students/ngram-student.ts';
import type { LabelledText } from '../students/train-ngram.ts';
import {
  assignFolds,
  createRandom,
  quantileOfSorted,
  runDraws,
  splitAtRandom,
  summariseDraws,
} from './draws.ts';
import { type Bar, createReport, type EvaluationReport } from './report.ts';

export interface ClassifyOptions {
  readonly student: Student;
  readonly test: readonly LabelledText[];
  /** Texts of labels the student does not know; without them `oosAuroc` is not measured. */
  readonly outOfScope?: readonly LabelledText[];
  readonly seed: number;
  /** SHA-256 of the files, for the context. */
  readonly hashes: Readonly<Record<string, string>>;
  /** Bars from the figures. */
  readonly bars: (figures: Readonly<Record<string, number | null>>) => readonly Bar[];
  /** Milliseconds; for `msP95`. */
  readonly now: () => number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** One answer and how it went. */
interface Answer {
  readonly evidence: StudentPrediction['evidence'];
  readonly isCorrect: boolean;
}

interface Split {
  readonly kept: number;
  readonly isBroken: boolean;
}

const SPLITS = 200;
const LABELS = [300, 1000] as const;
const BUDGET = { alpha: 0.02, delta: 0.1 } as const;
const FOLDS = 5;
/** Every fold of the inner choice of a map must still hold a few rows. */
const FEWEST_FOR_CALIBRATION = 50;
const INTERVAL_TAIL = 0.025;
/** The quickest counts: what other programs took of a run is not the student's time. */
const TIMED_RUNS = 3;

/**
 * What a student is worth on texts it was not trained on: how often it is right, how well its margin
 * ranks, how far calibrated confidence is from the truth (cross-fitted), what share of requests a
 * certificate from 300 and 1,000 labels keeps, and how often that certificate is broken on all rows.
 *
 * @throws DataError `too-few-rows` without rows.
 */
export async function evaluateClassify(options: ClassifyOptions): Promise<EvaluationReport> {
  const { student, test, outOfScope = [], seed } = options;
  if (test.length === 0) throw new DataError('too-few-rows', 'There are no rows to judge by.');
  const { answers, durationsMs } = answerAll(options, test);
  const foreign = answerAll(options, outOfScope).answers;
  const successes = answers.filter((answer) => answer.isCorrect).length;
  const right = { successes, trials: answers.length };
  const figures: Record<string, number | null> = {
    accuracy: successes / answers.length,
    accuracyLow: lowerBinomialBound(right, INTERVAL_TAIL),
    accuracyHigh: upperBinomialBound(right, INTERVAL_TAIL),
    auroc: auroc(answers.map(({ evidence, isCorrect }) => scored(evidence.margin, isCorrect))),
    ...calibrationErrors(answers, seed),
    oosAuroc: foreign.length === 0 ? null : scopeAuroc(answers, foreign),
    ...(await certifyOften(answers, options)),
    msP95: quantileOfSorted(
      durationsMs.toSorted((a, b) => a - b),
      0.95,
    ),
    bytes: student.facts.sizeBytes,
  };
  return createReport({
    name: 'evaluate classify',
    figures,
    bars: options.bars(figures),
    context: {
      rows: test.length,
      outOfScopeRows: outOfScope.length,
      labels: student.labels.length,
      trainedRows: student.facts.trainedRows,
      confidence: 'margin between the two most probable labels',
      scope: 'distance to the training data',
      certificate: `loss at most ${BUDGET.alpha} with risk ${BUDGET.delta}, ${SPLITS} random draws of labels, each judged by the loss on all rows`,
      calibration: `cross-fitted over ${FOLDS} folds`,
      interval: '95 %, exact binomial',
      msP95: `95 % of texts take at most this, the quickest of ${TIMED_RUNS} runs of each`,
      seed,
      ...options.hashes,
    },
  });
}

function answerAll(
  { student, now }: ClassifyOptions,
  rows: readonly LabelledText[],
): { answers: Answer[]; durationsMs: number[] } {
  const durationsMs: number[] = [];
  const answers = rows.map(({ text, label }) => {
    const runs = Array.from({ length: TIMED_RUNS }, () => {
      const startedAtMs = now();
      const prediction = student.predict(text);
      return { prediction, durationMs: now() - startedAtMs };
    });
    durationsMs.push(Math.min(...runs.map(({ durationMs }) => durationMs)));
    const { label: given, evidence } = (runs[0] as (typeof runs)[number]).prediction;
    return { evidence, isCorrect: given === label };
  });
  return { answers, durationsMs };
}

/** An unknown score ranks below all others. */
function scored(score: number | null, isCorrect: boolean): ScoredAnswer {
  return { score: score ?? Number.NEGATIVE_INFINITY, isCorrect };
}

/** How often a text of a known label lies nearer to the training data than one of a foreign label. */
function scopeAuroc(known: readonly Answer[], foreign: readonly Answer[]): number | null {
  const nearness = ({ evidence }: Answer): number | null =>
    evidence.trainingDistance === null ? null : 1 - evidence.trainingDistance;
  return auroc([
    ...known.map((answer) => scored(nearness(answer), true)),
    ...foreign.map((answer) => scored(nearness(answer), false)),
  ]);
}

/** `null` with too few rows, or all right or all wrong: then no map can be judged. */
function calibrationErrors(
  answers: readonly Answer[],
  seed: number,
): { ece: number | null; eceBefore: number | null } {
  const raw = answers.map(({ evidence, isCorrect }) => scored(evidence.topProbability, isCorrect));
  const eceBefore = expectedCalibrationError(raw);
  if (raw.length < FEWEST_FOR_CALIBRATION) return { ece: null, eceBefore };
  const margins = answers.map(({ evidence, isCorrect }) => scored(evidence.margin, isCorrect));
  const folds = assignFolds(margins.length, FOLDS, createRandom(seed));
  const fitted = crossFit(margins, folds, (rows, inner) => chooseMap(rows, inner).kind);
  const calibrated = margins.map(({ isCorrect }, index) => ({
    score: fitted[index] ?? Number.NaN,
    isCorrect,
  }));
  return { ece: expectedCalibrationError(calibrated), eceBefore };
}

/** Shares kept and promises broken for each count of labels; `null` where there are too few rows. */
async function certifyOften(
  answers: readonly Answer[],
  options: ClassifyOptions,
): Promise<Record<string, number | null>> {
  const rows = answers.map(({ evidence, isCorrect }) => ({
    score: evidence.margin,
    isLoss: !isCorrect,
  }));
  const figures: Record<string, number | null> = {};
  let worst: number | null = null;
  for (const [index, labels] of LABELS.entries()) {
    const splits = labels < rows.length ? await drawSplits(rows, { labels, index, options }) : null;
    const kept = splits === null ? null : summariseDraws(splits.map((split) => split.kept));
    const broken =
      splits === null ? null : splits.filter((split) => split.isBroken).length / SPLITS;
    figures[`keptCertified${labels}`] = kept?.mean ?? null;
    figures[`keptCertified${labels}Sd`] = kept?.sd ?? null;
    figures[`violations${labels}`] = broken;
    worst = broken === null ? worst : Math.max(broken, worst ?? 0);
  }
  return { ...figures, violations: worst };
}

function drawSplits(
  rows: readonly LabelledScore[],
  draw: { readonly labels: number; readonly index: number; readonly options: ClassifyOptions },
): Promise<Split[]> {
  const { labels, index, options } = draw;
  const { seed, signal, onProgress } = options;
  return runDraws((random) => judgeSplit(splitAtRandom(rows, labels, random).drawn, rows), {
    draws: SPLITS,
    seed: seed + index,
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined
      ? {}
      : { onProgress: (done) => onProgress(index * SPLITS + done, LABELS.length * SPLITS) }),
  });
}

/** What the threshold certified on the drawn labels does to all rows. */
function judgeSplit(drawn: readonly LabelledScore[], rows: readonly LabelledScore[]): Split {
  const certificate = certifyThreshold(drawn, BUDGET);
  if (certificate.status !== 'certified') return { kept: 0, isBroken: false };
  const kept = rows.filter(
    ({ score }) => (score ?? Number.NEGATIVE_INFINITY) >= certificate.threshold,
  );
  const losses = kept.filter(({ isLoss }) => isLoss).length;
  return { kept: kept.length / rows.length, isBroken: losses / rows.length > BUDGET.alpha };
}
