import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { fitGain, type GainRow } from '../../../src/cascade/fit-gain.ts';
import type { GainModel } from '../../../src/cascade/gain.ts';
import { MODES } from '../../../src/cascade/modes.ts';
import { decide } from '../../../src/cascade/policy.ts';
import type { Rung, RungAnswer, Situation } from '../../../src/cascade/situation.ts';
import type { Decision } from '../../../src/types.ts';

const student: Rung = { id: 'student', place: 'device', modelId: 's' };
const slm: Rung = {
  id: 'slm',
  place: 'remote',
  cost: { moneyUsd: 0.001, carbonGrams: 1, latencyMs: 500 },
};
const frontier: Rung = {
  id: 'frontier',
  place: 'remote',
  cost: { moneyUsd: 0.01, carbonGrams: 5, latencyMs: 2000 },
};
const rungs = [student, slm, frontier];
/** Route and message id. */
type Outcome = readonly [route: string | null, message: string];
const prices = { rightAnswerUsd: 0.1 };

function gainOf(rescue: number, harm: number, labels = 100): GainModel {
  const estimate = { gain: rescue / 2 - harm / 2, halfWidth: 0.1, rescue, harm, labels };
  return { labels, estimate: () => ({ ...estimate, topicLabels: labels }) };
}

function sort(more: Partial<Situation> = {}, answer?: Partial<RungAnswer>) {
  const given = { tier: 'student', score: 0.7, confidence: 0.7, ...answer };
  return decide({
    task: 'classify',
    rungs,
    ...(answer === undefined ? {} : { answer: given }),
    ...more,
  });
}

describe('A decision before anybody has answered', () => {
  it.each<[string, Partial<Situation>, Outcome]>([
    ['starts low', {}, ['student', 'accept/lowest-first']],
    ['stays on the device', { mode: 'only-on-device' }, ['student', 'accept/mode-only-on-device']],
    ['prefers the cloud', { mode: 'prefer-in-cloud' }, ['slm', 'escalate/mode-prefer-in-cloud']],
    ['goes to the cloud', { mode: 'only-in-cloud' }, ['slm', 'escalate/mode-only-in-cloud']],
    [
      'keeps the field here',
      { mode: 'prefer-in-cloud', egress: [{ egress: 'local-only' }] },
      ['student', 'accept/rule-local-only'],
    ],
    ['is offline', { mode: 'prefer-in-cloud', isOffline: true }, ['student', 'accept/offline']],
    [
      'has spent it all',
      { mode: 'prefer-in-cloud', spending: { spentUsd: 1, capUsd: 1 } },
      ['student', 'accept/cap-reached'],
    ],
    [
      'can afford one',
      { mode: 'prefer-in-cloud', spending: { spentUsd: 0.995, capUsd: 1 } },
      ['slm', 'escalate/mode-prefer-in-cloud'],
    ],
    [
      'spares a hot device',
      { rungs: [{ ...student, state: 'strained' }, slm] },
      ['slm', 'escalate/device-strained'],
    ],
    [
      'uses a hot device when alone',
      { rungs: [{ ...student, state: 'strained' }, slm], isOffline: true },
      ['student', 'accept/offline'],
    ],
    [
      'passes by a missing device',
      { rungs: [{ ...student, state: 'unavailable' }, slm] },
      ['slm', 'escalate/device-unavailable'],
    ],
    ['escalates questions at once', { task: 'ask' }, ['slm', 'escalate/no-usable-signal']],
    ['creates at the frontier', { task: 'create' }, ['frontier', 'escalate/starts-at-frontier']],
    [
      'completes on the device',
      { task: 'complete', mode: 'prefer-in-cloud' },
      ['student', 'accept/lowest-first'],
    ],
    [
      'never completes in the cloud',
      { task: 'complete', mode: 'only-in-cloud' },
      [null, 'refuse/mode-only-in-cloud'],
    ],
    ['has nobody left', { mode: 'only-in-cloud', isOffline: true }, [null, 'refuse/offline']],
    [
      'may not spend',
      { mode: 'only-in-cloud', spending: { spentUsd: 5, capUsd: 1 } },
      [null, 'refuse/cap-reached'],
    ],
  ])('%s', (_, more, [route, message]) => {
    const decision = sort(more);
    expect(decision.route).toBe(route);
    expect(decision.message.id).toBe(message);
    expect(message).toBe(`${decision.action}/${decision.reason}`);
  });

  it('keeps a question on the device where labels say that asking wins less than it costs', () => {
    const useless = gainOf(0.02, 0.02);
    const ask = { task: 'ask', prices, gains: [{ from: 'student', to: 'slm', model: useless }] };
    expect(sort(ask)).toMatchObject({ route: 'student', reason: 'asking-does-not-pay' });
    const useful = gainOf(0.8, 0.1);
    const gains = [{ from: 'student', to: 'frontier', model: useful }];
    expect(sort({ ...ask, gains })).toMatchObject({ route: 'frontier', reason: 'asking-pays' });
    const { prices: _, ...unpriced } = ask;
    expect(sort(unpriced)).toMatchObject({ route: 'slm', reason: 'no-usable-signal' });
  });
});

