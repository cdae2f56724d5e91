import {
  type ClassificationEvidence,
  summariseProbabilities,
} from '../cascade/classification-evidence.ts';
import { createFeatureReader, type TextFeatures } from './features.ts';
import {
  type NgramFile,
  type NgramHeader,
  openNgramFile,
  readWeights,
  scaleOf,
} from './ngram-file.ts';
import { hasWord, type WordSet } from './word-set.ts';

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

/** Opens a student's file. @throws ModelError `bad-format` */
export function readStudent(bytes: Uint8Array): Student {
  const file = openNgramFile(bytes);
  const { labels, features, trainedRows, bitsPerWeight } = file.header;
  const readFeatures = createFeatureReader(features);
  return {
    labels,
    facts: {
      kind: 'ngram',
      trainedRows,
      sizeBytes: bytes.length,
      quantisation: bitsPerWeight === 4 ? 'int4' : 'int8',
    },
    predict(text) {
      const found = readFeatures(text);
      const probabilities = softmax(scoresOf(file, found), file.header.temperature);
      const best = probabilities.indexOf(Math.max(...probabilities));
      return {
        label: labels[best] ?? '',
        probabilities: byName(labels, probabilities),
        evidence: summariseProbabilities(probabilities, unknownShare(found.words, file.words)),
      };
    },
  };
}

function scoresOf(file: NgramFile, { buckets, values }: TextFeatures): Float64Array {
  const scores = Float64Array.from(file.biases);
  const row = new Int8Array(scores.length);
  for (const [index, bucket] of buckets.entries()) {
    const factor = (values[index] ?? 0) * scaleOf(file.scaleCodes[bucket] ?? 0);
    if (factor === 0) continue;
    readWeights(file, bucket, row);
    for (let label = 0; label < row.length; label += 1) {
      scores[label] = (scores[label] ?? 0) + factor * (row[label] ?? 0);
    }
  }
  return scores;
}

/** Probabilities exp(s/t) / Σ exp(s/t), the largest taken off first so that nothing overflows. */
function softmax(scores: Float64Array, temperature: number): number[] {
  const largest = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp((score - largest) / temperature));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** `__proto__` is a label like any other. */
function byName(labels: readonly string[], probabilities: readonly number[]) {
  return Object.fromEntries(labels.map((label, index) => [label, probabilities[index] ?? 0]));
}

/** Share of the text's words and runs of words that training never saw; 1 for a text without words. */
function unknownShare(words: Uint32Array, known: WordSet): number {
  const unknown = words.filter((word) => !hasWord(known, word)).length;
  return words.length === 0 ? 1 : unknown / words.length;
}
