import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  classificationFeatures,
  summariseProbabilities,
} from '../../../src/cascade/classification-evidence.ts';
import { sampleAgreement } from '../../../src/cascade/evidence-agreement.ts';
import { generationFeatures } from '../../../src/cascade/evidence-features.ts';
import { summariseEvidence } from '../../../src/cascade/evidence.ts';
import { evidence, token } from './arbitraries.ts';

describe('summariseProbabilities', () => {
  it('gives the highest, its distance to the second, and the entropy as a share', () => {
    const { topProbability, margin, entropy } = summariseProbabilities([0.2, 0.7, 0.1]);
    expect(topProbability).toBe(0.7);
    expect(margin).toBeCloseTo(0.5, 12);
    // numpy: -(p * log(p)).sum() / log(3)
    expect(entropy).toBeCloseTo(0.7298466991620975, 12);
  });

  it('is sure of one class and undecided between equals', () => {
    expect(summariseProbabilities([1])).toMatchObject({ topProbability: 1, margin: 1, entropy: 0 });
    const { margin, entropy } = summariseProbabilities([0.25, 0.25, 0.25, 0.25]);
    expect(margin).toBe(0);
    expect(entropy).toBeCloseTo(1, 12);
  });

  it.each([[[]], [[Number.NaN, 1]], [[0.5, 0.6]], [[-0.1, 1.1]], [[Number.POSITIVE_INFINITY]]])(
    'knows nothing of %j, which is no distribution',
    (probabilities) => {
      expect(classificationFeatures(summariseProbabilities(probabilities, 0.5))).toEqual({
        topProbability: null,
        margin: null,
        entropy: null,
        trainingDistance: 0.5,
      });
    },
  );

  it('leaves an unknown distance unknown', () => {
    expect(summariseProbabilities([1]).trainingDistance).toBeNull();
    expect(summariseProbabilities([1], Number.NaN).trainingDistance).toBeNull();
    expect(summariseProbabilities([1], 0).trainingDistance).toBe(0);
  });
});

describe('sampleAgreement', () => {
  it('is 1 for the same text, white space and case aside, and 0 for nothing in common', () => {
    expect(sampleAgreement(' Yes,  please', 'yes, please\n')).toBe(1);
    expect(sampleAgreement('', '')).toBe(1);
    expect(sampleAgreement('abc', 'xyz')).toBe(0);
    expect(sampleAgreement('abc', '')).toBe(0);
    expect(sampleAgreement('是', '否')).toBe(0);
  });

  it('counts common pieces, by hand', () => {
    // " abcd " has _ab abc bcd cd_, " abce " has _ab abc bce ce_: 2 of 4 and 4.
    expect(sampleAgreement('abcd', 'abce')).toBe(0.5);
  });

  it('is unknown without two samples', () => {
    expect(sampleAgreement(null, 'a')).toBeNull();
  });

  it('is symmetric and a share for any texts', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        const agreement = sampleAgreement(a, b) ?? Number.NaN;
        expect(agreement).toBe(sampleAgreement(b, a));
        expect(agreement).toBeGreaterThanOrEqual(0);
        expect(agreement).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('generationFeatures', () => {
  it('names finish, checks and agreement beside the figures of the tokens', () => {
    const tokens = summariseEvidence([token({ logProbability: -0.5 })], 'stop');
    const features = generationFeatures({
      tokens,
      checks: { json: true, language: false, links: null },
      samples: ['a b', 'a b'],
    });
    expect(features).toMatchObject({
      product: Math.exp(-0.5),
      tokenCount: 1,
      isFinished: 1,
      isCutOff: 0,
      sampleAgreement: 1,
      'check:json': 1,
      'check:language': 0,
      'check:links': null,
    });
  });

  it('keeps unknown apart from 0', () => {
    const tokens = summariseEvidence([token({ logProbability: null, margin: null })]);
    expect(generationFeatures({ tokens })).toMatchObject({
      product: null,
      meanMargin: null,
      isFinished: null,
      isCutOff: null,
      sampleAgreement: null,
    });
  });

  it('tells an answer that was cut off from a finished one', () => {
    const features = (reason: 'length' | 'truncated' | 'abort') =>
      generationFeatures({ tokens: summariseEvidence([token({})], reason) });
    expect(features('length')).toMatchObject({ isFinished: 0, isCutOff: 1 });
    expect(features('truncated')).toMatchObject({ isFinished: 0, isCutOff: 1 });
    expect(features('abort')).toMatchObject({ isFinished: 0, isCutOff: 0 });
  });

  it('holds numbers or null only, for any evidence', () => {
    fc.assert(
      fc.property(evidence(), (tokens) => {
        for (const value of Object.values(
          generationFeatures({ tokens: summariseEvidence(tokens) }),
        )) {
          expect(value === null || typeof value === 'number').toBe(true);
          expect(value).not.toBeNaN();
        }
      }),
    );
  });
});
