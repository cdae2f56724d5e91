import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/evaluate/draws.ts';
import { pickRows, type PickOptions } from '../../../src/specialise/pick-rows.ts';

const SCORES = Array.from({ length: 1000 }, (_, index) => ((index * 617) % 1000) / 1000);

function pick(seed: number, more: Partial<PickOptions> = {}) {
  const random = createRandom(seed);
  return pickRows(SCORES, { count: 300, randomShare: 0.5, threshold: 0.8, random, ...more });
}

describe('pickRows', () => {
  it('picks about as many as asked, part of them at random and part near the threshold', () => {
    const picked = pick(1);
    expect(Math.abs(picked.length - 300)).toBeLessThan(15);
    expect(new Set(picked.map(({ index }) => index)).size).toBe(picked.length);
    expect(picked.filter(({ sample }) => sample === 'random')).toHaveLength(150);
    // (300 - 150) / (1 - 0.15) = 176 rows lie nearest, 88 a side: within 0.088.
    const near = picked.filter(({ sample }) => sample === 'near');
    expect(near.every(({ index }) => Math.abs((SCORES[index] ?? 0) - 0.8) <= 0.0881)).toBe(true);
  });

  it('gives weights under which sums are unbiased', () => {
    const valueOf = (index: number): number => (SCORES[index] ?? 0) ** 3;
    const truth = SCORES.reduce((sum, _, index) => sum + valueOf(index), 0);
    const totals = Array.from({ length: 400 }, (_, seed) =>
      pick(seed).reduce((sum, { index, weight }) => sum + weight * valueOf(index), 0),
    );
    const mean = totals.reduce((sum, total) => sum + total, 0) / totals.length;
    const variance = totals.reduce((sum, total) => sum + (total - mean) ** 2, 0) / totals.length;
    expect(Math.abs(mean - truth)).toBeLessThan(4 * Math.sqrt(variance / totals.length));
  });

  it('draws the random rows from all alike, also near the threshold, from the first on', () => {
    const counts = { near: 0, far: 0 };
    for (let seed = 0; seed < 400; seed += 1) {
      const first = pick(seed)
        .filter(({ sample }) => sample === 'random')
        .slice(0, 20);
      for (const { index } of first)
        counts[Math.abs((SCORES[index] ?? 0) - 0.8) <= 0.1 ? 'near' : 'far'] += 1;
    }
    // A fifth of the rows is that near: 1,600 of 8,000, standard deviation 36.
    expect(Math.abs(counts.near - 1600)).toBeLessThan(4 * 36);
  });

  it('draws all at random without a threshold, and takes every row of a few', () => {
    const picked = pick(1, { threshold: null });
    expect(picked).toHaveLength(300);
    expect(new Set(picked.map(({ sample, weight }) => `${sample} ${weight}`))).toEqual(
      new Set([`random ${1000 / 300}`]),
    );
    const all = pickRows([0.1, null, 0.3], {
      count: 300,
      randomShare: 0.5,
      threshold: 0.2,
      random: createRandom(1),
    });
    expect(all.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
    expect(all.every(({ weight }) => weight === 1)).toBe(true);
  });

  it('never takes a row without a score for a near one', () => {
    const scores = [...SCORES.map((score, index) => (index % 2 === 0 ? null : score)), Number.NaN];
    const picked = pickRows(scores, {
      count: 200,
      randomShare: 0.1,
      threshold: 0.5,
      random: createRandom(2),
    });
    const near = picked.filter(({ sample }) => sample === 'near');
    expect(near.length).toBeGreaterThan(100);
    expect(near.every(({ index }) => Number.isFinite(scores[index]))).toBe(true);
  });

  it('picks nothing of nothing', () => {
    expect(
      pickRows([], { count: 3, randomShare: 0.5, threshold: 0.5, random: createRandom(1) }),
    ).toEqual([]);
  });
});
