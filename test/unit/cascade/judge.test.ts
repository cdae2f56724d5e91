import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  judgeDraft,
  labelConfidence,
  type LowConfidenceAction,
} from '../../../src/cascade/judge.ts';
import { summariseEvidence } from '../../../src/cascade/evidence.ts';
import type { Rule } from '../../../src/cascade/rules.ts';
import { evidence, knownEvidence, token } from './arbitraries.ts';

const escalate: LowConfidenceAction = { action: 'escalate' };

function ruleWith(threshold: number | null, signal: Rule['signal'] = 'product'): Rule {
  return { model: '*', task: 'rewrite', signal, threshold, holdBackTokens: 8, startTier: 'device' };
}

function decideOn(tokens: Parameters<typeof summariseEvidence>[0], rule: Rule, onLow = escalate) {
  return judgeDraft({ tier: 'device', rule, features: summariseEvidence(tokens), onLow });
}

describe('A judgement of a draft', () => {
  const halves = [token({ logProbability: Math.log(0.5) }), token({ logProbability: 0 })];

  it('accepts at the threshold and carries the numbers behind it', () => {
    const decision = decideOn(halves, ruleWith(0.5));
    expect(decision).toMatchObject({
      action: 'accept',
      reason: 'confident',
      tier: 'device',
      threshold: 0.5,
    });
    expect(decision.confidence).toBeCloseTo(0.5, 12);
    expect(decision.numbers).toMatchObject({ tokenCount: 2, lowestMargin: 1 });
  });

  it('escalates below it', () => {
    expect(decideOn(halves, ruleWith(0.51))).toMatchObject({
      action: 'escalate',
      reason: 'low-confidence',
    });
  });

  it('says no usable signal when the confidence is unknown', () => {
    const unknown = decideOn([token({ logProbability: null })], ruleWith(0));
    expect(unknown).toMatchObject({
      action: 'escalate',
      reason: 'no-usable-signal',
      confidence: null,
    });
    expect(decideOn(halves, ruleWith(null, 'none'))).toMatchObject({ reason: 'no-usable-signal' });
  });

  it('keeps an unsure answer when nothing above may be asked, and says why', () => {
    const onLow = { action: 'accept', reason: 'mode-only-on-device' } as const;
    expect(decideOn(halves, ruleWith(0.9), onLow)).toMatchObject(onLow);
    expect(decideOn(halves, ruleWith(0.1), onLow)).toMatchObject(onLow);
    expect(decideOn([], ruleWith(0.9), onLow)).toMatchObject({ ...onLow, confidence: null });
  });

  it('never turns from escalate to accept when the threshold rises', () => {
    fc.assert(
      fc.property(
        evidence(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (tokens, first, second) => {
          const low = decideOn(tokens, ruleWith(Math.min(first, second)));
          const high = decideOn(tokens, ruleWith(Math.max(first, second)));
          if (low.action === 'escalate') expect(high.action).toBe('escalate');
        },
      ),
    );
  });

  it('never accepts an unknown confidence, and never takes it for 0', () => {
    fc.assert(
      fc.property(evidence(), (tokens) => {
        const decision = decideOn([...tokens, token({ logProbability: null })], ruleWith(0));
        expect(decision.action).toBe('escalate');
        expect(decision.confidence).toBeNull();
        expect(decision.numbers['product']).toBeNull();
      }),
    );
  });

  it('accepts everything that is known at threshold 0', () => {
    fc.assert(
      fc.property(knownEvidence(), (tokens) => {
        expect(decideOn(tokens, ruleWith(0)).action).toBe('accept');
      }),
    );
  });
});

describe('The label of a confidence', () => {
  it('is uncalibrated until a calibration is named', () => {
    expect(labelConfidence(ruleWith(0.5), 0.7)).toEqual({
      value: 0.7,
      calibrationId: 'uncalibrated',
    });
    expect(labelConfidence({ ...ruleWith(0.5), calibrationId: 'c1' }, null)).toEqual({
      value: null,
      calibrationId: 'c1',
    });
  });
});
