import { fitLogistic, predictLogistic } from '../cascade/logistic.ts';
import { isLoss, type Outcome } from '../cascade/outcome.ts';
import { DataError } from '../errors.ts';
import { assignFolds, type Random } from './draws.ts';

/** An outcome as calibration and certificates see it. */
export interface ScoredOutcome {
  readonly id: string;
  /** `null` = unknown. */
  readonly score: number | null;
  readonly isCorrect: boolean;
  readonly isLoss: boolean;
}

export interface ScoredOutcomes {
  readonly rows: readonly ScoredOutcome[];
  /** Where the score comes from, for people. */
  readonly method: string;
}

/** One number of an outcome that a score may be made of; `null` = unknown. */
interface Column {
  readonly name: string;
  /** Gets its own facts (a topic's share) from the training rows alone. */
  fit(training: readonly Outcome[]): (outcome: Outcome) => number | null;
}

const FOLDS = 5;

/** Rows of the mean that a topic's share is mixed with, so that three rows make no expert. */
const TOPIC_PRIOR_ROWS = 10;

/** One row per id: a request that was recorded twice is wrong if it was wrong once. */
export function distinctOutcomes(outcomes: readonly Outcome[]): Outcome[] {
  const byId = new Map<string, Outcome>();
  for (const outcome of outcomes) {
    const known = byId.get(outcome.id);
    if (known === undefined || (known.deviceCorrect && !outcome.deviceCorrect)) {
      byId.set(outcome.id, outcome);
    }
  }
  return [...byId.values()];
}

/**
 * A score for each outcome: its own, or where no row has one, a logistic model of what the rows do
 * have (features; else topic and length of text), cross-fitted: each row is scored by a model that
 * has not seen it. `method` says which.
 *
 * @throws DataError `no-signal` when the rows hold nothing to make a score of.
 */
export function scoreOutcomes(outcomes: readonly Outcome[], random: Random): ScoredOutcomes {
  if (outcomes.some(({ score }) => score !== undefined && score !== null)) {
    const rows = outcomes.map((outcome) => scored(outcome, outcome.score ?? null));
    return { rows, method: 'score of the outcomes' };
  }
  const columns = listColumns(outcomes);
  if (columns.length === 0) {
    throw new DataError(
      'no-signal',
      'The outcomes hold no score, feature, topic or text: add what the device knew of its answer.',
    );
  }
  const folds = assignFolds(outcomes.length, FOLDS, random);
  const models = Array.from({ length: FOLDS }, (_, fold) =>
    fitScore(
      outcomes.filter((__, index) => folds[index] !== fold),
      columns,
    ),
  );
  const rows = outcomes.map((outcome, index) =>
    scored(outcome, models[folds[index] ?? 0]?.(outcome) ?? null),
  );
  const names = columns.map(({ name }) => name).join(', ');
  return { rows, method: `logistic model of ${names}; cross-fitted, ${FOLDS} folds` };
}

function scored(outcome: Outcome, score: number | null): ScoredOutcome {
  return {
    id: outcome.id,
    score: score === null || Number.isNaN(score) ? null : score,
    isCorrect: outcome.deviceCorrect,
    isLoss: isLoss(outcome),
  };
}

function listColumns(outcomes: readonly Outcome[]): Column[] {
  const names = new Set(outcomes.flatMap(({ features }) => Object.keys(features ?? {})));
  const hasAny = (has: (outcome: Outcome) => boolean): boolean => outcomes.some(has);
  if (names.size > 0) return [...names].toSorted().map((name) => featureColumn(name));
  return [
    ...(hasAny(({ topic }) => topic !== undefined) ? [TOPIC_COLUMN] : []),
    ...(hasAny(({ text }) => text !== undefined) ? [LENGTH_COLUMN] : []),
  ];
}

function featureColumn(name: string): Column {
  return { name, fit: () => (outcome) => outcome.features?.[name] ?? null };
}

const LENGTH_COLUMN: Column = {
  name: 'length of the text',
  fit: () => (outcome) => (outcome.text === undefined ? null : Math.log1p(outcome.text.length)),
};

const TOPIC_COLUMN: Column = {
  name: "the topic's share of right answers",
  fit(training) {
    const mean = training.filter(({ deviceCorrect }) => deviceCorrect).length / training.length;
    const counts = new Map<string, { right: number; rows: number }>();
    for (const { topic = '', deviceCorrect } of training) {
      const count = counts.get(topic) ?? { right: 0, rows: 0 };
      counts.set(topic, { right: count.right + Number(deviceCorrect), rows: count.rows + 1 });
    }
    return ({ topic = '' }) => {
      const { right, rows } = counts.get(topic) ?? { right: 0, rows: 0 };
      return (right + TOPIC_PRIOR_ROWS * mean) / (rows + TOPIC_PRIOR_ROWS);
    };
  },
};

/** A logistic model of the columns. An unknown value has a weight of its own and counts as the mean. */
function fitScore(
  training: readonly Outcome[],
  columns: readonly Column[],
): (outcome: Outcome) => number {
  if (training.length === 0) return () => Number.NaN;
  const readers = columns.map((column) => {
    const read = column.fit(training);
    const known = training.map((outcome) => read(outcome)).filter((value) => isKnown(value));
    const mean = known.reduce((sum, value) => sum + value, 0) / Math.max(1, known.length);
    return (outcome: Outcome): [number, number] => {
      const value = read(outcome);
      return isKnown(value) ? [value, 0] : [mean, 1];
    };
  });
  const inputsOf = (outcome: Outcome): number[] => readers.flatMap((read) => read(outcome));
  const model = fitLogistic(
    training.map((outcome) => ({ inputs: inputsOf(outcome), isCorrect: outcome.deviceCorrect })),
  );
  return (outcome) => predictLogistic(model, inputsOf(outcome));
}

function isKnown(value: number | null): value is number {
  return value !== null && Number.isFinite(value);
}
