import { describe, expect, it } from 'vitest';

import type { Outcome } from '../../../src/cascade/outcome.ts';
import { createRandom } from '../../../src/evaluate/draws.ts';
import { distinctOutcomes, scoreOutcomes } from '../../../src/evaluate/score-outcomes.ts';
import { evaluateSignal } from '../../../src/evaluate/signal.ts';

const OPTIONS = { seed: 1, dataSha256: 'd'.repeat(64) };

/** Requests whose true probability of being right is `truth(score)`. */
function drawOutcomes(count: number, truth: (score: number) => number): Outcome[] {
  const random = createRandom(42);
  return Array.from({ length: count }, (_, index) => {
    const score = random();
    return { id: String(index), score, deviceCorrect: random() < truth(score) };
  });
}

function withoutScore(outcome: Outcome, rest: Partial<Outcome>): Outcome {
  return { id: outcome.id, deviceCorrect: outcome.deviceCorrect, ...rest };
}

describe('evaluateSignal', () => {
  it('finds the AUROC that follows from how the data were made', async () => {
    // P(right | s) = s with s uniform: right answers have density 2s, wrong ones 2 − 2s, so the
    // AUROC is ∫ 2s (1 − (1 − s)²) ds = 5/6.
    const { report } = await evaluateSignal(
      drawOutcomes(2000, (score) => score),
      OPTIONS,
    );
    const { auroc, aurocLow, aurocHigh, eceBefore, eceAfter } = report.figures;
    expect(auroc).toBeCloseTo(5 / 6, 1);
    expect(aurocLow).toBeLessThan(5 / 6);
    expect(aurocHigh).toBeGreaterThan(5 / 6);
    expect(eceBefore).toBeLessThan(0.05);
    expect(eceAfter).toBeLessThan(0.05);
    expect(report.ok).toBe(true);
  });

  it('mends a confidence that claims too much', async () => {
    const { report, chart } = await evaluateSignal(
      drawOutcomes(1500, (score) => 0.4 + 0.2 * score),
      { ...OPTIONS, maxEce: 0.05 },
    );
    expect(report.figures['eceBefore']).toBeGreaterThan(0.15);
    expect(report.bars).toEqual([expect.objectContaining({ limit: 'at most', ok: true })]);
    expect(chart).toContain('</svg>');
  });

  it('says the same for the same seed, and what it rests on', async () => {
    const outcomes = drawOutcomes(300, (score) => score);
    const { report } = await evaluateSignal(outcomes, OPTIONS);
    expect(await evaluateSignal(outcomes, OPTIONS)).toMatchObject({ report });
    expect(report.context).toMatchObject({
      rows: 300,
      used: 300,
      score: 'score of the outcomes',
      seed: 1,
      dataSha256: OPTIONS.dataSha256,
    });
  });

  it('has no error before calibration for a score that is no share', async () => {
    const outcomes = drawOutcomes(200, (score) => score).map((outcome) => ({
      ...outcome,
      score: 10 * (outcome.score ?? 0),
    }));
    const { report } = await evaluateSignal(outcomes, OPTIONS);
    expect(report.figures['eceBefore']).toBeNull();
    expect(report.figures['eceAfter']).toBeLessThan(0.2);
  });

  it('counts rows with an unknown or infinite score as not measured', async () => {
    const odd = [null, Number.NaN, Number.POSITIVE_INFINITY].map((score, index) => ({
      id: `odd-${index}`,
      score,
      deviceCorrect: true,
    }));
    const outcomes = [...odd, ...drawOutcomes(100, (score) => score)];
    const { report } = await evaluateSignal(outcomes, OPTIONS);
    expect(report.context).toMatchObject({ rows: 103, used: 100 });
  });

  it('fails a bar that does not hold, and refuses too few rows', async () => {
    const outcomes = drawOutcomes(200, (score) => score);
    const { report } = await evaluateSignal(outcomes, { ...OPTIONS, maxEce: 1e-9 });
    expect(report.ok).toBe(false);
    await expect(evaluateSignal(outcomes.slice(0, 49), OPTIONS)).rejects.toMatchObject({
      code: 'too-few-rows',
    });
  });

  it('stops when its signal says so', async () => {
    const run = evaluateSignal(
      drawOutcomes(200, (score) => score),
      {
        ...OPTIONS,
        signal: AbortSignal.abort(new Error('enough')),
      },
    );
    await expect(run).rejects.toThrow('enough');
  });

  it('works when every answer is right', async () => {
    const { report } = await evaluateSignal(
      drawOutcomes(100, () => 1),
      OPTIONS,
    );
    expect(report.figures).toMatchObject({ auroc: null, aurc: 0, correctShare: 1 });
    expect(report.figures['eceAfter']).toBeLessThan(0.05);
  });
});

