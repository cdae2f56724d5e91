import {
  type ClassificationEvidence,
  summariseProbabilities,
} from '../cascade/classification-evidence.ts';
import { createFeatureReader } from './features.ts';
import {
  type NgramFile,
  type NgramHeader,
  openNgramFile,
  readWeights,
  scaleOf,
} from './ngram-file.ts';
import { distanceOf, openTypicalScores } from './typical-scores.ts';

/** A small trained classifier. */
export interface Student {
  /** In the order of training; at least one. */
  readonly labels: readonly string[];
  readonly facts: StudentFacts;
  /** Answers at once, in well under a millisecond for a message; any text is fine, the empty one too. */
  predict(text: string): StudentPrediction;
}

export interface StudentFacts {
  readonly kind: NgramHeader['kind'];
  readonly trainedRows: number;
  readonly sizeBytes: number;
  /** As calibrations name it. */
  readonly quantisation: 'int4' | 'int8';
}

export interface StudentPrediction {
  /** The most probable label; the first of several equals. */
  readonly label: string;
  /** Of every label, together 1. Not calibrated: order first, shares about right. */
  readonly probabilities: Readonly<Record<string, number>>;
  readonly evidence: ClassificationEvidence;
}

/** Gives the score of each label, before the softmax; `null` for a text without a word. */
export type Scorer = (text: string) => Float64Array | null;

/** Opens a student's file. @throws ModelError `bad-format` */
export function readStudent(bytes: Uint8Array): Student {
  const file = openNgramFile(bytes);
  const { labels, trainedRows, bitsPerWeight, temperature } = file.header;
  const score = createScorer(file);
  const typical = openTypicalScores(file.typical, labels.length);
  return {
    labels,
    facts: {
      kind: 'ngram',
      trainedRows,
      sizeBytes: bytes.length,
      quantisation: bitsPerWeight === 4 ? 'int4' : 'int8',
    },
    predict(text) {
      const scores = score(text);
      const probabilities = softmax(scores ?? file.biases, temperature);
      const label = indexOfLargest(probabilities);
      const best = { label, probability: probabilities[label] ?? 0 };
      // Nothing in a text without words is known.
      const distance = scores === null ? 1 : distanceOf(scores, best, typical);
      return {
        label: labels[label] ?? '',
        probabilities: byName(labels, probabilities),
        evidence: summariseProbabilities(probabilities, distance),
      };
    },
  };
}

export function createScorer(file: NgramFile): Scorer {
  const readFeatures = createFeatureReader(file.header.features);
  const row = new Int8Array(file.biases.length);
  const scales = Float64Array.from(file.scaleCodes, scaleOf);
  return (text) => {
    const { buckets, values } = readFeatures(text);
    if (buckets.length === 0) return null;
    const scores = Float64Array.from(file.biases);
    for (const [index, bucket] of buckets.entries()) {
      const factor = (values[index] ?? 0) * (scales[bucket] ?? 0);
      if (factor === 0) continue;
      readWeights(file, bucket, row);
      for (let label = 0; label < row.length; label += 1) {
        scores[label] = (scores[label] ?? 0) + factor * (row[label] ?? 0);
      }
    }
    return scores;
  };
}

/** Probabilities exp(s/t) / Σ exp(s/t), the largest taken off first so that nothing overflows. */
export function softmax(scores: ArrayLike<number>, temperature: number): number[] {
  const largest = Array.from(scores).reduce((most, score) => Math.max(most, score), -Infinity);
  const powers = Array.from(scores, (score) => Math.exp((score - largest) / temperature));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** The first of several equals. */
export function indexOfLargest(values: readonly number[]): number {
  return values.reduce((best, value, index) => (value > (values[best] ?? 0) ? index : best), 0);
}

/** `__proto__` is a label like any other. */
function byName(labels: readonly string[], probabilities: readonly number[]) {
  return Object.fromEntries(labels.map((label, index) => [label, probabilities[index] ?? 0]));
}
