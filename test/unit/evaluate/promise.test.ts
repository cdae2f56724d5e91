import { describe, expect, it } from 'vitest';

import type { Outcome } from '../../../src/cascade/outcome.ts';
import { createRandom } from '../../../src/evaluate/draws.ts';
import { evaluatePromise, evaluateSyntheticPromise } from '../../../src/evaluate/promise.ts';
import { createPopulation } from '../../../src/evaluate/synthetic-population.ts';

const BUDGET = { alpha: 0.02, delta: 0.1, seed: 1 };
const DATA = { dataSha256: 'd'.repeat(64) };

/** Right with probability 0.6 + 0.4 s at score s. */
function drawOutcomes(count: number): Outcome[] {
  const random = createRandom(11);
  return Array.from({ length: count }, (_, index) => {
    const score = random();
    return { id: String(index), score, deviceCorrect: random() < 0.6 + 0.4 * score };
  });
}

describe('evaluatePromise', () => {
  it('shows that certificates hold where plug-in thresholds break', async () => {
    const { report, chart } = await evaluatePromise(drawOutcomes(10_000), {
      ...BUDGET,
      ...DATA,
      labels: 500,
      splits: 200,
    });
    const { violationsCertified, violationsPlugIn, keptCertified, keptPlugIn } = report.figures;
    expect(violationsCertified).toBeLessThanOrEqual(0.1);
    expect(violationsPlugIn).toBeGreaterThanOrEqual(0.3);
    // The loss from t on is 0.2 (1 − t)², which is 0.02 at a kept share of 0.316.
    expect(keptPlugIn).toBeCloseTo(0.316, 1);
    expect(keptCertified).toBeGreaterThan(0.1);
    expect(keptCertified).toBeLessThan(0.316);
    expect(report.ok).toBe(true);
    expect(report.bars).toHaveLength(1);
    // One dot per split and kind, and four of the legend.
    expect(chart.match(/<circle /g)).toHaveLength(404);
  });

  it('breaks nothing and keeps nothing where nothing can be certified', async () => {
    const { report } = await evaluatePromise(drawOutcomes(1000), {
      ...BUDGET,
      ...DATA,
      labels: 50,
      splits: 20,
    });
    expect(report.figures).toMatchObject({
      violationsCertified: 0,
      keptCertified: 0,
      certifiedShare: 0,
    });
  });

  it('lets requests pass that the cloud gets wrong as well', async () => {
    const outcomes = drawOutcomes(3000).map((outcome) => ({ ...outcome, cloudCorrect: false }));
    const options = { ...BUDGET, ...DATA, labels: 300, splits: 20 };
    const { report } = await evaluatePromise(outcomes, options);
    expect(report.figures).toMatchObject({ violationsCertified: 0, violationsPlugIn: 0 });
    expect(report.figures['keptCertified']).toBeGreaterThan(0.98);
  });

  it('refuses to draw as many labels as there are rows', async () => {
    const options = { ...BUDGET, ...DATA, labels: 100, splits: 5 };
    await expect(evaluatePromise(drawOutcomes(100), options)).rejects.toMatchObject({
      code: 'too-few-rows',
    });
  });
});

describe('evaluateSyntheticPromise', () => {
  it('stays within delta and three standard errors on 2,000 populations of known risk', async () => {
    const { report } = await evaluateSyntheticPromise({ ...BUDGET, populations: 2000 });
    const standardError = Math.sqrt((0.1 * 0.9) / 2000);
    expect(report.figures['violationsCertified']).toBeLessThanOrEqual(0.1 + 3 * standardError);
    // Not empty-handed: most are certified, and the plug-in way breaks on the same labels.
    expect(report.figures['certifiedShare']).toBeGreaterThan(0.5);
    expect(report.figures['violationsPlugIn']).toBeGreaterThan(0.3);
    expect(report.ok).toBe(true);
  });

  it('comes close to delta in the worst case, so that the bound is not merely loose', async () => {
    // 265 labels at 2 %: at most 2 losses, and P(Binomial(265, 0.02) ≤ 2) = 0.0992 (scipy).
    const { report } = await evaluateSyntheticPromise({
      ...BUDGET,
      populations: 4000,
      labels: 265,
    });
    // Only every fifth population is of the worst kind; the others are at or below it.
    expect(report.figures['violationsCertified']).toBeGreaterThan(0.03);
    expect(report.figures['violationsCertified']).toBeLessThanOrEqual(0.1);
  });
});

describe('createPopulation', () => {
  it.each([0, 1, 2, 3, 4])('number %i has the risk that its formula says', (index) => {
    const random = createRandom(100 + index);
    const population = createPopulation(index, random, 0.02);
    const rows = Array.from({ length: 40_000 }, () => population.draw(random));
    for (const threshold of [0, 0.3, 0.5, 0.9]) {
      const kept = rows.filter(({ score }) => score >= threshold);
      const losses = kept.filter(({ isLoss }) => isLoss).length;
      // Five standard errors of a share of 40,000 are at most 0.0125.
      expect(Math.abs(kept.length / 40_000 - population.keptAt(threshold))).toBeLessThan(0.0125);
      expect(Math.abs(losses / 40_000 - population.lossAt(threshold))).toBeLessThan(0.0125);
    }
  });
});
