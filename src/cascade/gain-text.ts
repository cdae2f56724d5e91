import {
  createFeatureReader,
  type FeatureReader,
  type FeatureSettings,
} from '../students/features.ts';
import type { GainItem } from './gain.ts';

/** Words and pairs of neighbouring words. */
export const GAIN_FEATURES: FeatureSettings = {
  buckets: 4096,
  characterGrams: [1, 0],
  wordGrams: 2,
  pairWindow: 0,
};

/** One number the model looks at besides the words. */
export interface GainNumber {
  readonly name: string;
  readonly mean: number;
  readonly deviation: number;
  readonly weight: number;
}

/** What words and numbers add to the gain that the topic says. */
export interface TextGain {
  /** By bucket of `GAIN_FEATURES`. */
  readonly weights: Float64Array;
  readonly numbers: readonly GainNumber[];
}

/** A row as the model sees it. */
export interface TextRow {
  readonly words: SparseVector;
  /** By name, on a logarithmic scale; `null` = unknown. */
  readonly numbers: Readonly<Record<string, number | null>>;
}

export interface TextSample {
  readonly row: TextRow;
  /** Gain left to explain, from −2 to 2. */
  readonly residual: number;
}

export interface SparseVector {
  readonly buckets: ArrayLike<number>;
  readonly values: ArrayLike<number>;
}

/** Reads the words of a text; give one that remembers where many models read the same texts. */
export type WordReader = (text: string) => SparseVector;

export function createWordReader(): WordReader {
  const read: FeatureReader = createFeatureReader(GAIN_FEATURES);
  return read;
}

/** UTF-16 units read: what is asked stands at the beginning, and a decision takes at most 1 ms. */
const MOST_TEXT_UNITS = 2000;
const NO_WORDS: SparseVector = { buckets: [], values: [] };
const TEXT_LENGTH = 'text length';
/** The numbers together may move the gain about as much as a third of the words. */
const NUMBER_SCALE = Math.sqrt(0.1);
const MAX_STEPS = 30;
/** Beyond this the order of rows no longer changes. */
const TOLERANCE = 1e-3;

/** What an item tells besides its topic. */
export function readTextRow(item: GainItem, readWords: WordReader): TextRow {
  const numbers: Record<string, number | null> = {};
  for (const [name, value] of Object.entries(item.features ?? {})) {
    numbers[`feature ${name}`] = compress(value);
  }
  if (item.text !== undefined) numbers[TEXT_LENGTH] = compress(item.text.length);
  return {
    words: item.text === undefined ? NO_WORDS : readWords(item.text.slice(0, MOST_TEXT_UNITS)),
    numbers,
  };
}

/** Lengths and counts spread over powers of ten; logarithms of probabilities keep their sign. */
function compress(value: number | null): number | null {
  if (value === null || !Number.isFinite(value)) return null;
  return Math.sign(value) * Math.log1p(Math.abs(value));
}

/**
 * Ridge regression of what the topics leave unexplained (Hoerl and Kennard 1970), on words of unit
 * length and standardised numbers, solved by conjugate gradients. An unknown number counts as the
 * mean: it moves nothing.
 */
export function fitTextGain(samples: readonly TextSample[], penalty: number): TextGain {
  const scales = readScales(samples.map(({ row }) => row));
  const rows = samples.map(({ row }) => toVector(row, scales));
  const size = GAIN_FEATURES.buckets + scales.length;
  const target = addUp(rows, (index) => samples[index]?.residual ?? 0, size);
  const solution = solve((direction) => {
    const product = addUp(rows, (index) => dot(rows[index] as SparseVector, direction), size);
    for (let index = 0; index < size; index += 1) {
      product[index] = (product[index] ?? 0) + penalty * (direction[index] ?? 0);
    }
    return product;
  }, target);
  return {
    weights: solution.slice(0, GAIN_FEATURES.buckets),
    numbers: scales.map((scale, index) => ({
      ...scale,
      weight: solution[GAIN_FEATURES.buckets + index] ?? 0,
    })),
  };
}

/** What the words and numbers of a row add to its gain. */
export function predictTextGain({ weights, numbers }: TextGain, row: TextRow): number {
  let gain = dot(row.words, weights);
  for (const number of numbers) gain += number.weight * standardise(number, row);
  return gain;
}

type Scale = Omit<GainNumber, 'weight'>;

function readScales(rows: readonly TextRow[]): readonly Scale[] {
  const names = new Set(rows.flatMap((row) => Object.keys(row.numbers)));
  return [...names].toSorted().flatMap((name) => {
    const known = rows.map((row) => row.numbers[name] ?? null).filter((value) => value !== null);
    const mean = known.reduce((sum, value) => sum + value, 0) / Math.max(1, known.length);
    const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const deviation = Math.sqrt(squares / Math.max(1, known.length));
    return deviation > 0 ? [{ name, mean, deviation }] : [];
  });
}

function standardise({ name, mean, deviation }: Scale, row: TextRow): number {
  const value = row.numbers[name] ?? null;
  return value === null ? 0 : (NUMBER_SCALE * (value - mean)) / deviation;
}

function toVector(row: TextRow, scales: readonly Scale[]): SparseVector {
  const { buckets, values } = row.words;
  return {
    buckets: [...Array.from(buckets), ...scales.map((_, index) => GAIN_FEATURES.buckets + index)],
    values: [...Array.from(values), ...scales.map((scale) => standardise(scale, row))],
  };
}

function dot({ buckets, values }: SparseVector, vector: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < buckets.length; index += 1) {
    sum += (values[index] ?? 0) * (vector[buckets[index] ?? 0] ?? 0);
  }
  return sum;
}

/** Σ factor(row) × row. */
function addUp(
  rows: readonly SparseVector[],
  factorOf: (index: number) => number,
  size: number,
): Float64Array {
  const total = new Float64Array(size);
  for (const [index, { buckets, values }] of rows.entries()) {
    const factor = factorOf(index);
    for (let each = 0; each < buckets.length; each += 1) {
      const bucket = buckets[each] ?? 0;
      total[bucket] = (total[bucket] ?? 0) + factor * (values[each] ?? 0);
    }
  }
  return total;
}

/** Conjugate gradients for a symmetric positive matrix (Hestenes and Stiefel 1952). */
function solve(
  multiply: (vector: Float64Array) => Float64Array,
  target: Float64Array,
): Float64Array {
  const solution = new Float64Array(target.length);
  const rest = target.slice();
  let direction = target.slice();
  let square = squareOf(rest);
  const goal = square * TOLERANCE ** 2;
  for (let step = 0; step < MAX_STEPS && square > goal; step += 1) {
    const product = multiply(direction);
    const length = square / inner(direction, product);
    for (let index = 0; index < solution.length; index += 1) {
      solution[index] = (solution[index] ?? 0) + length * (direction[index] ?? 0);
      rest[index] = (rest[index] ?? 0) - length * (product[index] ?? 0);
    }
    const next = squareOf(rest);
    const keep = next / square;
    direction = direction.map((value, index) => (rest[index] ?? 0) + keep * value);
    square = next;
  }
  return solution;
}

function inner(left: Float64Array, right: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < left.length; index += 1) {
    sum += (left[index] ?? 0) * (right[index] ?? 0);
  }
  return sum;
}

function squareOf(vector: Float64Array): number {
  return inner(vector, vector);
}
