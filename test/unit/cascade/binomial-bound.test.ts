import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  binomialTail,
  lowerBinomialBound,
  mostRefuting,
  upperBinomialBound,
} from '../../../src/cascade/binomial-bound.ts';
import golden from '../../golden/statistics.json' with { type: 'json' };

describe('binomialTail', () => {
  it.each(golden.binomial)(
    'agrees with scipy for $successes of $trials at $probability',
    ({ probability, tail, ...count }) => {
      // A million trials: the logarithms of the factorials leave nine digits.
      expect(binomialTail(count, probability) / tail).toBeCloseTo(1, 8);
    },
  );

  it('is a distribution function: 0 below none, 1 from all on, never falling', () => {
    expect(binomialTail({ successes: -1, trials: 5 }, 0.5)).toBe(0);
    expect(binomialTail({ successes: 5, trials: 5 }, 0.5)).toBe(1);
    fc.assert(
      fc.property(
        fc.nat(400),
        fc.nat(400),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (a, b, p) => {
          const [successes, trials] = [Math.min(a, b), Math.max(a, b)];
          const here = binomialTail({ successes, trials }, p);
          expect(here).toBeGreaterThanOrEqual(0);
          expect(here).toBeLessThanOrEqual(1);
          const next = binomialTail({ successes: successes + 1, trials }, p);
          expect(next).toBeGreaterThanOrEqual(here - 1e-12);
        },
      ),
    );
  });

  it.each([
    [{ successes: 1, trials: -1 }, 0.5],
    [{ successes: 0.5, trials: 3 }, 0.5],
    [{ successes: 1, trials: Number.NaN }, 0.5],
    [{ successes: 1, trials: 3 }, Number.NaN],
    [{ successes: 1, trials: 3 }, 1.1],
  ])('refuses %j at %d', (count, probability) => {
    expect(() => binomialTail(count, probability)).toThrow(RangeError);
  });
});

describe('the exact bounds', () => {
  it.each(golden.bounds)(
    'agree with the beta quantiles for $successes of $trials',
    ({ delta, upper, lower, ...count }) => {
      expect(upperBinomialBound(count, delta)).toBeCloseTo(upper, 9);
      expect(lowerBinomialBound(count, delta)).toBeCloseTo(lower, 9);
    },
  );

  it('know nothing without trials', () => {
    expect(upperBinomialBound({ successes: 0, trials: 0 }, 0.1)).toBe(1);
    expect(lowerBinomialBound({ successes: 0, trials: 0 }, 0.1)).toBe(0);
  });

  it('refuse more successes than trials', () => {
    expect(() => upperBinomialBound({ successes: 4, trials: 3 }, 0.1)).toThrow(RangeError);
  });
});

describe('mostRefuting', () => {
  it.each(golden.refuting)(
    'is $most for $trials trials at $rate',
    ({ trials, rate, delta, most }) => {
      expect(mostRefuting(trials, rate, delta)).toBe(most);
    },
  );
});
