import { describe, expect, it } from 'vitest';
import { createRandom, createXoshiro, drawSeed } from '../../../src/engines/wasm/random.ts';

describe('createRandom', () => {
  // Vectors from a Python implementation of xoshiro128** and SplitMix32, written from the papers.
  it('computes xoshiro128**', () => {
    const next = createXoshiro([1, 2, 3, 4]);
    expect(Array.from({ length: 6 }, next)).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492,
    ]);
  });

  it.each([
    [0, [0.640814381962652, 0.7024518854541214, 0.09282339341228785]],
    [1, [0.6408143796480754, 0.27133196218616407, 0.2268473334180493]],
    [2 ** 32 + 1, [0.9631276584533567, 0.33964567920107724, 0.7152088385495968]],
  ])('gives the numbers of seed %d', (seed, numbers) => {
    expect(Array.from({ length: 3 }, createRandom(seed))).toEqual(numbers);
  });

  it('spreads over the unit interval', () => {
    const random = createRandom(42);
    const counts = Array.from({ length: 10 }, () => 0);
    for (let draw = 0; draw < 100_000; draw++) counts[Math.floor(random() * 10)]! += 1;
    // Standard deviation of a count is 95.
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });

  it('draws seeds that differ', () => {
    expect(new Set(Array.from({ length: 20 }, drawSeed)).size).toBeGreaterThan(15);
  });
});
