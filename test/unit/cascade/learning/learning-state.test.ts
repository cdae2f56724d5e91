import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLearningLoop } from '../../../../src/cascade/learning/learning-loop.ts';
import { parseLearningState } from '../../../../src/cascade/learning/parse-state.ts';
import { createRandom } from '../../../../src/evaluate/draws.ts';
import type { Receipt } from '../../../../src/types.ts';
import { createWorld, observe, OPTED_IN } from './learning-world.ts';

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
      { numRuns: 150 },
    );
    for (const broken of [null, 1, 'x', [], {}, { version: 2 }]) {
      expect(() => parseLearningState(broken)).toThrow(
        expect.objectContaining({ code: 'bad-state' }),
      );
    }
  });
});

describe('any input', () => {
  it('leaves a state that can be stored, and a threshold on the ladder', () => {
    const anyNumber = fc.oneof(
      fc.double(),
      fc.constantFrom(Number.NaN, Infinity, -Infinity, 0, -0, 1e308),
    );
    const anyStep = fc.record({
      score: fc.option(anyNumber),
      isKept: fc.boolean(),
      isLoss: fc.option(fc.boolean()),
      isCanaryPassed: fc.option(fc.boolean()),
      costUsd: fc.double({ noDefaultInfinity: true }).map((cost) => Math.min(cost, 1e6)),
      checkCostUsd: fc.option(anyNumber),
      saving: anyNumber,
    });
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 20 }), (steps) => {
        const { loop } = createWorld({ ...OPTED_IN, shadowRate: 1 });
        for (const { checkCostUsd, saving, ...step } of steps) {
          const { isKept } = step;
          const plan = loop.plan({
            isKept,
            mode: 'prefer-on-device',
            mayLeave: true,
            checkCostUsd,
          });
          const alternatives = [{ id: 'a', kind: 'device-model', isLoss: false, saving } as const];
          loop.observe({ ...step, plan, alternatives });
          loop.correct({ score: step.score, kind: 'undo' });
        }
        const state = parseLearningState(JSON.parse(JSON.stringify(loop.snapshot())));
        const { threshold } = loop;
        expect(threshold === null || state.ladder.includes(threshold)).toBe(true);
      }),
      { numRuns: 20 },
    );
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
      id: 0,
      kind: 'check',
      probability: 0.95,
      leastProbability: 0.95,
      reason: 'sampled',
      reservedUsd: 0,
      day: 0,
    } as const;
    const seen = { score: 0.9, isKept: true, plan, costUsd: 0.001, receipt };
    loop.observe({ ...seen, isLoss: false });
    // 0.001 for the answer and 0.002 for its check, one answer and that one right.
    expect(loop.report().costPerCorrectUsd).toBeCloseTo(0.003, 12);
    const { costUsd: _, ...unknown } = seen;
    loop.observe({ ...unknown, isLoss: false });
    expect(loop.report().costPerCorrectUsd).toBeNull();
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
