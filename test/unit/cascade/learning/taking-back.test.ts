import { describe, expect, it } from 'vitest';
import { createLearningLoop } from '../../../../src/cascade/learning/learning-loop.ts';
import { startLearning } from '../../../../src/cascade/learning/state.ts';
import { createRandom } from '../../../../src/evaluate/draws.ts';
import { createWorld, honest, observe, OPTED_IN, type World } from './learning-world.ts';

/** A long quiet stretch: evidence for the loosest rungs far beyond the bar. */
function quietWorld(): World {
  const world = createWorld();
  world.run(30_000, { height: 0.004 });
  return world;
}

describe('a tightening', () => {
  it('by an alarm is not taken back on the evidence from before it', () => {
    const { loop, changes, run } = quietWorld();
    const [before, quiet] = [loop.threshold ?? 0, changes.length];
    // Scores come as before, so that only the checks can tell.
    const isOfNewKind = (score: number): boolean => score < before + 0.25;
    run(8_000, { lossRate: (score) => (isOfNewKind(score) ? 0.3 : 0.002) });
    const later = changes.slice(quiet);
    expect(later[0]).toMatchObject({ kind: 'tighten', reason: 'loss-evidence' });
    expect(later.filter(({ kind }) => kind === 'loosen')).toEqual([]);
    expect(loop.threshold).toBeGreaterThan(before + 0.15);
  });

  it('by people’s corrections lasts', () => {
    const { loop, run } = quietWorld();
    const before = loop.threshold ?? 0;
    for (let index = 0; index < 45; index += 1)
      loop.correct({ score: before + 0.001, kind: 'undo' });
    const corrected = loop.threshold ?? 0;
    expect(corrected).toBeGreaterThan(before);
    run(200, { height: 0 });
    expect(loop.threshold).toBe(corrected);
  });

  it('by the owner’s undo lasts until requests after it prove the looser rung again', () => {
    const { loop, run } = quietWorld();
    const before = loop.threshold ?? 0;
    for (let index = 0; index < 3; index += 1) loop.undo();
    const undone = loop.threshold ?? 0;
    expect(undone).toBeGreaterThan(before);
    run(200, { height: 0 });
    expect(loop.threshold).toBe(undone);
    run(8_000, { height: 0 });
    expect(loop.threshold).toBeLessThan(undone);
  });

  it('that a frozen loop only tells of ends the evidence too', () => {
    const { loop, changes, run } = createWorld();
    const before = loop.threshold ?? 0;
    loop.freeze();
    run(30_000, { height: 0.004 });
    const isAlarm = (): boolean => changes.some(({ reason }) => reason === 'loss-evidence');
    for (let index = 0; index < 100 && !isAlarm(); index += 1)
      run(20, { lossRate: (score) => (score < before ? 0.002 : 0.3) });
    expect(isAlarm()).toBe(true);
    loop.unfreeze();
    run(50, { height: 0 });
    expect(loop.threshold).toBe(before);
  });
});

describe('a correction', () => {
  it.each([
    ['of an unknown score', null],
    ['of a score below every rung', -1],
    ['of a score that only looser rungs keep', 0.2],
  ])('%s speaks for no rung, and against no threshold that does not keep it', (_name, score) => {
    const { loop, run } = createWorld();
    run(2_000);
    const before = loop.snapshot();
    expect(before.ladder[before.rung]).toBeGreaterThan(0.2);
    for (let index = 0; index < 50; index += 1) {
      loop.correct({ score, kind: index % 2 === 0 ? 'undo' : 'edit' });
    }
    const after = loop.snapshot();
    for (const [rung, bet] of before.bets.entries()) {
      expect(after.bets[rung]?.logWealth).toBeLessThanOrEqual(bet.logWealth);
    }
    expect(after.threats).toEqual(before.threats);
    expect(after.rung).toBe(before.rung);
  });

  it('speaks for no rung either where the budget is wide', () => {
    const { loop } = createWorld({ ...OPTED_IN, alpha: 0.8 });
    loop.correct({ score: 0.9, kind: 'edit' });
    expect(Math.max(...loop.snapshot().bets.map(({ logWealth }) => logWealth))).toBe(0);
  });

  it('is no check: the labels of this browser can still be pooled', () => {
    const { loop, run } = createWorld();
    run(500);
    loop.correct({ score: 0.9, kind: 'edit' });
    loop.correct({ score: 0.9, kind: 'undo' });
    const other = createWorld().loop;
    const labels: unknown = { ...loop.exportLabels(), source: 'there' };
    expect(other.importLabels(JSON.parse(JSON.stringify(labels)))).toBe(500);
  });
});

describe('a new certificate', () => {
  it('shares the accepted risk with the bets on the same labels', () => {
    const random = createRandom(4);
    const state = startLearning({ key: 'k', source: 's', settings: OPTED_IN, nowMs: 0 });
    const loop = createLearningLoop({ state, now: () => 0, random });
    for (let index = 0; index < 20_000; index += 1) {
      const score = random();
      // Once it is certified again the device turns out better.
      const wrongBelow = loop.threshold === null ? 0.3 : 0.02;
      loop.observe(observe(loop, { score, isLoss: score < wrongBelow, judge: honest }));
    }
    const steps = loop.report().history.filter(({ kind }) => kind === 'loosen');
    expect(steps.map(({ reason }) => reason)).toContain('recertified');
    expect(steps.map(({ reason }) => reason)).toContain('certified');
    for (const { reason, numbers } of steps) {
      expect(numbers['delta']).toBe(0.05);
      if (reason === 'certified') expect(numbers['evidence']).toBeGreaterThanOrEqual(20);
    }
  });
});
