import { describe, expect, it } from 'vitest';
import { createLearningLoop } from '../../../../src/cascade/learning/learning-loop.ts';
import { parseLearningState } from '../../../../src/cascade/learning/parse-state.ts';
import { startLearning } from '../../../../src/cascade/learning/state.ts';
import { createRandom } from '../../../../src/evaluate/draws.ts';
import { createWorld, honest, observe, OPTED_IN, type World } from './learning-world.ts';

/** A share of the checks comes back without a verdict, or not at all, for losses first. */
function runWithout(
  { loop }: World,
  requests: number,
  { failedShare, isSilent }: { readonly failedShare: number; readonly isSilent: boolean },
): void {
  const random = createRandom(11);
  for (let index = 0; index < requests; index += 1) {
    const isLoss = random() < 0.03;
    const seen = observe(loop, { score: random(), isLoss, judge: honest });
    const isMissing = seen.plan.kind === 'check' && random() < failedShare;
    if (!isMissing) loop.observe(seen);
    else if (!isSilent) loop.observe({ ...seen, isLoss: null });
  }
}

describe('labels that never come', () => {
  it.each([
    ['fail', false],
    ['are never heard of again', true],
  ])('prove nothing: no loosening where half of the checks %s', (_name, isSilent) => {
    const world = createWorld();
    const before = world.loop.threshold ?? 1;
    runWithout(world, 30_000, { failedShare: 0.5, isSilent });
    expect(world.changes.filter(({ kind }) => kind === 'loosen')).toEqual([]);
    expect(world.loop.threshold ?? 1).toBeGreaterThanOrEqual(before);
    expect(world.loop.report().totals.failedChecks).toBeGreaterThan(300);
  });

  it('are no alarm by themselves: a device without a network keeps what it kept', () => {
    const world = createWorld();
    const before = world.loop.threshold;
    const random = createRandom(3);
    for (let index = 0; index < 3_000; index += 1) {
      const seen = observe(world.loop, { score: random(), isLoss: false, judge: honest });
      world.loop.observe({ ...seen, isLoss: null, isCanaryPassed: null });
    }
    expect(world.loop.threshold).toBe(before);
  });

  it('do not make the estimated loss smaller', () => {
    const estimates = [0, 0.5].map((failedShare) => {
      const world = createWorld({ ...OPTED_IN, windowRequests: 30_000, alpha: 0.2 });
      runWithout(world, 30_000, { failedShare, isSilent: false });
      return world.loop.report().window.lossShare ?? 0;
    });
    expect((estimates[1] ?? 0) / (estimates[0] ?? 1)).toBeGreaterThan(0.8);
    expect((estimates[1] ?? 0) / (estimates[0] ?? 1)).toBeLessThan(1.25);
  });

  it('count as lost once their page is gone, and late news of them changes nothing', () => {
    const { loop } = createWorld({ ...OPTED_IN, shadowRate: 1 });
    const seen = observe(loop, { score: 0.9, isLoss: false, judge: honest });
    expect(seen.plan.kind).toBe('check');
    const again = createLearningLoop({
      state: JSON.parse(JSON.stringify(loop.snapshot())) as ReturnType<typeof loop.snapshot>,
      now: () => 0,
      random: createRandom(1),
    });
    const settled = again.snapshot();
    expect(settled.open).toEqual([]);
    expect(settled.bets.every(({ sum }) => sum === 1 / 0.95)).toBe(true);
    again.observe(seen);
    expect(again.snapshot().bets).toEqual(settled.bets);
  });

  it.each([
    ['a chance of 0', { probability: 0 }],
    ['no chance', { probability: null }],
    ['no time', { atMs: 'x' }],
  ])('are refused with %s, which would spoil every bet', (_name, damage) => {
    const { loop } = createWorld({ ...OPTED_IN, shadowRate: 1 });
    observe(loop, { score: 0.9, isLoss: false, judge: honest });
    const state = loop.snapshot();
    const open = state.open.map((plan) => ({ ...plan, ...damage }));
    expect(() => parseLearningState({ ...state, open })).toThrow(
      expect.objectContaining({ code: 'bad-state' }),
    );
  });

  it('are given up when they are too late or too many', () => {
    const { loop, run } = createWorld({ ...OPTED_IN, shadowRate: 1 });
    observe(loop, { score: 0.9, isLoss: false, judge: honest });
    // A second passes with every request.
    run(700, { height: 0 });
    expect(loop.report().totals.failedChecks).toBe(1);
    for (let index = 0; index < 300; index += 1) {
      observe(loop, { score: 0.9, isLoss: false, judge: honest });
    }
    expect(loop.snapshot().open.length).toBeLessThanOrEqual(100);
  });

  it('speak against every alternative that is being tried', () => {
    const { loop } = createWorld({ ...OPTED_IN, shadowRate: 1 });
    const alternatives = [
      { id: 'smaller', kind: 'device-model', isLoss: false, saving: 0.5 },
    ] as const;
    loop.observe({ ...observe(loop, { score: 0.9, isLoss: false, judge: honest }), alternatives });
    const before = loop.snapshot().alternatives['smaller'];
    const seen = observe(loop, { score: 0.9, isLoss: false, judge: honest });
    loop.observe({ ...seen, isLoss: null });
    const after = loop.snapshot().alternatives['smaller'];
    expect(after?.loss.sum).toBeGreaterThan(before?.loss.sum ?? 0);
    expect(after?.saving.sum).toBeGreaterThan(before?.saving.sum ?? 0);
  });
});

describe('a request kept while the loop keeps nothing', () => {
  it('leaves evidence that can be stored', () => {
    const random = createRandom(2);
    const state = startLearning({ key: 'k', source: 's', settings: OPTED_IN, nowMs: 0 });
    const loop = createLearningLoop({ state, now: () => 0, random });
    expect(loop.threshold).toBeNull();
    for (let index = 0; index < 400; index += 1) {
      const seen = observe(loop, { score: random(), isLoss: false, judge: honest });
      const plan = loop.plan({
        isKept: true,
        mode: 'prefer-on-device',
        mayLeave: true,
        checkCostUsd: 0,
      });
      const isLoss = plan.kind === 'check' ? true : null;
      loop.observe(seen);
      loop.observe({ ...seen, isKept: true, plan, isLoss });
    }
    const wealth = loop.snapshot().bets.map(({ logWealth }) => logWealth);
    expect(wealth.filter((each) => !Number.isFinite(each))).toEqual([]);
  });
});
