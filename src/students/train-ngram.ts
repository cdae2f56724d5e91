import { DataError } from '../errors.ts';
import { createFeatureReader, DEFAULT_FEATURES, type FeatureSettings } from './features.ts';
import { type NgramFile, openNgramFile, packNgramFile, unpackWeights } from './ngram-file.ts';
import { trainSoftmax, type TrainingControl, type TrainingExample } from './softmax-training.ts';

/** A text and what it is. */
export interface LabelledText {
  readonly text: string;
  readonly label: string;
}

export interface NgramTraining extends TrainingControl {
  /** Same rows and seed, same bytes. Default 1. */
  readonly seed?: number;
  /** Default: chosen on Banking77 and CLINC150. */
  readonly features?: FeatureSettings;
  /** Scores are divided by it; from held-out rows. Default 1. */
  readonly temperature?: number;
  /** From `findTypicalScores`, for the distance to the training data. Default none: unknown. */
  readonly typicalScores?: Int8Array;
  /** All labels, also those without rows. Default: those of the rows. In order of code units. */
  readonly labels?: readonly string[];
  /** Default 4: half the size of 8, and as accurate as plain floats (docs/students.md). */
  readonly bitsPerWeight?: 4 | 8;
}

/** Chosen by cross-validation on training rows, see docs/students.md. */
const PASSES = 12;
const STEP_SIZE = 1.5;
const INERTIA = 4e-3;

/** Later rows are few: they are gone through until they are learnt, in steps that spare the rest. */
const UPDATE_PASSES = 12;
const UPDATE_STEP_SIZE = 1;
const UPDATE_INERTIA = 1;
/** Then the right label leads for sure; learning on would only push other labels out. */
const UPDATE_ENOUGH = 0.6;

/**
 * Trains an n-gram student. Rows without a word carry nothing and are left out; rows with the same
 * text and different labels are all kept, and the student then gives each its share.
 *
 * @throws DataError `too-few-rows` when no row has both a word and a label.
 */
export async function trainNgramStudent(
  rows: readonly LabelledText[],
  options: NgramTraining = {},
): Promise<Uint8Array> {
  const { seed = 1, features = DEFAULT_FEATURES, temperature = 1, bitsPerWeight = 4 } = options;
  const labels = labelsOf(rows, options.labels);
  const examples = readRows(rows, labels, features);
  const parameters = {
    biases: new Float32Array(labels.length),
    weights: new Float32Array(features.buckets * labels.length),
  };
  await trainSoftmax(parameters, examples, {
    ...options,
    seed,
    passes: PASSES,
    stepSize: STEP_SIZE,
    inertia: INERTIA,
  });
  const trainedRows = examples.length;
  const facts = { labels, features, bitsPerWeight, temperature, trainedRows, seed };
  return packNgramFile(facts, parameters, options.typicalScores ?? new Int8Array(0));
}

/**
 * The student after learning further rows: corrected or escalated answers. New labels are added at
 * the end. The result has 8 bits a weight, since small corrections would be lost in 4.
 *
 * @throws DataError `too-few-rows` when no row has both a word and a label; ModelError `bad-format`.
 */
export async function updateNgramStudent(
  bytes: Uint8Array,
  rows: readonly LabelledText[],
  options: TrainingControl & { readonly seed?: number } = {},
): Promise<Uint8Array> {
  const file = openNgramFile(bytes);
  const { header } = file;
  const labels = [...new Set([...header.labels, ...rows.map((row) => row.label)])];
  const examples = readRows(rows, labels, header.features);
  const biases = new Float32Array(labels.length);
  biases.set(file.biases);
  const parameters = { biases, weights: unpackWeights(file, labels.length) };
  const { seed = header.seed } = options;
  await trainSoftmax(parameters, examples, {
    ...options,
    seed,
    passes: UPDATE_PASSES,
    stepSize: UPDATE_STEP_SIZE,
    inertia: UPDATE_INERTIA,
    enough: UPDATE_ENOUGH,
  });
  const { features, temperature } = header;
  const trainedRows = header.trainedRows + examples.length;
  const facts = { labels, features, bitsPerWeight: 8, temperature, trainedRows, seed } as const;
  return packNgramFile(facts, parameters, widenTypicalScores(file, labels.length));
}

/**
 * Typical scores with room for new labels. What texts of an old label score for a new one is not
 * known: 0, the middle. New labels have none of their own until all rows are trained anew.
 */
function widenTypicalScores({ header, typical }: NgramFile, labels: number): Int8Array {
  const known = header.labels.length;
  const widened = new Int8Array(header.typicalPerLabel * labels ** 2);
  for (let row = 0; row < header.typicalPerLabel * known; row += 1) {
    widened.set(typical.subarray(row * known, (row + 1) * known), row * labels);
  }
  return widened;
}

/** The same order on every machine, whatever its language. */
export function labelsOf(
  rows: readonly LabelledText[],
  known: readonly string[] = [],
): readonly string[] {
  const labels = [...new Set([...known, ...rows.map((row) => row.label)])];
  return labels.toSorted((first, second) => (first < second ? -1 : Number(first > second)));
}

function readRows(
  rows: readonly LabelledText[],
  labels: readonly string[],
  settings: FeatureSettings,
): TrainingExample[] {
  const readFeatures = createFeatureReader(settings);
  const indexOf = new Map(labels.map((label, index) => [label, index]));
  const examples: TrainingExample[] = [];
  for (const { text, label } of rows) {
    const features = readFeatures(text);
    const index = indexOf.get(label);
    if (features.buckets.length === 0 || index === undefined) continue;
    examples.push({ features, label: index });
  }
  if (examples.length > 0) return examples;
  throw new DataError(
    'too-few-rows',
    'There is no row with a word in its text: give at least one { text, label }.',
  );
}
