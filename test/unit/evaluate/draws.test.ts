import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { dataHash } from '../../../src/evaluate/data-hash.ts';
import {
  assignFolds,
  createRandom,
  runDraws,
  shuffled,
  splitAtRandom,
  summariseDraws,
} from '../../../src/evaluate/draws.ts';

describe('createRandom', () => {
  it('gives the same sequence for the same seed and another for the next one', () => {
    const take = (seed: number): number[] => Array.from({ length: 5 }, createRandom(seed));
    expect(take(1)).toEqual(take(1));
    expect(take(1)).not.toEqual(take(2));
  });

  it('is spread evenly from 0 up to 1, its neighbours unrelated', () => {
    const random = createRandom(3);
    const values = Array.from({ length: 100_000 }, random);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    const tenths = Array.from({ length: 10 }, () => 0);
    for (const value of values) tenths[Math.floor(value * 10)]! += 1;
    // Six standard errors of a tenth of 100,000 are 570.
    for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(570);
    const products = values.slice(1).map((value, index) => (value - 0.5) * (values[index]! - 0.5));
    const correlation = (12 * products.reduce((sum, value) => sum + value, 0)) / products.length;
    expect(Math.abs(correlation)).toBeLessThan(0.02);
  });
});

describe('The draws', () => {
  it('shuffle without losing an item or touching the input', () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), fc.nat(), (items, seed) => {
        const before = [...items];
        const mixed = shuffled(items, createRandom(seed));
        expect(items).toEqual(before);
        const ascending = (list: readonly number[]): number[] => list.toSorted((a, b) => a - b);
        expect(ascending(mixed)).toEqual(ascending(items));
      }),
    );
  });

  it('split without overlap, taking all when asked for too many', () => {
    const items = Array.from({ length: 20 }, (_, index) => index);
    const { drawn, rest } = splitAtRandom(items, 5, createRandom(1));
    expect(drawn).toHaveLength(5);
    expect([...drawn, ...rest].toSorted((a, b) => a - b)).toEqual(items);
    expect(splitAtRandom(items, 99, createRandom(1)).rest).toEqual([]);
  });

  it('put every item first equally often', () => {
    const random = createRandom(8);
    const firsts = [0, 0, 0, 0];
    for (let draw = 0; draw < 8000; draw += 1) firsts[shuffled([0, 1, 2, 3], random)[0]!]! += 1;
    for (const count of firsts) expect(Math.abs(count - 2000)).toBeLessThan(240);
  });

  it('assign folds as evenly as can be', () => {
    const folds = assignFolds(12, 5, createRandom(2));
    const sizes = [0, 1, 2, 3, 4].map((fold) => folds.filter((each) => each === fold).length);
    expect(sizes.toSorted((a, b) => a - b)).toEqual([2, 2, 2, 3, 3]);
  });
});

describe('runDraws', () => {
  it('gives each draw a random source of its own, the same in every run', async () => {
    const run = () => runDraws((random) => random(), { draws: 50, seed: 4 });
    const first = await run();
    expect(await run()).toEqual(first);
    expect(new Set(first).size).toBe(50);
  });

  it('reports how far it is and stops with the reason of its signal', async () => {
    const seen: number[] = [];
    const controller = new AbortController();
    const run = runDraws(() => 0, {
      draws: 10,
      seed: 1,
      signal: controller.signal,
      onProgress: (done, total) => {
        expect(total).toBe(10);
        seen.push(done);
        if (done === 3) controller.abort(new Error('enough'));
      },
    });
    await expect(run).rejects.toThrow('enough');
    expect(seen).toEqual([1, 2, 3]);
  });
});

describe('summariseDraws', () => {
  it('agrees with numpy', () => {
    // numpy: mean, std(ddof=1), quantile(0.025), quantile(0.975)
    const { mean, sd, low, high, draws } = summariseDraws([3, 1, 4, 1, 5, 9, 2, 6]);
    expect(draws).toBe(8);
    expect(mean).toBeCloseTo(3.875, 12);
    expect(sd).toBeCloseTo(2.748376143938713, 12);
    expect(low).toBeCloseTo(1, 12);
    expect(high).toBeCloseTo(8.475, 12);
  });

  it('has no spread in one draw and refuses none', () => {
    expect(summariseDraws([2])).toEqual({ draws: 1, mean: 2, sd: 0, low: 2, high: 2 });
    expect(() => summariseDraws([])).toThrow(RangeError);
  });
});

describe('dataHash', () => {
  it('is the SHA-256 of the bytes', async () => {
    expect(await dataHash(new TextEncoder().encode('abc'))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });
});
