/** Uniform numbers in [0, 1) with 53 random bits. */
export type Random = () => number;

/**
 * xoshiro128** (Blackman and Vigna), its four state words filled by SplitMix32 from the low and high
 * halves of the seed. The same seed gives the same numbers on every machine.
 */
export function createRandom(seed: number): Random {
  const next = createXoshiro(seedState(seed));
  return () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
}

/** A seed nobody chose. */
export function drawSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

/** Unsigned 32-bit outputs of xoshiro128** from the given state, which must not be all zero. */
export function createXoshiro(state: readonly [number, number, number, number]): () => number {
  let [a, b, c, d] = state;
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
}

function seedState(seed: number): readonly [number, number, number, number] {
  const low = splitMix(seed >>> 0);
  const high = splitMix(Math.floor(seed / 2 ** 32) >>> 0);
  return [low(), high(), low(), high() | 1];
}

function splitMix(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
