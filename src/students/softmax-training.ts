import type { TextFeatures } from './features.ts';
import type { NgramParameters } from './ngram-file.ts';

/** One training row, its text already read. */
export interface TrainingExample {
  readonly features: TextFeatures;
  /** Index of its label. */
  readonly label: number;
}

export interface TrainingProgress {
  /** Rows gone through, each as often as there are passes. */
  readonly done: number;
  readonly total: number;
}

export interface TrainingControl {
  readonly onProgress?: (progress: TrainingProgress) => void;
  readonly signal?: AbortSignal;
  /** Gives way to other events; training waits for it every few milliseconds. Default: nothing. */
  readonly pause?: () => Promise<void>;
}

export interface SoftmaxTraining extends TrainingControl {
  readonly passes: number;
  readonly seed: number;
  /** Step of the first pass; it falls to almost 0 in the last. */
  readonly stepSize: number;
  /** Sum of squared gradients a bucket starts with: the larger, the smaller its first steps. */
  readonly inertia: number;
  /** Rows whose label already has at least this probability are left alone. Default 1: none. */
  readonly enough?: number;
}

/** Rows between two looks at the signal: about 10 ms of work. */
const ROWS_PER_STRETCH = 64;
/** Share of the first step that the last pass still has. */
const LAST_STEP_SHARE = 0.02;
/** The bias moves with every row, a feature with few. */
const BIAS_STEP_SHARE = 0.1;
/** A row whose labels are all this close to right is left alone, which saves work in later passes. */
const SMALLEST_ERROR = 1e-3;

/**
 * Fits a softmax classifier in place by stochastic gradient descent, one row at a time in an order
 * drawn anew for each pass. Steps shrink per bucket with its gradients so far (AdaGrad, Duchi et al.
 * 2011, one accumulator for a bucket's whole row), so that rare n-grams learn as fast as common ones.
 */
export async function trainSoftmax(
  parameters: NgramParameters,
  examples: readonly TrainingExample[],
  training: SoftmaxTraining,
): Promise<void> {
  const descent = createDescent(parameters, training);
  const random = createRandom(training.seed);
  const order = Uint32Array.from(examples.keys());
  const total = examples.length * training.passes;
  for (let pass = 0; pass < training.passes; pass += 1) {
    shuffle(order, random);
    const share = 1 - pass / training.passes + LAST_STEP_SHARE;
    for (let start = 0; start < order.length; start += ROWS_PER_STRETCH) {
      training.signal?.throwIfAborted();
      for (const index of order.subarray(start, start + ROWS_PER_STRETCH)) {
        descent.step(examples[index] as TrainingExample, training.stepSize * share);
      }
      const done = pass * examples.length + Math.min(examples.length, start + ROWS_PER_STRETCH);
      training.onProgress?.({ done, total });
      await training.pause?.();
    }
  }
}

function createDescent(
  { biases, weights }: NgramParameters,
  { inertia, enough = 1 }: SoftmaxTraining,
) {
  const labels = biases.length;
  const squares = new Float32Array(weights.length / labels).fill(inertia);
  const errors = new Float32Array(labels);
  let biasSquares = inertia;

  function step({ features, label }: TrainingExample, stepSize: number): void {
    const { buckets, values } = features;
    fillErrors(features, label);
    // The error of the right label is its probability minus 1.
    if ((errors[label] as number) >= enough - 1) return;
    let errorSquares = 0;
    let largestError = 0;
    for (let each = 0; each < labels; each += 1) {
      const error = errors[each] as number;
      errorSquares += error * error;
      largestError = Math.max(largestError, Math.abs(error));
    }
    if (largestError <= SMALLEST_ERROR) return;
    for (let index = 0; index < buckets.length; index += 1) {
      const bucket = buckets[index] as number;
      const value = values[index] as number;
      const soFar = (squares[bucket] as number) + value * value * errorSquares;
      squares[bucket] = soFar;
      const factor = (stepSize * value) / Math.sqrt(soFar);
      const start = bucket * labels;
      for (let each = 0; each < labels; each += 1) {
        weights[start + each] =
          (weights[start + each] as number) - factor * (errors[each] as number);
      }
    }
    biasSquares += errorSquares;
    const factor = (stepSize * BIAS_STEP_SHARE) / Math.sqrt(biasSquares);
    for (let each = 0; each < labels; each += 1) {
      biases[each] = (biases[each] as number) - factor * (errors[each] as number);
    }
  }

  /** Probability of each label minus what it should be: the gradient of the log loss. */
  function fillErrors({ buckets, values }: TextFeatures, label: number): void {
    errors.set(biases);
    for (let index = 0; index < buckets.length; index += 1) {
      const start = (buckets[index] as number) * labels;
      const value = values[index] as number;
      for (let each = 0; each < labels; each += 1) {
        errors[each] = (errors[each] as number) + value * (weights[start + each] as number);
      }
    }
    const largest = errors.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
    let sum = 0;
    for (let each = 0; each < labels; each += 1) {
      const power = Math.exp((errors[each] as number) - largest);
      errors[each] = power;
      sum += power;
    }
    for (let each = 0; each < labels; each += 1) errors[each] = (errors[each] as number) / sum;
    errors[label] = (errors[label] as number) - 1;
  }

  return { step };
}

/** Fisher and Yates. */
function shuffle(order: Uint32Array, random: () => number): void {
  for (let index = order.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    const held = order[index] as number;
    order[index] = order[other] as number;
    order[other] = held;
  }
}

/** splitmix32: a number from 0 up to 1, the same sequence for the same seed. */
function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let word = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
    return ((word ^ (word >>> 15)) >>> 0) / 2 ** 32;
  };
}