describe('A decision on an answer', () => {
  it('asks when P(wrong) × rescue − P(right) × harm is above the price, with every number', () => {
    const gains = [{ from: 'student', to: 'slm', model: gainOf(0.5, 0.1) }];
    const decision = sort({ prices, gains, rungs: [student, slm] }, { confidence: 0.8 });
    // 0.2 × 0.5 − 0.8 × 0.1 = 0.02; price 0.001 ÷ 0.1 = 0.01.
    expect(decision).toMatchObject({
      action: 'escalate',
      reason: 'asking-pays',
      route: 'slm',
      tier: 'student',
      confidence: 0.8,
    });
    expect(decision.numbers).toMatchObject({
      gainLabels: 100,
      gainGivenWrong: 0.5,
      priceUsd: 0.001,
    });
    expect(decision.numbers['expectedGain']).toBeCloseTo(0.02, 12);
    expect(decision.numbers['price']).toBeCloseTo(0.01, 12);
    expect(decision.numbers['net/slm']).toBeCloseTo(0.01, 12);
    const surer = { prices, gains, rungs: [student, slm] };
    expect(sort(surer, { confidence: 0.82 })).toMatchObject({
      action: 'accept',
      reason: 'confident',
      route: 'student',
    });
    expect(sort(surer, { score: 0.2, confidence: 0.82 })).toMatchObject({
      action: 'accept',
      reason: 'asking-does-not-pay',
      route: 'student',
    });
  });

  it('without labels takes the confidence alone, and says so', () => {
    const decision = sort({ prices }, { confidence: 0.98 });
    // The slm: 0.02 − 0.01; the frontier: 0.02 − 0.1.
    expect(decision).toMatchObject({ route: 'slm', reason: 'asking-pays' });
    expect(decision.numbers['gainLabels']).toBe(0);
    expect(sort({ prices }, { confidence: 0.995 })).toMatchObject({ route: 'student' });
  });

  it('names the rung that is worth most, whichever it is', () => {
    const gains = [
      { from: 'student', to: 'slm', model: gainOf(0.1, 0) },
      { from: 'student', to: 'frontier', model: gainOf(0.95, 0) },
    ];
    // At 0.5: slm 0.05 − 0.01, frontier 0.475 − 0.1. At 0.88: 0.012 − 0.01 and 0.114 − 0.1.
    expect(sort({ prices, gains }, { confidence: 0.5 }).route).toBe('frontier');
    expect(sort({ prices, gains }, { confidence: 0.88 }).route).toBe('frontier');
    expect(sort({ prices, gains }, { confidence: 0.895 }).route).toBe('slm');
  });

  it('asks below a certified threshold whatever it costs, and may ask above it', () => {
    const threshold = { value: 0.9, isCertified: true };
    const expensive = { prices: { rightAnswerUsd: 1e-6 } };
    expect(sort(expensive, { score: 0.89, threshold })).toMatchObject({
      action: 'escalate',
      reason: 'low-confidence',
      threshold: 0.9,
    });
    expect(sort(expensive, { score: 0.9, threshold })).toMatchObject({ reason: 'confident' });
    expect(sort({ prices }, { score: 0.95, confidence: 0.5, threshold })).toMatchObject({
      reason: 'asking-pays',
    });
    expect(sort({}, { score: null, confidence: null, threshold })).toMatchObject({
      action: 'escalate',
      reason: 'no-usable-signal',
    });
  });

  it('without prices holds to the threshold, its own or that of the rule', () => {
    const threshold = { value: 0.5, isCertified: false };
    expect(sort({}, { score: 0.5, threshold })).toMatchObject({ reason: 'confident' });
    expect(sort({}, { score: 0.49, threshold })).toMatchObject({ reason: 'low-confidence' });
    expect(sort({ task: 'rewrite' }, { score: 0.45 })).toMatchObject({
      reason: 'confident',
      threshold: 0.45,
    });
  });

  it.each<[string, Partial<Situation>, Outcome]>([
    ['only on device', { mode: 'only-on-device' }, ['student', 'accept/mode-only-on-device']],
    [
      'a local field',
      { field: 'diagnosis', egress: [{ field: 'diagnosis', egress: 'local-only' }] },
      ['student', 'accept/rule-local-only'],
    ],
    [
      'one tier forbidden',
      { egress: [{ tier: 'slm', egress: 'local-only' }] },
      ['frontier', 'escalate/no-usable-signal'],
    ],
    ['no network', { isOffline: true }, ['student', 'accept/offline']],
    ['the cap', { spending: { spentUsd: 1, capUsd: 1 } }, ['student', 'accept/cap-reached']],
    ['no tier above', { rungs: [student] }, ['student', 'accept/no-higher-tier']],
    ['the cloud preferred', { mode: 'prefer-in-cloud' }, ['slm', 'escalate/mode-prefer-in-cloud']],
    ['only the cloud', { mode: 'only-in-cloud', isOffline: true }, [null, 'refuse/offline']],
    ['completion', { task: 'complete' }, [null, 'refuse/no-usable-signal']],
    [
      'a hot device that answered',
      { rungs: [{ ...student, state: 'strained' }, slm] },
      ['slm', 'escalate/no-usable-signal'],
    ],
  ])('with an unknown score under the rule of %s', (_, more, [route, message]) => {
    const decision = sort(more, { score: null, confidence: null });
    expect(decision.message.id).toBe(message);
    expect(decision.route).toBe(route);
  });

  it('of a remote tier weighs the rungs above it, and the highest stands', () => {
    const answer = { tier: 'slm', score: 0.2, confidence: 0.2 };
    expect(sort({ prices }, answer)).toMatchObject({ route: 'frontier', tier: 'slm' });
    expect(sort({ prices }, { ...answer, tier: 'frontier' })).toMatchObject({
      route: 'frontier',
      action: 'accept',
      reason: 'highest-tier',
    });
  });

  it.each(['student', 'slm'])('of %s in the mode observe is watched and never used', (tier) => {
    expect(sort({ mode: 'observe', prices }, { tier, score: 0.1 })).toMatchObject({
      action: 'refuse',
      reason: 'mode-observe',
      route: null,
      tier,
    });
  });

  it('offers a completion that is sure enough, also without any tier above', () => {
    const complete = { task: 'complete', rungs: [student] };
    expect(sort(complete, { score: 0.58 })).toMatchObject({ action: 'accept', route: 'student' });
    expect(sort(complete, { score: 0.57 })).toMatchObject({ action: 'refuse', route: null });
  });
});

