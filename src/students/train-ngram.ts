import { DataError } from '../errors.ts';
import { createFeatureReader, DEFAULT_FEATURES, type FeatureSettings } from './features.ts';
import { openNgramFile, packNgramFile, unpackWeights } from './ngram-file.ts';
import { trainSoftmax, type TrainingControl, type TrainingExample } from './softmax-training.ts';
import { addWord, createWordSet } from './word-set.ts';

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
  /** Default 4: half the size of 8, and no measurable loss (docs/students.md). */
  readonly bitsPerWeight?: 4 | 8;
}

/** Chosen by cross-validation on training rows, see docs/students.md. */
const PASSES = 20;
const STEP_SIZE = 1;
const INERTIA = 4e-3;

/** Later rows are few: they are gone through until they are learnt, in steps that spare the rest. */
const UPDATE_PASSES = 12;
const UPDATE_STEP_SIZE = 1;
const UPDATE_INERTIA = 1;

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
  const labels = [...new Set(rows.map((row) => row.label))].toSorted(byCodeUnits);
  const { examples, words } = readRows(rows, labels, features);
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
  return packNgramFile(facts, parameters, createWordSet(words));
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
  const { examples, words } = readRows(rows, labels, header.features);
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
  });
  const known = Uint8Array.from(file.words);
  for (const word of words) addWord(known, word);
  const trainedRows = header.trainedRows + examples.length;
  return packNgramFile({ ...header, labels, bitsPerWeight: 8, trainedRows }, parameters, known);
}

function readRows(
  rows: readonly LabelledText[],
  labels: readonly string[],
  settings: FeatureSettings,
): { examples: TrainingExample[]; words: Set<number> } {
  const readFeatures = createFeatureReader(settings);
  const indexOf = new Map(labels.map((label, index) => [label, index]));
  const examples: TrainingExample[] = [];
  const words = new Set<number>();
  for (const { text, label } of rows) {
    const features = readFeatures(text);
    const index = indexOf.get(label);
    if (features.buckets.length === 0 || index === undefined) continue;
    for (const word of features.words) words.add(word);
    examples.push({ features, label: index });
  }
  if (examples.length > 0) return { examples, words };
  throw new DataError(
    'too-few-rows',
    'There is no row with a word in its text: give at least one { text, label }.',
  );
}

/** The same order on every machine, whatever its language. */
function byCodeUnits(first: string, second: string): number {
  return first < second ? -1 : Number(first > second);
}
