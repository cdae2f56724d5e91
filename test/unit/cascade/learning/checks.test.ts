import { describe, expect, it } from 'vitest';
import {
  addAlternatives,
  type Alternative,
  listProposals,
} from '../../../../src/cascade/learning/alternatives.ts';
import { createBet } from '../../../../src/cascade/learning/bets.ts';
import {
  type CanaryBook,
  judgeStanding,
  settleCanary,
} from '../../../../src/cascade/learning/canaries.ts';
import { exportLabels, importLabels } from '../../../../src/cascade/learning/label-pool.ts';
import { createLearningLoop } from '../../../../src/cascade/learning/learning-loop.ts';
import { addLoss } from '../../../../src/cascade/learning/loss-evidence.ts';
import type { LearningSettings } from '../../../../src/cascade/learning/settings.ts';
import { planShadow, type ShadowRequest } from '../../../../src/cascade/learning/shadow.ts';
import { type LearningState, startLearning } from '../../../../src/cascade/learning/state.ts';
import { createRandom } from '../../../../src/evaluate/draws.ts';
import type { Receipt } from '../../../../src/types.ts';

const KEPT: ShadowRequest = {
  isKept: true,
  mode: 'prefer-on-device',
  mayLeave: true,
  checkCostUsd: 0.01,
};
const DAY_MS = 86_400_000;
const FREE_OF_CHARGE: Receipt = {
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
  costUsd: 0,
  energyWh: null,
  carbonGrams: null,
};

function start(settings: Partial<LearningSettings> = {}, source = 'here'): LearningState {
  return startLearning({
    key: 'model/classify',
    source,
    settings: { shadowRate: 0.1, maxShadowUsdPerDay: null, ...settings },
    nowMs: 0,
  });
}

describe('planShadow', () => {
  it('draws the owner’s share of kept requests, and one in twenty of those for the judge', () => {
    const state = start();
    const random = createRandom(1);
    const plans = Array.from({ length: 40_000 }, () =>
      planShadow(state, KEPT, { random, nowMs: 0 }),
    );
    const drawn = plans.filter(({ kind }) => kind !== 'none');
    expect(drawn.length / plans.length).toBeCloseTo(0.1, 2);
    const canaries = drawn.filter(({ kind }) => kind === 'canary');
    expect(canaries.length / drawn.length).toBeCloseTo(0.05, 1);
    expect(plans.every(({ probability }) => probability === 0.1 * 0.95)).toBe(true);
  });

  it.each([
    ['not-opted-in', { shadowRate: 0 }, {}],
    ['only-on-device', {}, { mode: 'only-on-device' }],
    ['may-not-leave', {}, { mayLeave: false }],
    ['spent', { maxShadowUsdPerDay: 0 }, {}],
    ['spent', { maxShadowUsdPerDay: 5 }, { checkCostUsd: null }],
  ] as const)('sends nothing up: %s', (reason, settings, request) => {
    const state = start(settings);
    const plan = planShadow(state, { ...KEPT, ...request }, { random: () => 0, nowMs: 0 });
    expect(plan).toMatchObject({ kind: 'none', probability: 0, reason, reservedUsd: 0 });
  });

  it('is off until the owner opts in', () => {
    const state = startLearning({ key: 'k', source: 's', nowMs: 0 });
    expect(planShadow(state, KEPT, { random: () => 0, nowMs: 0 }).reason).toBe('not-opted-in');
  });

  it('never spends more than the cap in a day, also when calls overlap, and goes on the next day', () => {
    const state = start({ shadowRate: 1, maxShadowUsdPerDay: 0.055 });
    const day = (nowMs: number): number =>
      Array.from({ length: 50 }, () =>
        planShadow(state, KEPT, { random: () => 0.5, nowMs }),
      ).reduce((sum, { reservedUsd }) => sum + reservedUsd, 0);
    expect(day(0)).toBeCloseTo(0.05, 10);
    expect(day(DAY_MS - 1)).toBe(0);
    expect(day(DAY_MS)).toBeCloseTo(0.05, 10);
  });

  it('settles what yesterday set aside with yesterday: today’s cap stays what it is', () => {
    const state = start({ shadowRate: 1, maxShadowUsdPerDay: 1 });
    let nowMs = DAY_MS - 1;
    const loop = createLearningLoop({ state, now: () => nowMs, random: () => 0.5 });
    const late = Array.from({ length: 4 }, () => loop.plan({ ...KEPT, checkCostUsd: 0.2 }));
    nowMs = DAY_MS;
    const spend = (): number => loop.plan({ ...KEPT, checkCostUsd: 0.25 }).reservedUsd;
    expect(spend()).toBe(0.25);
    for (const plan of late) {
      loop.observe({ score: 0.9, isKept: true, plan, isLoss: false, receipt: FREE_OF_CHARGE });
    }
    const spent = Array.from({ length: 10 }, () => spend()).reduce((sum, each) => sum + each, 0);
    expect(spent).toBe(0.75);
  });

  it('takes the cloud’s answer as a free label where it was asked anyway', () => {
    const request = { ...KEPT, isKept: false };
    const options = { random: () => 0.99, nowMs: 0 };
    expect(planShadow(start(), request, options)).toMatchObject({ kind: 'free', reservedUsd: 0 });
    const sampled = start({ escalatedLabels: 'sampled' });
    expect(planShadow(sampled, request, options)).toMatchObject({ kind: 'none' });
    expect(planShadow(sampled, request, { random: () => 0.06, nowMs: 0 }).kind).toBe('check');
  });
});

