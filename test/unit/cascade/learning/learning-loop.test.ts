import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLearningLoop } from '../../../../src/cascade/learning/learning-loop.ts';
import { startLearning } from '../../../../src/cascade/learning/state.ts';
import { createRandom } from '../../../../src/evaluate/draws.ts';
import { createWorld, honest, observe, OPTED_IN } from './learning-world.ts';

describe('a start', () => {
  it('takes the certificate’s threshold and says what it rests on', () => {
    const { loop } = createWorld();
    const [start] = loop.report().history;
    expect(start).toMatchObject({ kind: 'start', reason: 'certificate', from: null });
    expect(start?.to).toBe(loop.threshold);
    expect(start?.numbers['labels']).toBe(1_000);
    // Half of the scores above 0.5 lose 0.1 × 0.5² / 2 = 0.0125; all of them 0.05.
    expect(loop.threshold).toBeGreaterThan(0.3);
    expect(loop.threshold).toBeLessThan(0.7);
  });

  it('keeps nothing without labels, and earns a certificate with checks', () => {
    const random = createRandom(4);
    const state = startLearning({ key: 'k', source: 's', settings: OPTED_IN, nowMs: 0 });
    const loop = createLearningLoop({ state, now: () => 0, random });
    expect(loop.threshold).toBeNull();
    for (let index = 0; loop.threshold === null && index < 20_000; index += 1) {
      const score = random();
      loop.observe(observe(loop, { score, isLoss: score < 0.3, judge: honest }));
    }
    const change = loop.report().history.at(-1);
    expect(change).toMatchObject({ kind: 'loosen', reason: 'recertified', to: loop.threshold });
    expect(change?.numbers['labels']).toBe(1_000);
    expect(loop.threshold).toBeGreaterThan(0.25);
    expect(loop.threshold).toBeLessThan(0.35);
  });
});

describe('loosening', () => {
  it('comes with a certificate once the device turns out better', () => {
    const { loop, changes, run } = createWorld();
    const before = loop.threshold ?? 0;
    run(20_000, { height: 0.01 });
    expect(loop.threshold).toBeLessThan(before);
    const loosened = changes.filter(({ kind }) => kind === 'loosen');
    expect(loosened.every(({ reason }) => reason === 'certified')).toBe(true);
    for (const { numbers } of loosened) {
      expect(numbers['evidence']).toBeGreaterThanOrEqual(10);
      expect(numbers['lossShare']).toBeLessThan(numbers['budget'] ?? 0);
    }
  });

  it('does not come without checks', () => {
    const { loop, changes, run } = createWorld({});
    const before = loop.threshold;
    run(20_000, { height: 0.01 });
    expect(loop.threshold).toBe(before);
    expect(changes).toEqual([]);
    expect(loop.report().shadowShare).toBe(0);
  });

  it('seldom goes past the budget where the certificate is already as loose as it may be', () => {
    let tooLoose = 0;
    for (let seed = 1; seed <= 10; seed += 1) {
      const { loop, run } = createWorld(OPTED_IN, seed);
      run(3_000);
      // The loss from t on is 0.05 (1 − t)².
      tooLoose += Number(0.05 * (1 - (loop.threshold ?? 1)) ** 2 > 0.02);
    }
    expect(tooLoose).toBeLessThanOrEqual(1 + 3 * Math.sqrt(10 * 0.1 * 0.9));
  });

  it.each([
    ['always-yes', (): boolean => true],
    ['always-no', (): boolean => false],
  ] as const)('never comes from a judge that says %s', (_name, judge) => {
    for (let seed = 1; seed <= 2; seed += 1) {
      const { changes, run } = createWorld(OPTED_IN, seed);
      run(6_000, { height: 0.01, judge });
      expect(changes.filter(({ kind }) => kind === 'loosen')).toEqual([]);
    }
  });

  it('never comes from a judge that throws coins', () => {
    const coin = createRandom(8);
    const { changes, run } = createWorld();
    run(20_000, { height: 0.01, judge: () => coin() < 0.5 });
    expect(changes.filter(({ kind }) => kind === 'loosen')).toEqual([]);
  });

  it('is taken back when the judge turns out void', () => {
    const { loop, changes, run } = createWorld();
    const certified = loop.threshold ?? 0;
    run(20_000, { height: 0.01 });
    expect(loop.threshold).toBeLessThan(certified);
    run(6_000, { height: 0.01, judge: () => true });
    expect(changes.at(-1)).toMatchObject({ kind: 'tighten', reason: 'judge-void', to: certified });
    expect(loop.report().judge).toBe('void');
  });
});

