import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { summariseEvidence } from '../../../src/cascade/evidence.ts';
import { isSignalName, readSignal, type SignalName } from '../../../src/cascade/signals.ts';
import type { TokenEvidence } from '../../../src/types.ts';
import { evidence, token } from './arbitraries.ts';

const SIGNALS: readonly SignalName[] = [
  'product',
  'mean-probability',
  'lowest-probability',
  'first-probability',
  'mean-margin',
  'lowest-margin',
  'none',
];

describe('The features of an answer', () => {
  it('are computed from the tokens that count', () => {
    const features = summariseEvidence(
      [
        token({ isTyped: true, logProbability: -9, margin: 0, textLength: 2 }),
        token({ logProbability: -0.1, margin: 3, textLength: 4 }),
        token({ logProbability: -0.3, margin: 1, textLength: 5 }),
        token({ logProbability: -0.2, margin: 2, textLength: 0 }),
      ],
      'stop',
    );
    expect(features.tokenCount).toBe(3);
    expect(features.textLength).toBe(9);
    expect(features.finishReason).toBe('stop');
    expect(features.product).toBeCloseTo(Math.exp(-0.6), 12);
    expect(features.meanLogProbability).toBeCloseTo(-0.2, 12);
    expect(features.lowestLogProbability).toBe(-0.3);
    expect(features.firstLogProbability).toBe(-0.1);
    // numpy.quantile([-0.3, -0.2, -0.1], [0.1, 0.25, 0.5])
    expect(features.quantile10LogProbability).toBeCloseTo(-0.28, 12);
    expect(features.quantile25LogProbability).toBeCloseTo(-0.25, 12);
    expect(features.medianLogProbability).toBeCloseTo(-0.2, 12);
    expect(features.meanMargin).toBe(2);
    expect(features.lowestMargin).toBe(1);
  });

  it.each<[string, readonly TokenEvidence[]]>([
    ['nothing was seen', []],
    ['only typed letters were seen', [token({ isTyped: true })]],
    ['one probability is unknown', [token({}), token({ logProbability: null })]],
    ['one probability is not a number', [token({}), token({ logProbability: Number.NaN })]],
    ['one probability is above 1', [token({}), token({ logProbability: 0.5 })]],
  ])('are unknown, not 0, when %s', (_, tokens) => {
    const features = summariseEvidence(tokens);
    expect(features.product).toBeNull();
    expect(features.meanLogProbability).toBeNull();
    expect(features.lowestLogProbability).toBeNull();
    expect(features.medianLogProbability).toBeNull();
    expect(features.finishReason).toBeNull();
  });

  it('keep what is known beside what is not', () => {
    const features = summariseEvidence([
      token({ logProbability: -0.5, margin: null }),
      token({ logProbability: null, margin: 2 }),
    ]);
    expect(features.firstLogProbability).toBe(-0.5);
    expect(features.product).toBeNull();
    expect(features.lowestMargin).toBeNull();
  });

  it('take an impossible token for probability 0', () => {
    const features = summariseEvidence([
      token({ logProbability: Number.NEGATIVE_INFINITY }),
      token({ logProbability: -1 }),
    ]);
    expect(features.product).toBe(0);
    expect(features.quantile25LogProbability).toBe(Number.NEGATIVE_INFINITY);
  });

  it('give signals that are probabilities from 0 to 1, or unknown, for any evidence', () => {
    fc.assert(
      fc.property(evidence(), (tokens) => {
        const features = summariseEvidence(tokens);
        for (const signal of SIGNALS.filter((name) => name.endsWith('probability'))) {
          const value = readSignal(signal, features);
          expect(value === null || (value >= 0 && value <= 1)).toBe(true);
        }
        expect(readSignal('none', features)).toBeNull();
      }),
    );
  });

  it('order as the theory says: product ≤ lowest ≤ mean', () => {
    fc.assert(
      fc.property(evidence(), (tokens) => {
        const features = summariseEvidence(tokens);
        const product = readSignal('product', features);
        const lowest = readSignal('lowest-probability', features);
        const mean = readSignal('mean-probability', features);
        if (product === null || lowest === null || mean === null) return;
        expect(product).toBeLessThanOrEqual(lowest + 1e-12);
        expect(lowest).toBeLessThanOrEqual(mean + 1e-12);
      }),
    );
  });
});

describe('The name of a signal', () => {
  it('is one of the known ones, and nothing inherited', () => {
    expect(SIGNALS.every((name) => isSignalName(name))).toBe(true);
    expect(['toString', '__proto__', '', 7, null].some((name) => isSignalName(name))).toBe(false);
  });
});
