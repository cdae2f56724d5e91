import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createLearningLoop,
  type LearningLoop,
} from '../../../../src/cascade/learning/learning-loop.ts';
import type { Observation } from '../../../../src/cascade/learning/observation.ts';
import { parseLearningState } from '../../../../src/cascade/learning/parse-state.ts';
import type { LearningSettings } from '../../../../src/cascade/learning/settings.ts';
import { type LearningChange, startLearning } from '../../../../src/cascade/learning/state.ts';
import { createRandom } from '../../../../src/evaluate/draws.ts';
import type { Receipt } from '../../../../src/types.ts';

const OPTED_IN: Partial<LearningSettings> = { shadowRate: 0.1, maxShadowUsdPerDay: null };

/** Rows whose loss rate is `height` × (1 − score): 1,000 of them, from the surest down. */
function certificateRows(height: number): { score: number; isLoss: boolean }[] {
  const random = createRandom(99);
  return Array.from({ length: 1_000 }, (_, index) => {
    const score = 1 - index / 1_000;
    return { score, isLoss: random() < height * (1 - score) };
  });
}

interface World {
  readonly loop: LearningLoop;
  readonly changes: LearningChange[];
  /** Sends requests through the loop. */
  run(requests: number, options?: Partial<Course>): void;
}

interface Course {
  readonly height: number;
  /** What the judge says of an answer that is right or not; default: the truth. */
  judge(isRight: boolean): boolean;
}

const honest = (isRight: boolean): boolean => isRight;

function createWorld(settings: Partial<LearningSettings> = OPTED_IN, seed = 1): World {
  const random = createRandom(seed);
  let nowMs = 0;
  const changes: LearningChange[] = [];
  const state = startLearning({
    key: 'model/classify',
    source: 'here',
    labels: certificateRows(0.1),
    settings,
    nowMs,
  });
  const loop = createLearningLoop({
    state,
    now: () => nowMs,
    random,
    onChange: (change) => changes.push(change),
  });
  return {
    loop,
    changes,
    run(requests, { height = 0.1, judge = honest } = {}) {
      for (let index = 0; index < requests; index += 1) {
        nowMs += 1_000;
        const score = random();
        const isLoss = random() < height * (1 - score);
        loop.observe(observe(loop, { score, isLoss, judge }));
      }
    },
  };
}

function observe(
  loop: LearningLoop,
  { score, isLoss, judge }: { score: number; isLoss: boolean; judge: Course['judge'] },
): Observation {
  const isKept = loop.threshold !== null && score >= loop.threshold;
  const plan = loop.plan({
    isKept,
    mode: 'prefer-on-device',
    mayLeave: true,
    checkCostUsd: 0.001,
  });
  const isLabelled = plan.kind === 'check' || plan.kind === 'free';
  return {
    score,
    isKept,
    plan,
    isLoss: isLabelled ? !judge(!isLoss) : null,
    isCanaryPassed: plan.kind === 'canary' ? judge(false) : null,
  };
}

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
    for (let seed = 1; seed <= 20; seed += 1) {
      const { loop, run } = createWorld(OPTED_IN, seed);
      run(3_000);
      // The loss from t on is 0.05 (1 − t)².
      tooLoose += Number(0.05 * (1 - (loop.threshold ?? 1)) ** 2 > 0.02);
    }
    expect(tooLoose).toBeLessThanOrEqual(2 + 3 * Math.sqrt(20 * 0.1 * 0.9));
  });

  it.each([
    ['always-yes', (): boolean => true],
    ['always-no', (): boolean => false],
  ] as const)('never comes from a judge that says %s', (_name, judge) => {
    for (let seed = 1; seed <= 3; seed += 1) {
      const { changes, run } = createWorld(OPTED_IN, seed);
      run(8_000, { height: 0.01, judge });
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
      { numRuns: 10 },
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

describe('a snapshot', () => {
  it('is plain JSON that goes on exactly where the loop was', () => {
    const { loop, run } = createWorld();
    run(3_000);
    const state = parseLearningState(JSON.parse(JSON.stringify(loop.snapshot())));
    expect(state).toEqual(loop.snapshot());
    const ends = [loop.snapshot(), state].map((each) => {
      const again = createLearningLoop({ state: each, now: () => 7, random: createRandom(5) });
      const random = createRandom(6);
      for (let index = 0; index < 500; index += 1) {
        const score = random();
        const isLoss = random() < 0.5;
        again.observe(observe(again, { score, isLoss, judge: (isRight) => isRight }));
      }
      return again.snapshot();
    });
    expect(ends[0]).toEqual(ends[1]);
  });

  it('is refused with a typed error when anything in it is damaged', () => {
    const { loop, run } = createWorld();
    run(100);
    const good = JSON.stringify(loop.snapshot());
    const paths = listPaths(JSON.parse(good));
    fc.assert(
      fc.property(
        fc.constantFrom(...paths),
        fc.constantFrom(undefined, 'x', {}, [], Number.NaN, true),
        (path, value) => {
          const state: unknown = JSON.parse(good);
          setAt(state, path, value);
          try {
            parseLearningState(state);
          } catch (error) {
            expect(error).toMatchObject({ name: 'DataError', code: 'bad-state' });
          }
        },
      ),
      { numRuns: 300 },
    );
    for (const broken of [null, 1, 'x', [], {}, { version: 2 }]) {
      expect(() => parseLearningState(broken)).toThrow(
        expect.objectContaining({ code: 'bad-state' }),
      );
    }
  });
});

describe('checks', () => {
  const receipt: Receipt = {
    id: 'r',
    startedAtMs: 0,
    task: 'classify',
    tier: 'frontier',
    modelId: null,
    inputTokens: 1,
    cachedTokens: null,
    outputTokens: 1,
    durationMs: 1,
    busyMs: null,
    costUsd: 0.002,
    energyWh: null,
    carbonGrams: { low: 0.1, mid: 0.2, high: 0.4 },
  };

  it('are charged once, with their money and carbon', () => {
    const { loop } = createWorld({ ...OPTED_IN, shadowRate: 1 });
    const plan = loop.plan({
      isKept: true,
      mode: 'prefer-on-device',
      mayLeave: true,
      checkCostUsd: 0.001,
    });
    loop.observe({ score: 0.9, isKept: true, plan, isLoss: false, isCanaryPassed: false, receipt });
    expect(loop.takeCharges()).toEqual([{ purpose: plan.kind, receipt }]);
    expect(loop.takeCharges()).toEqual([]);
    const { totals } = loop.report();
    expect(totals.shadowUsd).toBe(0.002);
    expect(totals.shadowCarbonGrams).toEqual({ low: 0.1, mid: 0.2, high: 0.4 });
  });

  it('count in the cost of a correct answer', () => {
    const { loop } = createWorld({ ...OPTED_IN, shadowRate: 1 });
    const plan = {
      kind: 'check',
      probability: 0.95,
      leastProbability: 0.95,
      reason: 'sampled',
      reservedUsd: 0,
    } as const;
    const seen = { score: 0.9, isKept: true, plan, costUsd: 0.001, receipt };
    loop.observe({ ...seen, isLoss: false });
    // 0.001 for the answer and 0.002 for its check, one answer and that one right.
    expect(loop.report().costPerCorrectUsd).toBeCloseTo(0.003, 12);
  });
});

type Path = readonly (string | number)[];

function listPaths(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, each]) => listPaths(each, [...path, key]));
}

function setAt(target: unknown, path: Path, value: unknown): void {
  let holder = target as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) holder = holder[key] as Record<string | number, unknown>;
  holder[path.at(-1) ?? ''] = value;
}
