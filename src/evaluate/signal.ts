import {
  aurc,
  auroc,
  expectedCalibrationError,
  reliabilityTable,
  type ScoredAnswer,
} from '../cascade/reliability.ts';
import { chooseMap, crossFit } from '../cascade/calibration-map.ts';
import type { Outcome } from '../cascade/outcome.ts';
import { DataError } from '../errors.ts';
import { renderChart, type ChartPoint } from './chart.ts';
import { assignFolds, createRandom, runDraws, summariseDraws, type DrawSummary } from './draws.ts';
import { atMost, createReport, type EvaluationReport } from './report.ts';
import { distinctOutcomes, scoreOutcomes } from './score-outcomes.ts';

export interface SignalOptions {
  readonly seed: number;
  /** SHA-256 of the outcomes file. */
  readonly dataSha256: string;
  /** A bar for the calibration error after calibration; without it nothing must hold. */
  readonly maxEce?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface SignalResult {
  readonly report: EvaluationReport;
  readonly chart: string;
}

/** The four figures of a signal. `null` = not measurable on these rows. */
interface SignalFigures {
  readonly auroc: number | null;
  readonly aurc: number | null;
  readonly eceBefore: number | null;
  readonly eceAfter: number | null;
}

interface Judged {
  readonly raw: ScoredAnswer;
  readonly calibrated: ScoredAnswer;
}

const FOLDS = 5;
const INTERVAL_DRAWS = 100;
/** Rows drawn in all: a million rows get 20 draws, whose interval is narrow anyway. */
const MOST_ROWS_DRAWN = 20_000_000;

/** Every fold of the inner choice must still hold a few rows of each kind. */
const FEWEST_ROWS = 50;

/**
 * What a confidence is worth: how well it ranks (AUROC, AURC) and how far its calibrated values lie
 * from the truth, cross-fitted. Intervals: 95 % of 100 bootstrap draws of the rows (fewer above
 * 200,000 rows).
 *
 * @throws DataError `too-few-rows` below 50 scored rows; `no-signal` when nothing makes a score.
 */
export async function evaluateSignal(
  outcomes: readonly Outcome[],
  options: SignalOptions,
): Promise<SignalResult> {
  const random = createRandom(options.seed);
  const distinct = distinctOutcomes(outcomes);
  const { rows, method } = scoreOutcomes(distinct, random);
  const answers = rows.flatMap(({ score, isCorrect }) =>
    score === null || !Number.isFinite(score) ? [] : [{ score, isCorrect }],
  );
  if (answers.length < FEWEST_ROWS) {
    throw new DataError(
      'too-few-rows',
      `Only ${answers.length} rows have a score: give at least ${FEWEST_ROWS}.`,
    );
  }
  const folds = assignFolds(answers.length, FOLDS, random);
  const probabilities = crossFit(
    answers,
    folds,
    (training, innerFolds) => chooseMap(training, innerFolds).kind,
  );
  const judged = answers.map((raw, index) => ({
    raw,
    calibrated: { score: probabilities[index] ?? Number.NaN, isCorrect: raw.isCorrect },
  }));
  const figures = measure(judged);
  const intervals = await bootstrap(judged, options);
  const counts = { rows: outcomes.length, used: answers.length, distinct: distinct.length };
  const chosen = chooseMap(answers, folds).kind;
  return {
    report: describe({ figures, intervals, answers, options, context: { counts, method, chosen } }),
    chart: draw(judged, { method, seed: options.seed }),
  };
}

function measure(judged: readonly Judged[]): SignalFigures {
  const raw = judged.map((row) => row.raw);
  const isShare = raw.every(({ score }) => score >= 0 && score <= 1);
  return {
    auroc: auroc(raw),
    aurc: aurc(raw),
    eceBefore: isShare ? expectedCalibrationError(raw) : null,
    eceAfter: expectedCalibrationError(judged.map((row) => row.calibrated)),
  };
}

async function bootstrap(
  judged: readonly Judged[],
  { seed, signal, onProgress }: SignalOptions,
): Promise<Record<keyof SignalFigures, DrawSummary | null>> {
  const draws = await runDraws(
    (random) => measure(judged.map(() => judged[Math.floor(random() * judged.length)] as Judged)),
    {
      draws: intervalDraws(judged.length),
      seed,
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined ? {} : { onProgress }),
    },
  );
  const spread = (name: keyof SignalFigures): DrawSummary | null => {
    const values = draws.map((figures) => figures[name]).filter((value) => value !== null);
    return values.length === 0 ? null : summariseDraws(values);
  };
  return {
    auroc: spread('auroc'),
    aurc: spread('aurc'),
    eceBefore: spread('eceBefore'),
    eceAfter: spread('eceAfter'),
  };
}

