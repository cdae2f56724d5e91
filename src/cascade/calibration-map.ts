import { applyIsotonic, fitIsotonic, type IsotonicStep } from './isotonic.ts';
import { fitLogistic, sigmoid } from './logistic.ts';
import type { ScoredAnswer } from './reliability.ts';

/** Makes a probability of a score; never falls as the score rises. */
export type CalibrationMap =
  | {
      readonly kind: 'logistic';
      /** `logit`: the score is a share, and its log-odds go in. */
      readonly transform: 'identity' | 'logit';
      readonly intercept: number;
      readonly weight: number;
      /** Scores seen; beyond them the probability stays what it is at the end. */
      readonly lowest: number;
      readonly highest: number;
    }
  | { readonly kind: 'isotonic'; readonly steps: readonly IsotonicStep[] };

export type MapKind = CalibrationMap['kind'];

/** A share this near to 0 or 1 counts as this near, so that its log-odds stay finite. */
const NEAREST_TO_CERTAIN = 1e-6;

/** Fits one kind of map to answers with finite scores. @throws RangeError without answers. */
export function fitMap(kind: MapKind, answers: readonly ScoredAnswer[]): CalibrationMap {
  if (kind === 'isotonic') return { kind, steps: fitIsotonic(answers) };
  const scores = answers.map(({ score }) => score);
  const lowest = scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY);
  const highest = scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  const transform = lowest >= 0 && highest <= 1 ? 'logit' : 'identity';
  const rows = answers.map(({ score, isCorrect }) => ({
    inputs: [transformed(score, transform)],
    isCorrect,
  }));
  const { intercept, weights } = fitLogistic(rows);
  const weight = weights[0] ?? 0;
  const map = { kind, transform, lowest, highest } as const;
  if (weight >= 0) return { ...map, intercept, weight };
  // Surer and yet more often wrong: the score carries no usable order, and only the mean is left.
  const { intercept: mean } = fitLogistic(rows.map(({ isCorrect }) => ({ inputs: [], isCorrect })));
  return { ...map, intercept: mean, weight: 0 };
}

/** The probability at a score; `null` when the score is unknown. */
export function applyMap(map: CalibrationMap, score: number | null): number | null {
  if (score === null || Number.isNaN(score)) return null;
  if (map.kind === 'isotonic') return applyIsotonic(map.steps, score);
  const within = Math.min(map.highest, Math.max(map.lowest, score));
  return sigmoid(map.intercept + map.weight * transformed(within, map.transform));
}

/**
 * Cross-validated log loss of each kind, and the kind with the lower one. `folds` gives each
 * answer's fold, at least two of them; every answer is judged by a map fitted on the other folds.
 */
export function chooseMap(
  answers: readonly ScoredAnswer[],
  folds: readonly number[],
): { readonly kind: MapKind; readonly logLoss: Readonly<Record<MapKind, number>> } {
  const logistic = logLoss(
    answers,
    crossFit(answers, folds, () => 'logistic'),
  );
  const isotonic = logLoss(
    answers,
    crossFit(answers, folds, () => 'isotonic'),
  );
  return { kind: isotonic < logistic ? 'isotonic' : 'logistic', logLoss: { logistic, isotonic } };
}

/**
 * Each answer's probability by a map fitted on the other folds. `choose` names the kind from the
 * training rows alone.
 */
export function crossFit(
  answers: readonly ScoredAnswer[],
  folds: readonly number[],
  choose: (training: readonly ScoredAnswer[], folds: readonly number[]) => MapKind,
): number[] {
  const maps = new Map<number, CalibrationMap>();
  for (const fold of new Set(folds)) {
    const isTraining = (_: unknown, index: number): boolean => folds[index] !== fold;
    const training = answers.filter(isTraining);
    maps.set(fold, fitMap(choose(training, folds.filter(isTraining)), training));
  }
  return answers.map(({ score }, index) => {
    const map = maps.get(folds[index] ?? Number.NaN);
    return (map === undefined ? null : applyMap(map, score)) ?? Number.NaN;
  });
}

function transformed(score: number, transform: 'identity' | 'logit'): number {
  if (transform === 'identity') return score;
  const share = Math.min(1 - NEAREST_TO_CERTAIN, Math.max(NEAREST_TO_CERTAIN, score));
  return Math.log(share / (1 - share));
}

/** Mean negative log-likelihood of what happened, in nats. */
function logLoss(answers: readonly ScoredAnswer[], probabilities: readonly number[]): number {
  const sum = answers.reduce((total, { isCorrect }, index) => {
    const right = probabilities[index] ?? Number.NaN;
    return total - Math.log(isCorrect ? right : 1 - right);
  }, 0);
  return sum / answers.length;
}
