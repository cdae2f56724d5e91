import { chooseMap, crossFit, fitMap } from '../cascade/calibration-map.ts';
import type { Calibration, CalibrationScope } from '../cascade/calibration.ts';
import type { Outcome } from '../cascade/outcome.ts';
import {
  auroc,
  expectedCalibrationError,
  reliabilityTable,
  type ScoredAnswer,
} from '../cascade/reliability.ts';
import { DataError } from '../errors.ts';

export interface CalibrateOptions {
  /** What the outcomes were measured on, but for the evidence. */
  readonly scope: Omit<CalibrationScope, 'evidence'>;
  /** `score` or the name of a feature; default: see `chooseEvidence`. */
  readonly evidence?: string;
  /** SHA-256 of the outcomes file. */
  readonly dataSha256: string;
  /** Day, ISO 8601. */
  readonly date: string;
  readonly seed: number;
  /** Numbers from 0 up to 1, by that seed: assigns the folds. */
  readonly random: () => number;
}

const FOLDS = 5;

/** Below this a reliability table is noise and a fold may hold one kind of answer only. */
const FEWEST_ANSWERS = 50;

/** Digits of the data's hash that make an id unique enough to be read aloud. */
const ID_HASH_DIGITS = 12;

/**
 * A map from score to probability, the kind chosen by cross-validated log loss, with what it was
 * measured on. The table and the errors are cross-fitted; the map itself is fitted on all rows.
 *
 * @throws DataError `too-few-rows` below 50 answers with a known score; `no-signal` when no row has
 * the evidence.
 */
export function calibrate(outcomes: readonly Outcome[], options: CalibrateOptions): Calibration {
  const evidence = options.evidence ?? chooseEvidence(outcomes);
  const answers = answersOf(outcomes, evidence);
  if (answers.length === 0) throw noEvidence(evidence);
  if (answers.length < FEWEST_ANSWERS) {
    throw new DataError(
      'too-few-rows',
      `Only ${answers.length} rows have "${evidence}": a calibration takes at least ${FEWEST_ANSWERS}.`,
    );
  }
  const folds = answers.map(() => Math.floor(options.random() * FOLDS));
  const { kind, logLoss } = chooseMap(answers, folds);
  const probabilities = crossFit(
    answers,
    folds,
    (training, inner) => chooseMap(training, inner).kind,
  );
  const judged = answers.map(({ isCorrect }, index) => ({
    score: probabilities[index] ?? Number.NaN,
    isCorrect,
  }));
  const isShare = answers.every(({ score }) => score >= 0 && score <= 1);
  return {
    version: 1,
    id: `${options.scope.task}-${evidence}-${options.dataSha256.slice(0, ID_HASH_DIGITS)}`,
    scope: { ...options.scope, evidence },
    map: fitMap(kind, answers),
    samples: answers.length,
    date: options.date,
    dataSha256: options.dataSha256,
    seed: options.seed,
    reliability: reliabilityTable(judged),
    ece: expectedCalibrationError(judged) ?? 0,
    eceBefore: isShare ? expectedCalibrationError(answers) : null,
    logLoss,
  };
}

/**
 * `score` where the rows have one, else the feature that tells right from wrong best (AUROC, higher
 * being surer). @throws DataError `no-signal` when there is neither.
 */
export function chooseEvidence(outcomes: readonly Outcome[]): string {
  if (outcomes.some(({ score }) => typeof score === 'number')) return 'score';
  const names = [...new Set(outcomes.flatMap(({ features }) => Object.keys(features ?? {})))];
  const ranked = names
    .map((name) => ({ name, rank: auroc(answersOf(outcomes, name)) ?? 0 }))
    .toSorted((a, b) => b.rank - a.rank || a.name.localeCompare(b.name));
  const best = ranked[0];
  if (best === undefined) throw noEvidence('score');
  return best.name;
}

function answersOf(outcomes: readonly Outcome[], evidence: string): ScoredAnswer[] {
  return outcomes.flatMap(({ score, features, deviceCorrect }) => {
    const value = evidence === 'score' ? score : features?.[evidence];
    return typeof value === 'number' && Number.isFinite(value)
      ? [{ score: value, isCorrect: deviceCorrect }]
      : [];
  });
}

function noEvidence(evidence: string): DataError {
  return new DataError(
    'no-signal',
    `No row has "${evidence}": give outcomes with a score or features, or name a feature with --evidence.`,
  );
}