function intervalDraws(rows: number): number {
  return Math.min(INTERVAL_DRAWS, Math.ceil(MOST_ROWS_DRAWN / rows));
}

function describe({
  figures,
  intervals,
  answers,
  options,
  context,
}: {
  readonly figures: SignalFigures;
  readonly intervals: Record<keyof SignalFigures, DrawSummary | null>;
  readonly answers: readonly ScoredAnswer[];
  readonly options: SignalOptions;
  readonly context: {
    readonly counts: Readonly<Record<string, number>>;
    readonly method: string;
    readonly chosen: string;
  };
}): EvaluationReport {
  const right = answers.filter(({ isCorrect }) => isCorrect).length / answers.length;
  const ends = Object.entries(intervals).flatMap(([name, summary]) => [
    [`${name}Low`, summary?.low ?? null] as const,
    [`${name}High`, summary?.high ?? null] as const,
  ]);
  const { counts, method, chosen } = context;
  const bars =
    options.maxEce === undefined
      ? []
      : [atMost('calibration error after calibration', figures.eceAfter, { bar: options.maxEce })];
  return createReport({
    name: 'evaluate signal',
    figures: { ...figures, ...Object.fromEntries(ends), correctShare: right },
    bars,
    context: {
      ...counts,
      score: method,
      calibration: `${chosen}, cross-fitted over ${FOLDS} folds; each fold chose its map on its own training rows`,
      intervals: `95 % of ${intervalDraws(answers.length)} bootstrap draws`,
      seed: options.seed,
      dataSha256: options.dataSha256,
    },
  });
}

function draw(judged: readonly Judged[], facts: { method: string; seed: number }): string {
  return renderChart({
    title: 'What the confidence is worth',
    caption: `${judged.length} rows; ${facts.method}; seed ${facts.seed}`,
    panels: [
      {
        title: 'Wrong answers among the surest',
        xLabel: 'share of requests kept',
        yLabel: 'share wrong among them',
        xRange: [0, 1],
        series: [{ name: 'by score', kind: 'line', points: riskCurve(judged) }],
      },
      {
        title: 'Claimed against actual',
        xLabel: 'claimed probability',
        yLabel: 'share right',
        xRange: [0, 1],
        yRange: [0, 1],
        series: [
          { name: 'after calibration', kind: 'dots', points: reliabilityPoints(judged) },
          {
            name: 'perfect',
            kind: 'line',
            points: [
              { x: 0, y: 0 },
              { x: 1, y: 1 },
            ],
          },
        ],
      },
    ],
  });
}

function riskCurve(judged: readonly Judged[]): ChartPoint[] {
  const sorted = judged.toSorted((a, b) => b.raw.score - a.raw.score);
  let wrong = 0;
  return sorted.map(({ raw }, index) => {
    wrong += Number(!raw.isCorrect);
    return { x: (index + 1) / sorted.length, y: wrong / (index + 1) };
  });
}

function reliabilityPoints(judged: readonly Judged[]): ChartPoint[] {
  return reliabilityTable(judged.map((row) => row.calibrated)).flatMap((bin) =>
    bin.meanConfidence === null || bin.correctShare === null
      ? []
      : [{ x: bin.meanConfidence, y: bin.correctShare }],
  );
}