describe('tightening', () => {
  it('comes at once when requests of another kind arrive: nothing is kept until they are certified', () => {
    const { loop, changes, run } = createWorld();
    run(8_000);
    const before = loop.threshold ?? 0;
    run(300, { height: 0.9 });
    expect(loop.threshold).toBeNull();
    expect(changes.at(-1)).toMatchObject({ kind: 'tighten', reason: 'drift', to: null });
    run(2_000, { height: 0.9 });
    expect(loop.threshold).toBeGreaterThan(before);
    expect(changes.at(-1)?.numbers['labels']).toBe(1_000);
    // The loss from t on is 0.45 (1 − t)², which is 0.02 at 0.79.
    expect(loop.threshold).toBeGreaterThan(0.75);
  });

  it('keeps less, not nothing, where no test can take it back', () => {
    const { loop, run } = createWorld({});
    const before = loop.threshold ?? 0;
    let seed = 0;
    while (loop.report().history.length === 1 && seed < 50) {
      seed += 1;
      run(100, { height: 0 });
      // Without checks only the scores show a change: here they all come from the lower half.
      for (let index = 0; index < 20; index += 1) {
        const plan = loop.plan({
          isKept: false,
          mode: 'prefer-on-device',
          mayLeave: true,
          checkCostUsd: null,
        });
        loop.observe({ score: 0.01, isKept: false, plan, isLoss: null });
      }
    }
    expect(loop.report().history.at(-1)).toMatchObject({ kind: 'tighten', reason: 'drift' });
    expect(loop.threshold).not.toBeNull();
    expect(loop.threshold).toBeGreaterThan(before);
  });

  it.each([['undo'], ['edit']] as const)('comes from people’s %s', (kind) => {
    const { loop, changes } = createWorld({});
    const before = loop.threshold ?? 0;
    for (let index = 0; index < 20; index += 1) loop.correct({ score: 0.9, kind });
    expect(loop.threshold ?? 1).toBeGreaterThan(before);
    expect(changes.every(({ reason }) => reason === 'user-corrections')).toBe(true);
  });

  it('does not come from corrections that are rarer than the budget', () => {
    const { loop, run } = createWorld({});
    const before = loop.threshold;
    for (let index = 0; index < 50; index += 1) {
      run(100);
      loop.correct({ score: 0.9, kind: 'undo' });
    }
    expect(loop.threshold).toBe(before);
  });

  it('is all that corrections can do, and they never help loosening', () => {
    const anyCorrection = fc.record({
      score: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
      kind: fc.constantFrom('undo' as const, 'edit' as const),
    });
    fc.assert(
      fc.property(fc.array(anyCorrection, { maxLength: 15 }), (corrections) => {
        const { loop } = createWorld();
        const wealth = (): number[] => loop.snapshot().bets.map(({ logWealth }) => logWealth);
        for (const correction of corrections) {
          const [threshold, before] = [loop.threshold, wealth()];
          loop.correct(correction);
          expect(loop.threshold ?? Infinity).toBeGreaterThanOrEqual(threshold ?? Infinity);
          for (const [rung, each] of wealth().entries()) {
            const isBelow = (correction.score ?? -1) >= (loop.snapshot().ladder[rung] ?? 0);
            if (isBelow) expect(each).toBeLessThanOrEqual((before[rung] ?? 0) + 1e-12);
          }
        }
      }),
      { numRuns: 6 },
    );
  });
});

describe('the owner', () => {
  it('freezes: alarms are told, nothing moves', () => {
    const { loop, changes, run } = createWorld();
    const before = loop.threshold;
    loop.freeze();
    run(1_000);
    run(2_000, { height: 0.9 });
    expect(loop.threshold).toBe(before);
    expect(changes.some(({ reason }) => reason === 'drift')).toBe(true);
    expect(changes.every(({ kind, from, to }) => kind === 'notice' && from === to)).toBe(true);
    loop.unfreeze();
    run(3_000, { height: 0.9 });
    expect(loop.threshold ?? 1).toBeGreaterThan(before ?? 0);
  });

  it('takes changes back one by one, and the history keeps them all', () => {
    const { loop, run } = createWorld();
    const before = loop.threshold;
    run(1_000);
    run(3_000, { height: 0.9 });
    const moves = loop.report().history.filter(({ kind }) => kind === 'tighten').length;
    expect(moves).toBeGreaterThan(0);
    for (let index = 0; index < moves; index += 1) {
      expect(loop.undo()).toMatchObject({ reason: 'owner-undo' });
    }
    expect(loop.threshold).toBe(before);
    expect(loop.undo()).toBeNull();
    expect(loop.report().history.filter(({ kind }) => kind === 'tighten')).toHaveLength(moves);
  });

  it('sets bounds that no change leaves', () => {
    const { loop, changes, run } = createWorld();
    loop.setBounds({ strictest: 0.8, loosest: 0.6 });
    expect(loop.threshold).toBeGreaterThanOrEqual(0.6);
    run(20_000, { height: 0 });
    expect(loop.threshold).toBeGreaterThanOrEqual(0.6);
    run(5_000, { height: 0.9 });
    expect(loop.threshold).toBeLessThanOrEqual(0.8);
    expect(changes.some(({ reason }) => reason === 'owner-bounds')).toBe(true);
    expect(changes.length).toBeLessThan(200);
  });

  it.each([
    ['a loosest one', { strictest: null, loosest: 0.9 }, [0.9, 1]],
    ['a strictest one', { strictest: 0.2, loosest: null }, [0, 0.2]],
  ] as const)('has bounds in force from the start: %s', (_name, bounds, [least, most]) => {
    const { loop } = createWorld({ ...OPTED_IN, bounds });
    expect(loop.threshold).toBeGreaterThanOrEqual(least);
    expect(loop.threshold).toBeLessThanOrEqual(most);
    expect(loop.report().history[0]?.to).toBe(loop.threshold);
  });

  it('is shown a right call for impossible settings and bounds', () => {
    const { loop } = createWorld();
    expect(() => loop.setBounds({ strictest: 0.2, loosest: 0.8 })).toThrow(TypeError);
    expect(() => createWorld({ alpha: 2 })).toThrow(/for example \{ alpha: 0.02/u);
    expect(() => createWorld({ shadowRate: -1 })).toThrow(TypeError);
  });
});

describe('every change', () => {
  it('is dated, numbered and explained', () => {
    const { loop, run } = createWorld();
    run(1_000);
    run(3_000, { height: 0.9 });
    const { history } = loop.report();
    expect(history.map(({ id }) => id)).toEqual(history.map((_, index) => index + 1));
    for (const { atMs, numbers } of history.slice(1)) {
      expect(atMs).toBeGreaterThan(0);
      expect(Object.values(numbers).every((value) => Number.isFinite(value))).toBe(true);
      expect(Object.keys(numbers).length).toBeGreaterThan(0);
    }
  });
});
