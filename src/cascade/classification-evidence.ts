import type { ClassificationEvidence } from '../types.ts';

export type { ClassificationEvidence } from '../types.ts';

/** Rounding may leave the sum of the probabilities this far from 1; more is garbage. */
const SUM_SLACK = 1e-3;

/** Evidence from the probabilities of all classes; all unknown when they are no distribution. */
export function summariseProbabilities(
  probabilities: readonly number[],
  trainingDistance: number | null = null,
): ClassificationEvidence {
  const distance =
    trainingDistance !== null && Number.isFinite(trainingDistance) ? trainingDistance : null;
  if (!isDistribution(probabilities)) {
    return { topProbability: null, margin: null, entropy: null, trainingDistance: distance };
  }
  let top = 0;
  let second = 0;
  let entropy = 0;
  for (const probability of probabilities) {
    if (probability > top) [top, second] = [probability, top];
    else if (probability > second) second = probability;
    if (probability > 0) entropy -= probability * Math.log(probability);
  }
  return {
    topProbability: top,
    margin: top - second,
    entropy: probabilities.length < 2 ? 0 : entropy / Math.log(probabilities.length),
    trainingDistance: distance,
  };
}

/** The evidence by name, as outcomes and calibrations carry it. */
export function classificationFeatures(
  evidence: ClassificationEvidence,
): Readonly<Record<string, number | null>> {
  const { topProbability, margin, entropy, trainingDistance } = evidence;
  return { topProbability, margin, entropy, trainingDistance };
}

function isDistribution(probabilities: readonly number[]): boolean {
  if (probabilities.length === 0) return false;
  let sum = 0;
  for (const probability of probabilities) {
    if (!(probability >= 0 && probability <= 1 + SUM_SLACK)) return false;
    sum += probability;
  }
  return Math.abs(sum - 1) <= SUM_SLACK;
}