describe('A malformed situation', () => {
  it.each<[string, unknown]>([
    ['no rungs', { task: 'classify', rungs: [] }],
    ['rungs that are no list', { task: 'classify' }],
    ['the same id twice', { task: 'classify', rungs: [student, student] }],
    ['an unknown place', { task: 'classify', rungs: [{ id: 'a', place: 'moon' }] }],
    ['an unknown mode', { task: 'classify', rungs, mode: 'maybe' }],
    ['an answer of nobody', { task: 'classify', rungs, answer: { tier: 'x', score: 1 } }],
    [
      'a threshold of NaN',
      {
        task: 'classify',
        rungs,
        answer: { tier: 'student', score: 1, threshold: { value: Number.NaN, isCertified: false } },
      },
    ],
    ['a negative cap', { task: 'classify', rungs, spending: { spentUsd: 0, capUsd: -1 } }],
    [
      'a right answer that is worth nothing',
      {
        task: 'classify',
        rungs,
        prices: { rightAnswerUsd: 0 },
        answer: { tier: 'student', score: 1 },
      },
    ],
  ])('with %s throws TypeError', (_, situation) => {
    expect(() => decide(situation as Situation)).toThrow(TypeError);
  });
});

const share = fc.double({ min: 0, max: 1, noNaN: true });
const anyNumber = fc.oneof(
  fc.double(),
  fc.constantFrom(null, 0, -0, 1, Number.NaN, Infinity, -Infinity, 1e308, -1e308),
);
const amount = fc.oneof(fc.double({ min: 0, noNaN: true }), fc.constantFrom(null, 0, Infinity));
const anyRung = (base: Rung) =>
  fc.record({
    id: fc.constant(base.id),
    place: fc.constant(base.place),
    state: fc.constantFrom('ready' as const, 'strained' as const, 'unavailable' as const),
    cost: fc.record({ moneyUsd: amount, carbonGrams: amount, latencyMs: amount }),
  });