describe('scoreOutcomes', () => {
  const outcomes = drawOutcomes(600, (score) => score);

  it('makes a score of the features, each row by a model that has not seen it', () => {
    const rows = outcomes.map((outcome, index) =>
      withoutScore(outcome, {
        features: { margin: outcome.score ?? 0, own: index, gap: index % 3 === 0 ? null : 1 },
      }),
    );
    const { rows: scored, method } = scoreOutcomes(rows, createRandom(1));
    expect(method).toBe('logistic model of gap, margin, own; cross-fitted, 5 folds');
    const high = scored.filter((_, index) => (outcomes[index]?.score ?? 0) > 0.8);
    const low = scored.filter((_, index) => (outcomes[index]?.score ?? 0) < 0.2);
    const mean = (list: typeof scored): number =>
      list.reduce((sum, { score }) => sum + (score ?? 0), 0) / list.length;
    expect(mean(high)).toBeGreaterThan(mean(low) + 0.5);
  });

  it('tells nothing apart when features are noise: labels do not leak into the score', () => {
    const random = createRandom(6);
    const rows = Array.from({ length: 400 }, (_, index) => ({
      id: String(index),
      topic: `topic-${index}`,
      deviceCorrect: random() < 0.5,
    }));
    const { rows: scored, method } = scoreOutcomes(rows, random);
    expect(method).toContain("the topic's share of right answers");
    // Every topic stands alone: a model that had seen its own row would know the answer.
    const meanOf = (isRight: boolean): number => {
      const list = scored.filter(({ isCorrect }) => isCorrect === isRight);
      return list.reduce((sum, { score }) => sum + (score ?? 0), 0) / list.length;
    };
    expect(Math.abs(meanOf(true) - meanOf(false))).toBeLessThan(0.05);
  });

  it('falls back to topic and length of the text, and says so', () => {
    const rows = outcomes.map((outcome) => withoutScore(outcome, { topic: 'a', text: 'hello' }));
    expect(scoreOutcomes(rows, createRandom(1)).method).toBe(
      "logistic model of the topic's share of right answers, length of the text; cross-fitted, 5 folds",
    );
  });

  it('refuses rows that hold nothing to go by', () => {
    const rows = outcomes.map((outcome) => withoutScore(outcome, {}));
    expect(() => scoreOutcomes(rows, createRandom(1))).toThrow(
      expect.objectContaining({ code: 'no-signal' }),
    );
  });

  it('counts an unknown feature as unknown, not as 0', () => {
    // Where the feature is known, higher is right; where it is unknown, all are right.
    const rows = outcomes.map((outcome, index) =>
      index % 2 === 0
        ? { id: `u${index}`, features: { f: null }, deviceCorrect: true }
        : withoutScore(outcome, { features: { f: outcome.score ?? 0 } }),
    );
    const { rows: scored } = scoreOutcomes(rows, createRandom(1));
    const unknown = scored.filter((_, index) => index % 2 === 0);
    for (const { score } of unknown) expect(score).toBeGreaterThan(0.9);
  });
});

describe('distinctOutcomes', () => {
  it('keeps one row of an id, the wrong one if they disagree', () => {
    const row = (id: string, deviceCorrect: boolean): Outcome => ({ id, deviceCorrect });
    const rows = [row('a', true), row('b', false), row('a', false), row('b', true)];
    expect(distinctOutcomes(rows)).toEqual([row('a', false), row('b', false)]);
  });
});
