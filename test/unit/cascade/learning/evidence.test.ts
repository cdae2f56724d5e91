import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createBet, isRefuted, settleBet } from '../../../../src/cascade/learning/bets.ts';
import {
  createDriftWatch,
  DRIFT_BAR,
  forgetLabelsAbove,
  watchForDrift,
} from '../../../../src/cascade/learning/drift.ts';
import { readSettings, windowBudget } from '../../../../src/cascade/learning/settings.ts';
import { createRandom } from '../../../../src/evaluate/draws.ts';

interface Golden {
  readonly budgets: readonly {
    alpha: number;
    delta: number;
    windowRequests: number;
    budget: number;
  }[];
  readonly bets: readonly {
    limit: number;
    most: number;
    values: readonly number[];
    logWealth: number;
  }[];
  readonly drift: {
    readonly ladder: readonly number[];
    readonly labelledFrom: number;
    readonly steps: readonly {
      score: number;
      isWrong: boolean;
      random: number;
      evidence: number;
    }[];
  };
}

const golden = JSON.parse(
  readFileSync(new URL('../../../golden/learning.json', import.meta.url), 'utf8'),
) as Golden;

const LADDER = Array.from({ length: 40 }, (_, step) => 1 - (step + 1) / 41);

describe('a bet', () => {
  it.each(golden.bets)(
    'has the wealth that numpy computes (limit $limit)',
    ({ limit, most, values, logWealth }) => {
      const bet = createBet();
      for (const value of values) settleBet(bet, value, { limit, most });
      expect(bet.logWealth).toBeCloseTo(logWealth, 9);
    },
  );

  it('ever refutes a true hypothesis with at most the accepted risk', () => {
    const [runs, steps, limit, most] = [500, 3_000, 0.02, 1 / 0.095];
    let refuted = 0;
    for (let run = 0; run < runs; run += 1) {
      const random = createRandom(run);
      const bet = createBet();
      for (let step = 0; step < steps; step += 1) {
        settleBet(bet, random() < limit / most ? most : 0, { limit, most });
        if (!isRefuted(bet, 0.1)) continue;
        refuted += 1;
        break;
      }
    }
    // 0.1 and three standard errors of 500 runs.
    expect(refuted / runs).toBeLessThanOrEqual(0.1 + 3 * Math.sqrt((0.1 * 0.9) / runs));
    expect(refuted).toBeGreaterThan(0);
  });

  it('refutes a false one in the end', () => {
    const random = createRandom(1);
    const bet = createBet();
    for (let step = 0; step < 3_000; step += 1) {
      settleBet(bet, random() < 0.005 ? 1 : 0, { limit: 0.02, most: 1 });
    }
    expect(isRefuted(bet, 0.01)).toBe(true);
  });

  it('never loses everything, whatever comes', () => {
    const bet = createBet();
    for (let step = 0; step < 100; step += 1) settleBet(bet, 0, { limit: 0.02, most: 10 });
    for (let step = 0; step < 100; step += 1) settleBet(bet, 10, { limit: 0.02, most: 10 });
    expect(Number.isFinite(bet.logWealth)).toBe(true);
    expect(bet.logWealth).toBeLessThan(0);
  });
});

describe('windowBudget', () => {
  it.each(golden.budgets)(
    'is the rate that scipy finds for $windowRequests requests at $alpha',
    ({ budget, ...settings }) => {
      expect(windowBudget(readSettings(settings))).toBeCloseTo(budget, 9);
    },
  );

  it('comes closer to alpha the longer the window', () => {
    const budgets = [200, 2_000, 20_000].map((windowRequests) =>
      windowBudget({ alpha: 0.02, delta: 0.1, windowRequests }),
    );
    expect(budgets).toEqual(budgets.toSorted((a, b) => a - b));
    expect(budgets[2]).toBeLessThan(0.02);
  });
});

describe('the drift watch', () => {
  const step = (
    watch: ReturnType<typeof createDriftWatch>,
    random: () => number,
    request: { readonly score: number; readonly isWrong: boolean },
  ): number => watchForDrift(watch, LADDER, { sighting: request, random: random() });

  it('has the evidence of a count over all earlier requests', () => {
    const { ladder, labelledFrom, steps } = golden.drift;
    const watch = createDriftWatch(ladder, labelledFrom);
    for (const { score, isWrong, random, evidence } of steps) {
      const sighting = { score, isWrong };
      expect(watchForDrift(watch, ladder, { sighting, random }) / evidence).toBeCloseTo(1, 9);
    }
  });

  it('stays silent while requests keep coming alike', () => {
    let alarms = 0;
    for (let run = 0; run < 20; run += 1) {
      const random = createRandom(run);
      const watch = createDriftWatch(LADDER, 30);
      for (let index = 0; index < 5_000; index += 1) {
        const score = random();
        alarms += Number(step(watch, random, { score, isWrong: random() > score }) >= DRIFT_BAR);
      }
    }
    // 100,000 requests in all, and the bar promises one alarm in at least as many on average.
    expect(alarms).toBeLessThanOrEqual(1);
  });

  it('notices within 200 requests that three in ten are of an unknown kind', () => {
    for (let run = 0; run < 10; run += 1) {
      const random = createRandom(run);
      const watch = createDriftWatch(LADDER, 20);
      const next = (isShifted: boolean): number => {
        const isStrange = isShifted && random() < 0.3;
        const score = isStrange ? random() * 0.6 : 1 - 0.8 * random() ** 2;
        return step(watch, random, { score, isWrong: isStrange || random() > score });
      };
      for (let index = 0; index < 2_000; index += 1) next(false);
      let delay = 0;
      while (next(true) < DRIFT_BAR) delay += 1;
      expect(delay).toBeLessThan(200);
    }
  });

  it('counts after loosening as if nobody had looked above the new rung', () => {
    const random = createRandom(3);
    const requests = Array.from({ length: 500 }, () => ({
      score: random(),
      isLoss: random() < 0.3,
    }));
    const loosened = createDriftWatch(LADDER, 10, requests);
    forgetLabelsAbove(loosened, 25);
    expect(loosened).toEqual(createDriftWatch(LADDER, 25, requests));
  });

  it('takes an unknown score for the strangest', () => {
    const watch = createDriftWatch(LADDER, 0, [{ score: null, isLoss: false }]);
    expect(watch.bag.indexOf(1)).toBe(LADDER.length);
  });
});
