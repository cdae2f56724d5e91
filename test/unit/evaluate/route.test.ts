import { describe, expect, it } from 'vitest';

import type { Outcome } from '../../../src/cascade/outcome.ts';
import { createRandom } from '../../../src/evaluate/draws.ts';
import { evaluateRoute } from '../../../src/evaluate/route.ts';

const options = { labels: 200, draws: 5, seed: 1, dataSha256: 'none' };

/** Asking helps on the even topics in nine of ten, on the odd ones never. */
function outcomes(count: number, more: (index: number) => Partial<Outcome> = () => ({})) {
  const random = createRandom(11);
  return Array.from({ length: count }, (_, index): Outcome => {
    const topic = index % 6;
    const isHelped = topic % 2 === 0 && random() < 0.9;
    return {
      id: String(index),
      topic: `topic ${topic}`,
      text: 'x'.repeat(1 + Math.floor(random() * 50)),
      deviceCorrect: !isHelped,
      cloudCorrect: true,
      ...more(index),
    };
  });
}

describe('The evaluation of routing', () => {
  it('finds the topics on which asking helps, and shows who needs no labels beside', async () => {
    const { report } = await evaluateRoute(outcomes(800), options);
    const { figures } = report;
    expect(figures['apgr']).toBeGreaterThan(0.7);
    expect(figures['apgr']).toBeLessThanOrEqual(figures['oracleApgr'] ?? 0);
    expect(figures['randomApgr']).toBeGreaterThan(0.4);
    expect(figures['randomApgr']).toBeLessThan(0.6);
    expect(figures['lengthApgr']).toBeLessThan(0.6);
    expect(figures['constantApgr']).toBe(0.5);
    expect(figures['gainLow']).toBeLessThan(figures['gain'] ?? 0);
    expect(figures['gainHigh']).toBeGreaterThan(figures['gain'] ?? 0);
    expect(figures['cpt50']).toBeLessThan(0.5);
    expect(report.bars).toEqual([]);
    expect(report.context).toMatchObject({ labels: 200, judged: 600, draws: 5, seed: 1 });
  });

  it('gives the same figures for the same seed', async () => {
    const rows = outcomes(400);
    const first = await evaluateRoute(rows, options);
    expect((await evaluateRoute(rows, options)).report).toEqual(first.report);
    const other = await evaluateRoute(rows, { ...options, seed: 2 });
    expect(other.report.figures['apgr']).not.toBe(first.report.figures['apgr']);
  });

  it('uses a confidence where there is one', async () => {
    const rows = outcomes(800, (index) => {
      const deviceCorrect = index % 3 !== 0;
      return { topic: 'one', deviceCorrect, score: deviceCorrect ? 0.8 + (index % 2) / 10 : 0.2 };
    });
    const { report } = await evaluateRoute(rows, options);
    expect(report.figures['apgr']).toBeGreaterThan(0.8);
    expect(String(report.context['router'])).toContain('P(wrong) × gain given wrong');
  });

  it('fails the bar that is asked for and missed', async () => {
    const { report } = await evaluateRoute(outcomes(400), { ...options, minApgr: 1.5 });
    expect(report.ok).toBe(false);
    expect(report.bars).toMatchObject([{ name: 'mean APGR', ok: false, bar: 1.5 }]);
  });

  it('leaves out rows whose upper answer nobody judged', async () => {
    const rows = outcomes(600, (index) => (index < 100 ? { cloudCorrect: null } : {}));
    expect((await evaluateRoute(rows, options)).report.context).toMatchObject({
      rows: 600,
      used: 500,
    });
  });

  it('refuses too few rows, and tiers between which there is no gap', async () => {
    await expect(evaluateRoute(outcomes(250), options)).rejects.toMatchObject({
      code: 'too-few-rows',
    });
    const equal = outcomes(400, () => ({ deviceCorrect: true }));
    await expect(evaluateRoute(equal, options)).rejects.toMatchObject({ code: 'no-signal' });
  });

  it('ends with the signal’s reason', async () => {
    const signal = AbortSignal.abort(new Error('stop'));
    await expect(evaluateRoute(outcomes(400), { ...options, signal })).rejects.toThrow('stop');
  });

  it('draws a curve for each router', async () => {
    const { chart } = await evaluateRoute(outcomes(400), options);
    for (const name of ['expected gain', 'length of the text', 'random', 'oracle']) {
      expect(chart).toContain(name);
    }
  });
});