describe('escalated requests', () => {
  it('test the judge too, so that it can prove itself while nothing is kept', () => {
    const state = start({ shadowRate: 0.2 });
    const random = createRandom(1);
    const plans = Array.from({ length: 50_000 }, () =>
      planShadow(state, { ...KEPT, isKept: false }, { random, nowMs: 0 }),
    );
    const canaries = plans.filter(({ kind }) => kind === 'canary');
    // A share of 0.2, and one in twenty of it.
    expect(canaries.length / plans.length).toBeCloseTo(0.01, 2);
    expect(canaries.length).toBeGreaterThan(0);
    expect(plans.every(({ probability }) => probability === 1 - 0.2 * 0.05)).toBe(true);
  });
});

describe('a judge', () => {
  function judge(verdicts: readonly boolean[]): CanaryBook {
    const book: CanaryBook = { canaries: [], canaryBet: createBet() };
    for (const isPassed of verdicts) settleCanary(book, isPassed);
    return book;
  }
  const of = (count: number, passed: number): boolean[] =>
    Array.from({ length: count }, (_, index) => index >= count - passed);

  it('is unproven until enough canaries were caught', () => {
    expect(judgeStanding(judge([]), 0.1)).toBe('unproven');
    expect(judgeStanding(judge(of(20, 0)), 0.1)).toBe('unproven');
    expect(judgeStanding(judge(of(40, 0)), 0.1)).toBe('trusted');
  });

  it('is void as soon as it has passed more than one in ten', () => {
    expect(judgeStanding(judge(of(40, 4)), 0.1)).not.toBe('void');
    expect(judgeStanding(judge(of(40, 5)), 0.1)).toBe('void');
    expect(judgeStanding(judge([true]), 0.1)).toBe('void');
  });

  it('is judged by its latest canaries, and must prove itself anew after being void', () => {
    const verdicts = [...of(200, 0), ...of(11, 11)];
    expect(judgeStanding(judge(verdicts), 0.1)).toBe('void');
    expect(judgeStanding(judge([...verdicts, ...of(95, 0)]), 0.1)).toBe('unproven');
    expect(judgeStanding(judge([...verdicts, ...of(140, 0)]), 0.1)).toBe('trusted');
    expect(judgeStanding(judge([true, ...of(12, 0)]), 0.1)).toBe('unproven');
  });

  it('that passes one in five is hardly ever trusted', () => {
    const random = createRandom(2);
    const trusted = Array.from({ length: 200 }, () => {
      const book: CanaryBook = { canaries: [], canaryBet: createBet() };
      for (let index = 0; index < 200; index += 1) {
        settleCanary(book, random() < 0.2);
        if (judgeStanding(book, 0.1) === 'trusted') return 1;
      }
      return 0;
    }).reduce<number>((sum, each) => sum + each, 0);
    expect(trusted).toBeLessThanOrEqual(20);
  });
});