const anySituation = fc.record(
  {
    task: fc.constantFrom('classify', 'complete', 'ask', 'create', 'rewrite'),
    rungs: fc.tuple(anyRung(student), anyRung(slm), anyRung(frontier)),
    mode: fc.constantFrom(...MODES),
    isOffline: fc.boolean(),
    egress: fc.constantFrom([], [{ egress: 'local-only' as const }]),
    spending: fc.constantFrom({ spentUsd: 0, capUsd: 1 }, { spentUsd: 2, capUsd: 1 }),
    prices: fc.record({
      rightAnswerUsd: fc.double({ min: 1e-9, max: 1e9, noNaN: true }),
      carbonUsdPerKg: fc.constantFrom(0, 0.1, Infinity),
      latencyUsdPerSecond: fc.constantFrom(0, 0.1),
    }),
    gains: fc.constantFrom([], [{ from: 'student', to: 'slm', model: gainOf(0.5, 0.2) }]),
    answer: fc.record(
      {
        tier: fc.constantFrom('student', 'slm', 'frontier'),
        score: anyNumber,
        confidence: anyNumber,
        threshold: fc.record({ value: share, isCertified: fc.boolean() }),
      },
      { requiredKeys: ['tier', 'score'] },
    ),
  },
  { requiredKeys: ['task', 'rungs'] },
);

describe('Any decision', () => {
  it('is the same for the same situation, and none of its numbers is NaN', () => {
    fc.assert(
      fc.property(anySituation, (situation) => {
        const decision = decide(situation);
        expect(decide(structuredClone({ ...situation, gains: [] }))).toEqual(
          decide({ ...situation, gains: [] }),
        );
        const values = [...Object.values(decision.numbers), decision.confidence];
        expect(values.some((value) => Number.isNaN(value))).toBe(false);
        expect(decision.action === 'refuse').toBe(decision.route === null);
        if (decision.action === 'escalate') expect(decision.route).not.toBe(decision.tier);
      }),
      { numRuns: 500 },
    );
  });

  it('sends nothing away on the device only, offline, over the cap, or against a rule', () => {
    const limit = fc.constantFrom<Partial<Situation>>(
      { mode: 'only-on-device' },
      { isOffline: true },
      { spending: { spentUsd: 2, capUsd: 1 } },
      { egress: [{ egress: 'local-only' }] },
    );
    fc.assert(
      fc.property(anySituation, limit, (situation, limits) => {
        const { answer, ...rest } = situation;
        const fromDevice = answer === undefined ? {} : { answer: { ...answer, tier: 'student' } };
        const { route } = decide({ ...rest, ...fromDevice, ...limits });
        expect([null, 'student']).toContain(route);
      }),
      { numRuns: 500 },
    );
  });

  const rises = (decision: Decision): boolean => decision.action === 'escalate';

  it('never turns from keeping to asking when the confidence rises', () => {
    fc.assert(
      fc.property(anySituation, fc.tuple(share, share), (situation, [one, other]) => {
        const at = (confidence: number) =>
          decide({
            ...situation,
            answer: { tier: 'student', ...situation.answer, score: confidence, confidence },
          });
        if (!rises(at(Math.min(one, other)))) expect(rises(at(Math.max(one, other)))).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('never turns from keeping to asking when the price rises', () => {
    const money = fc.double({ min: 0, max: 100, noNaN: true });
    fc.assert(
      fc.property(anySituation, share, fc.tuple(money, money), (situation, confidence, moneys) => {
        const at = (moneyUsd: number) =>
          decide({
            ...situation,
            prices: { rightAnswerUsd: 1 },
            rungs: situation.rungs.map((rung) => ({ ...rung, cost: { ...rung.cost, moneyUsd } })),
            answer: { tier: 'student', score: confidence, confidence },
          });
        const [low, high] = [Math.min(...moneys), Math.max(...moneys)];
        if (!rises(at(low))) expect(rises(at(high))).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('takes at most 1 ms in 99 of 100 cases, with a gain of topics and words', () => {
    const rows: readonly GainRow[] = Array.from({ length: 300 }, (_, index) => ({
      topic: `topic ${index % 40}`,
      text: index % 2 === 0 ? 'where is my money' : 'good morning to you',
      isBelowRight: index % 2 === 1,
      isAboveRight: true,
    }));
    const model = fitGain(rows);
    expect(model.parts.text).not.toBeNull();
    const gains = [
      { from: 'student', to: 'slm', model },
      { from: 'student', to: 'frontier', model },
    ];
    const text = 'I was charged twice for the same payment, please return my money. '.repeat(4);
    // The least of five: how long a decision takes, not how long the machine did something else.
    const durationsMs = Array.from({ length: 500 }, (_, index) => {
      const situation = { prices, gains, topic: `topic ${index % 40}`, text: `${text}${index}` };
      const timesMs = Array.from({ length: 5 }, () => {
        const startedAtMs = performance.now();
        sort(situation, { confidence: index / 500 });
        return performance.now() - startedAtMs;
      });
      return Math.min(...timesMs);
    });
    durationsMs.sort((left, right) => left - right);
    expect(durationsMs[Math.floor(durationsMs.length * 0.99)]).toBeLessThan(1);
  });
});
