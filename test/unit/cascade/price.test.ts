import { describe, expect, it } from 'vitest';

import { priceAsking } from '../../../src/cascade/price.ts';

const cost = { moneyUsd: 0.004, carbonGrams: 20, latencyMs: 1500 };

describe('The price of asking', () => {
  it('adds money, carbon and waiting at the owner’s prices', () => {
    const prices = { rightAnswerUsd: 0.1, carbonUsdPerKg: 0.05, latencyUsdPerSecond: 0.002 };
    // 0.004 + 20 g × 0.05 $/kg + 1.5 s × 0.002 $/s = 0.004 + 0.001 + 0.003
    const price = priceAsking(cost, prices);
    expect(price?.usd).toBeCloseTo(0.008, 12);
    expect(price?.answers).toBeCloseTo(0.08, 12);
    expect(price?.isComplete).toBe(true);
  });

  it('leaves out what the owner does not price', () => {
    expect(priceAsking(cost, { rightAnswerUsd: 1 })?.usd).toBe(0.004);
    const noCarbon = { ...cost, carbonGrams: null };
    expect(priceAsking(noCarbon, { rightAnswerUsd: 1 })?.isComplete).toBe(true);
  });

  it('is a lower bound where something priced is unknown, and unknown where all is', () => {
    const prices = { rightAnswerUsd: 1, latencyUsdPerSecond: 0.01 };
    expect(priceAsking({ ...cost, latencyMs: null }, prices)).toEqual({
      usd: 0.004,
      answers: 0.004,
      isComplete: false,
    });
    const unknown = { moneyUsd: null, carbonGrams: 20, latencyMs: null };
    expect(priceAsking(unknown, prices)).toBeNull();
  });

  it('may be infinite, and nothing used at an infinite price costs nothing', () => {
    const prices = { rightAnswerUsd: 1, carbonUsdPerKg: Infinity };
    expect(priceAsking(cost, prices)?.answers).toBe(Infinity);
    expect(priceAsking({ ...cost, carbonGrams: 0 }, prices)?.usd).toBe(0.004);
  });

  it.each([
    [{ ...cost, moneyUsd: -1 }, { rightAnswerUsd: 1 }],
    [{ ...cost, latencyMs: Number.NaN }, { rightAnswerUsd: 1 }],
    [cost, { rightAnswerUsd: 0 }],
    [cost, { rightAnswerUsd: Number.NaN }],
    [cost, { rightAnswerUsd: 1, carbonUsdPerKg: -1 }],
    [cost, { rightAnswerUsd: 1, latencyUsdPerSecond: Number.NaN }],
  ])('refuses %o at %o', (wrongCost, wrongPrices) => {
    expect(() => priceAsking(wrongCost, wrongPrices)).toThrow(TypeError);
  });
});