describe('pooled labels', () => {
  function fill(state: LearningState, requests: number, seed: number): LearningState {
    const random = createRandom(seed);
    for (let index = 0; index < requests; index += 1) {
      const isLoss = random() < 0.05;
      addLoss(state, { score: isLoss ? random() : null, loss: isLoss ? 1 / 0.095 : 0 });
    }
    return state;
  }
  const wealth = ({ bets }: LearningState): number[] => bets.map(({ logWealth }) => logWealth);

  it('are worth as much as if they had been collected here', () => {
    const pool = start({}, 'pool');
    expect(importLabels(pool, exportLabels(fill(start({}, 'a'), 500, 1)))).toBe(500);
    expect(importLabels(pool, exportLabels(fill(start({}, 'b'), 300, 2)))).toBe(300);
    const direct = fill(fill(start(), 500, 1), 300, 2);
    expect(wealth(pool)).toEqual(wealth(direct));
  });

  it('count once, however often the same browser sends them', () => {
    const browser = fill(start({}, 'a'), 400, 1);
    const pool = start({}, 'pool');
    importLabels(pool, exportLabels(browser));
    const before = wealth(pool);
    expect(importLabels(pool, exportLabels(browser))).toBe(0);
    expect(wealth(pool)).toEqual(before);
    fill(browser, 100, 3);
    expect(importLabels(pool, JSON.parse(JSON.stringify(exportLabels(browser))))).toBe(100);
  });

  it('are passed on by nobody but the browser they come from', () => {
    const browser = fill(start({}, 'a'), 400, 1);
    const pool = fill(start({}, 'pool'), 100, 2);
    const own = exportLabels(pool);
    importLabels(pool, exportLabels({ ...browser, canaries: [false, false] }));
    expect(exportLabels(pool)).toEqual(own);
    expect(importLabels(browser, exportLabels(pool))).toBe(100);
    expect(importLabels(pool, exportLabels(browser))).toBe(0);
  });

  it('do not lift the verdict on this browser’s own judge', () => {
    const pool = start({}, 'pool');
    for (const isPassed of [true, true, true]) settleCanary(pool, isPassed);
    const canaries = Array.from({ length: 100 }, () => false);
    importLabels(pool, { ...exportLabels(fill(start({}, 'a'), 400, 1)), canaries });
    expect(judgeStanding(pool, 0.1)).toBe('void');
  });

  it('bring the canaries that trust in a pool’s labels rests on', () => {
    const pool = start({}, 'pool');
    const canaries = Array.from({ length: 40 }, () => false);
    importLabels(pool, { ...exportLabels(fill(start({}, 'a'), 400, 1)), canaries });
    expect(judgeStanding(pool, 0.1)).toBe('trusted');
  });

  it('hold no text', () => {
    const text = JSON.stringify(exportLabels(fill(start(), 50, 1)));
    expect(text).not.toContain('text');
    expect(Object.keys(JSON.parse(text) as object).toSorted()).toEqual(
      [
        'format',
        'version',
        'key',
        'source',
        'era',
        'eraStartedAtMs',
        'losses',
        'gap',
        'skipped',
        'canaries',
      ].toSorted(),
    );
  });

  it.each([
    ['another model', { key: 'other' }, 'calibration-mismatch'],
    ['this browser itself', { source: 'here' }, 'calibration-mismatch'],
    [
      'rarer draws than here',
      { losses: [{ gap: 0, score: 1, weight: 50 }] },
      'calibration-mismatch',
    ],
    ['a void judge', { canaries: [true, false] }, 'data-changed'],
    ['no losses', { losses: null }, 'bad-row'],
    ['a negative gap', { gap: -1 }, 'bad-row'],
    [
      'more requests in all than a page can read',
      { losses: Array.from({ length: 1_500 }, () => ({ gap: 900_000, score: 1, weight: 1 })) },
      'bad-row',
    ],
    [
      'a longer list than any browser keeps',
      { losses: Array.from({ length: 2_001 }, () => ({ gap: 0, score: 1, weight: 1 })) },
      'bad-row',
    ],
    ['a weight below 1', { losses: [{ gap: 0, score: 1, weight: 0 }] }, 'bad-row'],
  ])('of %s are refused, and change nothing', (_name, change, code) => {
    const pool = start();
    const before = structuredClone(pool);
    const labels = { ...exportLabels(fill(start({}, 'a'), 10, 1)), ...change };
    expect(() => importLabels(pool, labels)).toThrow(
      expect.objectContaining({ name: 'DataError', code }),
    );
    expect(pool).toEqual(before);
  });

  it('from before the last alarm are refused', () => {
    const pool = { ...start(), era: 2, eraStartedAtMs: 5_000 };
    expect(() => importLabels(pool, exportLabels(start({}, 'a')))).toThrow(/older than the last/u);
  });
});

describe('a proposal', () => {
  function run(lossRate: number, meanSaving: number): ReturnType<typeof listProposals> {
    const random = createRandom(5);
    const alternatives: Record<string, Alternative> = {};
    const probability = 0.5;
    for (let index = 0; index < 6_000; index += 1) {
      const isChecked = random() < probability;
      const result = {
        id: 'smaller',
        kind: 'device-model',
        isLoss: random() < lossRate,
        saving: meanSaving + (random() - 0.5) * 0.2,
      } as const;
      addAlternatives(alternatives, {
        results: isChecked ? [result] : null,
        probability,
        budget: 0.0165,
        least: probability,
      });
    }
    return listProposals(alternatives, 0.1);
  }

  it('names an alternative that saves and keeps the budget, with its numbers', () => {
    const [proposal] = run(0.004, 0.3);
    expect(proposal).toMatchObject({ id: 'smaller', kind: 'device-model' });
    expect(proposal?.saving).toBeCloseTo(0.3, 1);
    expect(proposal?.lossShare).toBeLessThan(0.0165);
  });

  it('does not name one that saves nothing, or loses too much', () => {
    expect(run(0.004, -0.05)).toEqual([]);
    expect(run(0.05, 0.3)).toEqual([]);
  });
});
