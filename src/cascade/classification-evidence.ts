/** What a classifier saw. `null` = unknown, which is never the same as 0. */
export interface ClassificationEvidence {
  /** Highest probability, 0 to 1. */
  readonly topProbability: number | null;
  /** Highest minus second highest probability; with one class, the highest itself. */
  readonly margin: number | null;
  /** Entropy in nats, divided by its largest value: 0 = one class has it all, 1 = all alike. */
  readonly entropy: number | null;
  /** How far the text lies from the training data: 0 = its features are all known, 1 = none is. */
  readonly trainingDistance: number | null;
}

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
