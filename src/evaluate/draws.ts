/** A number from 0 up to 1, the same sequence for the same seed. */
export type Random = () => number;

/** What many draws of one figure say. */
export interface DrawSummary {
  readonly draws: number;
  readonly mean: number;
  /** Standard deviation between draws; 0 for one draw. */
  readonly sd: number;
  /** The middle 95 % of the draws. */
  readonly low: number;
  readonly high: number;
}

export interface RunDrawsOptions {
  readonly draws: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Evaluations give way this often, so that a person can stop them and see how far they are. */
const YIELD_INTERVAL_MS = 50;

/** xoshiro128** (Blackman and Vigna 2018), its state filled by splitmix32. */
export function createRandom(seed: number): Random {
  let mixed = seed | 0;
  const nextState = (): number => {
    mixed = (mixed + 0x9e3779b9) | 0;
    let word = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
    return word ^ (word >>> 15);
  };
  let [a, b, c, d] = [nextState(), nextState(), nextState(), nextState()];
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return (result >>> 0) / 2 ** 32;
  };
}

/** Runs `draw` once per index with a random source of its own, giving way between draws. */
export async function runDraws<Result>(
  draw: (random: Random, index: number) => Result,
  { draws, seed, signal, onProgress }: RunDrawsOptions,
): Promise<Result[]> {
  const results: Result[] = [];
  let yieldedAtMs = performance.now();
  for (let index = 0; index < draws; index += 1) {
    signal?.throwIfAborted();
    results.push(draw(createRandom(drawSeed(seed, index)), index));
    onProgress?.(index + 1, draws);
    if (performance.now() - yieldedAtMs > YIELD_INTERVAL_MS) {
      await giveWay();
      yieldedAtMs = performance.now();
    }
  }
  return results;
}

/** Lets pending events (an interrupt, a progress line) happen. */
export function giveWay(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** All items in random order; the input stays as it is. */
export function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const result = [...items];
  for (let index = result.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    [result[index], result[other]] = [result[other] as Item, result[index] as Item];
  }
  return result;
}

/** `count` items at random without replacement, and the others. */
export function splitAtRandom<Item>(
  items: readonly Item[],
  count: number,
  random: Random,
): { drawn: Item[]; rest: Item[] } {
  const order = shuffled(items, random);
  return { drawn: order.slice(0, count), rest: order.slice(count) };
}

/** A fold from 0 to `folds − 1` for each of `count` rows, as even as can be, at random. */
export function assignFolds(count: number, folds: number, random: Random): number[] {
  return shuffled(
    Array.from({ length: count }, (_, index) => index % folds),
    random,
  );
}

/** @throws RangeError without values. */
export function summariseDraws(values: readonly number[]): DrawSummary {
  if (values.length === 0) throw new RangeError('There are no draws to summarise.');
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const sorted = values.toSorted((a, b) => a - b);
  return {
    draws: values.length,
    mean,
    sd: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)),
    low: quantileOfSorted(sorted, 0.025),
    high: quantileOfSorted(sorted, 0.975),
  };
}

/** Linear between the two nearest values; the list is ascending and not empty. */
export function quantileOfSorted(sorted: readonly number[], share: number): number {
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below === above ? below : below + (above - below) * (position - Math.floor(position));
}

/** Neighbouring indices must not give neighbouring states. */
function drawSeed(seed: number, index: number): number {
  return Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) + Math.imul(index + 1, 0x85ebca6b);
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
