/** How text becomes numbers. Part of a student's file: it must be read as it was written. */
export interface FeatureSettings {
  /** N-grams are spread over this many; those in one bucket share their weights. */
  readonly buckets: number;
  /** Shortest and longest run of characters inside a word, its two edges included. */
  readonly characterGrams: readonly [number, number];
  /** Longest run of words. */
  readonly wordGrams: number;
  /** Two words at most this far apart are a feature, in either order; 0 = none. */
  readonly pairWindow: number;
}

/** One text as a sparse vector of length 1. */
export interface TextFeatures {
  /** Each bucket once, in no order. Empty for a text without a word. */
  readonly buckets: Int32Array;
  readonly values: Float32Array;
}

export type FeatureReader = (text: string) => TextFeatures;

/** Chosen by cross-validation on training rows of Banking77 and CLINC150, see docs/students.md. */
export const DEFAULT_FEATURES: FeatureSettings = {
  buckets: 13_000,
  characterGrams: [2, 5],
  wordGrams: 2,
  pairWindow: 16,
};

/**
 * UTF-16 units of a text that are read; the rest is ignored, so that no text takes longer than a few
 * milliseconds. What a message is about stands in its first pages.
 */
export const MAX_TEXT_UNITS = 10_000;

/** Letters, marks and digits in a row, or an emoji. */
const WORD = /[\p{L}\p{M}\p{N}]+|\p{Extended_Pictographic}/gu;
/** Where a word may need `CHARACTER_WORD`: most texts hold none of these, and that is quick to see. */
const FROM_EAST_ASIA_ON = /[\u2e80-\uffff]/;
/**
 * Han and kana characters count as words of their own. Finding real words in scripts without spaces
 * takes a dictionary (`Intl.Segmenter`), and dictionaries differ from browser to browser, whereas the
 * same text must give the same features everywhere.
 */
const CHARACTER_WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[^\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]+/gu;

/** Start values that keep the kinds of feature apart (digits of pi). */
const WORD_SEED = 0x243f6a88;
const RUN_SEED = 0x85a308d3;
const PAIR_SEED = 0x13198a2e;
const CHARACTER_SEED = 0x03707344;
/** FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
const FNV_PRIME = 0x01000193;
const WORD_EDGE = 0x20;

/** Reads texts with these settings. The reader reuses its memory: one per student is enough. */
export function createFeatureReader(settings: FeatureSettings): FeatureReader {
  const counts = new Int32Array(settings.buckets);
  return (text) => {
    const touched: number[] = [];
    const count = (hash: number): void => {
      const bucket = hash % settings.buckets;
      if (counts[bucket] === 0) touched.push(bucket);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    };
    const words = splitWords(text);
    countWords(words, settings, count);
    for (const word of words) countCharacters(word, settings.characterGrams, count);
    return takeUnitVector(touched, counts);
  };
}

/** Normalised (NFKC, lower case) words of a text, as far as it is read. */
export function splitWords(text: string): string[] {
  const read = text.slice(0, MAX_TEXT_UNITS).normalize('NFKC').toLowerCase();
  const words = read.match(WORD) ?? [];
  return words.flatMap((word) =>
    FROM_EAST_ASIA_ON.test(word) ? (word.match(CHARACTER_WORD) ?? []) : [word],
  );
}

function countWords(
  words: readonly string[],
  settings: FeatureSettings,
  count: (hash: number) => void,
): void {
  const hashes = words.map((word) => hashText(word));
  for (const [start, first] of hashes.entries()) {
    let run = RUN_SEED;
    for (let size = 1; size <= settings.wordGrams && start + size <= hashes.length; size += 1) {
      run = mix(run, hashes[start + size - 1] ?? 0);
      count(scramble(run));
    }
    const end = Math.min(hashes.length - 1, start + settings.pairWindow);
    for (let other = start + 1; other <= end; other += 1) {
      const second = hashes[other] ?? 0;
      // A sum, so that the order of the two does not matter.
      if (first !== second) count(scramble((mix(PAIR_SEED, first) + mix(PAIR_SEED, second)) | 0));
    }
  }
}

function countCharacters(
  word: string,
  [shortest, longest]: readonly [number, number],
  count: (hash: number) => void,
): void {
  const lastIndex = word.length + 1;
  for (let start = 0; start <= lastIndex; start += 1) {
    let hash = CHARACTER_SEED;
    const end = Math.min(lastIndex, start + longest - 1);
    for (let index = start; index <= end; index += 1) {
      const isEdge = index === 0 || index === lastIndex;
      hash = mix(hash, isEdge ? WORD_EDGE : word.charCodeAt(index - 1));
      const size = index - start + 1;
      if (size >= shortest) count(scramble(hash ^ size));
    }
  }
}

/** Frequent features count less than in proportion (1 + ln n); clears `counts` for the next text. */
function takeUnitVector(touched: readonly number[], counts: Int32Array): TextFeatures {
  const values = new Float32Array(touched.length);
  let squares = 0;
  for (const [index, bucket] of touched.entries()) {
    const value = 1 + Math.log(counts[bucket] ?? 1);
    counts[bucket] = 0;
    values[index] = value;
    squares += value * value;
  }
  const length = Math.sqrt(squares);
  return { buckets: Int32Array.from(touched), values: values.map((value) => value / length) };
}

function hashText(text: string): number {
  let hash = WORD_SEED;
  for (let index = 0; index < text.length; index += 1) hash = mix(hash, text.charCodeAt(index));
  return hash;
}

function mix(hash: number, value: number): number {
  return Math.imul(hash ^ value, FNV_PRIME);
}

/** Spreads every bit over all others (the last step of MurmurHash3); 32 bits, never negative. */
function scramble(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
