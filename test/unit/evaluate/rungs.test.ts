import { describe, expect, it } from 'vitest';

import type { Outcome, OutcomeTier } from '../../../src/cascade/outcome.ts';
import { fitClimb, fitConfidences, type RungRequest } from '../../../src/evaluate/climb.ts';
import { createRandom } from '../../../src/evaluate/draws.ts';
import { evaluateRoute } from '../../../src/evaluate/route.ts';
import { buildRungOutcomes } from '../../../src/evaluate/rung-outcomes.ts';
import { evaluateRungs, frontierOf, hasRungs, qualityAt } from '../../../src/evaluate/rungs.ts';

const COSTS = { student: 0, slm: 1, frontier: 20 };
const options = { labels: 200, draws: 2, seed: 1 };

/** Each rung is right where the difficulty is below its reach, and its score falls with it. */
function request(difficulty: number): RungRequest {
  const tier = (id: keyof typeof COSTS, reach: number): OutcomeTier => ({
    id,
    correct: difficulty < reach,
    score: reach - difficulty,
    cost: COSTS[id],
  });
  return { topic: 'one', tiers: [tier('student', 0.6), tier('slm', 0.9), tier('frontier', 2)] };
}

function outcomes(count: number): Outcome[] {
  const random = createRandom(5);
  return Array.from({ length: count }, (_, index) => {
    const { tiers } = request(random());
    const deviceCorrect = tiers[0]?.correct ?? false;
    return { id: String(index), deviceCorrect, cloudCorrect: true, tiers };
  });
}

describe('A climb', () => {
  const random = createRandom(2);
  const labels = Array.from({ length: 500 }, () => request(random()));
  const confidences = fitConfidences(labels, random);

  it.each<[number, number, number]>([
    [0.2, 10, 0],
    [0.75, 10, 1],
    [0.97, 10, 1],
    [0.97, 1000, 2],
    [0.2, 1e-6, 0],
    [0.97, 1e-6, 0],
  ])('of difficulty %d, a right answer worth %d, ends on rung %d', (difficulty, worth, rung) => {
    const climb = fitClimb(labels, { ladder: [0, 1, 2], rightAnswerUsd: worth, confidences });
    expect(climb.run(request(difficulty)).rung).toBe(rung);
  });

  it('pays for every rung it asked', () => {
    const climb = fitClimb(labels, { ladder: [1, 2], rightAnswerUsd: 1000, confidences });
    expect(climb.run(request(0.97))).toEqual({ rung: 2, isRight: true, costUsd: 21 });
    expect(climb.run(request(0.1))).toEqual({ rung: 1, isRight: true, costUsd: 1 });
  });

  it('uses no rung that is not on its ladder', () => {
    const climb = fitClimb(labels, { ladder: [0, 2], rightAnswerUsd: 1000, confidences });
    const ends = labels.map((label) => climb.run(label).rung);
    expect(new Set(ends)).toEqual(new Set([0, 2]));
  });
});

describe('The quality of a ladder at a cost', () => {
  const sweep = [
    { rightAnswerUsd: 1, costUsd: 2, quality: 0.5, shares: [] },
    { rightAnswerUsd: 2, costUsd: 4, quality: 0.9, shares: [] },
    { rightAnswerUsd: 3, costUsd: 5, quality: 0.8, shares: [] },
  ];

  it.each([
    [1, null],
    [2, 0.5],
    [3, 0.7],
    [4, 0.9],
    [9, 0.9],
  ])('of %d is %s', (costUsd, quality) => {
    const value = qualityAt(sweep, costUsd);
    if (quality === null) expect(value).toBeNull();
    else expect(value).toBeCloseTo(quality, 12);
  });

  it('leaves out what costs more and gives less', () => {
    expect(frontierOf(sweep)).toHaveLength(2);
  });
});

describe('The evaluation of three rungs', () => {
  it('compares them with every pair at the same cost, and says whose answers count', async () => {
    const { report, chart } = await evaluateRoute(outcomes(500), {
      ...options,
      dataSha256: 'none',
    });
    const { figures } = report;
    expect(figures['rungsGain']).toBeGreaterThan(0);
    expect(report.bars).toHaveLength(2);
    expect(report.ok).toBe(true);
    const shares = ['student', 'slm', 'frontier'].map((id) => figures[`share:${id}`] ?? Number.NaN);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
    expect(String(report.context['shares'])).toContain('70 % in Tier 2');
    expect(chart).toContain('student + slm + frontier');
  });

  it('fits every pair and all rungs', async () => {
    const { ladders, rungs, quality } = await evaluateRungs(outcomes(500), options);
    expect(ladders).toEqual([
      [0, 1, 2],
      [0, 1],
      [0, 2],
      [1, 2],
    ]);
    expect(rungs).toEqual(['student', 'slm', 'frontier']);
    expect(quality[2]).toBe(1);
  });

  it('refuses rows that differ in their rungs, and too few', async () => {
    const rows = outcomes(500);
    const odd = { ...(rows[3] as Outcome), tiers: [] };
    await expect(evaluateRungs([...rows.slice(0, 3), odd], options)).rejects.toMatchObject({
      code: 'bad-row',
    });
    await expect(evaluateRungs(rows.slice(0, 250), options)).rejects.toMatchObject({
      code: 'too-few-rows',
    });
  });
});

describe('Outcomes of three rungs made from labelled texts', () => {
  const words = { money: ['refund', 'charge', 'pay'], card: ['pin', 'lost', 'chip'] };
  const rows = Object.entries(words).flatMap(([label, list]) =>
    Array.from({ length: 30 }, (_, index) => ({
      text: `my ${list[index % 3]} question ${index}`,
      label,
    })),
  );

  it('name each rung, and the highest is always right', async () => {
    const made = await buildRungOutcomes(
      { training: rows, test: rows.slice(0, 20) },
      { seed: 1, rowsPerLabel: 1 },
    );
    expect(made).toHaveLength(20);
    expect(hasRungs(made)).toBe(true);
    for (const { tiers = [], deviceCorrect, topic } of made) {
      expect(tiers.map(({ id }) => id)).toEqual(['student', 'slm-stand-in', 'frontier-stand-in']);
      expect(tiers[0]?.correct).toBe(deviceCorrect);
      expect(tiers[2]).toMatchObject({ correct: true, cost: 0.0018 });
      expect(Object.keys(words)).toContain(topic);
    }
    const right = (rung: number): number =>
      made.filter(({ tiers }) => tiers?.[rung]?.correct === true).length;
    expect(right(1)).toBeGreaterThanOrEqual(right(0));
  });
});
