import { describe, expect, it } from 'vitest';

import { fitGain, type GainRow } from '../../../src/cascade/fit-gain.ts';
import { expectedGain, NO_GAIN_LABELS } from '../../../src/cascade/gain.ts';
import {
  createWordReader,
  fitTextGain,
  GAIN_FEATURES,
  predictTextGain,
  readTextRow,
} from '../../../src/cascade/gain-text.ts';
import { weigh } from '../../../src/cascade/weigh.ts';
import { createRandom } from '../../../src/evaluate/draws.ts';

const readWords = createWordReader();

/** Asking helps with refunds in nine of ten, with greetings never; the words say the same. */
function labels(count: number, more: (index: number) => Partial<GainRow> = () => ({})): GainRow[] {
  const random = createRandom(7);
  return Array.from({ length: count }, (_, index) => {
    const isRefund = index % 2 === 0;
    const isHelped = isRefund && random() < 0.9;
    return {
      topic: isRefund ? 'refund' : 'greeting',
      isBelowRight: !isHelped,
      isAboveRight: true,
      ...more(index),
    };
  });
}

describe('A gain model', () => {
  it('without labels leaves the decision to confidence, and says so', () => {
    const model = fitGain([]);
    expect(model.labels).toBe(0);
    expect(model.estimate({ topic: 'refund', text: 'hello' })).toEqual(NO_GAIN_LABELS);
    expect(expectedGain(NO_GAIN_LABELS, 0.8)).toBeCloseTo(0.2, 12);
    expect(expectedGain(NO_GAIN_LABELS, null)).toBeNull();
  });

  it.each([1, 20])(
    'with %d labels that were all right leaves what is unsure to the tier above',
    (count) => {
      const right: GainRow = { topic: 'a', isBelowRight: true, isAboveRight: true };
      const gain = fitGain(Array.from({ length: count }, () => right)).estimate({ topic: 'a' });
      const free = { usd: 0, answers: 0, isComplete: true };
      const asked = weigh({
        score: 0.02,
        threshold: 0.58,
        isCertified: false,
        confidence: 0.02,
        options: [{ tier: 'frontier', price: free, gain }],
      });
      expect(asked).toMatchObject({ keeps: false, reason: 'asking-pays' });
    },
  );

  it('says nothing of a request without a confidence before it has seen some', () => {
    const right: GainRow = { topic: 'a', isBelowRight: true, isAboveRight: true };
    const after = (count: number) =>
      expectedGain(fitGain(Array.from({ length: count }, () => right)).estimate({}), null);
    expect([after(1), after(19), after(20)]).toEqual([null, null, 0]);
  });

  it('learns topics from a few hundred labels', () => {
    const model = fitGain(labels(300));
    expect(model.estimate({ topic: 'refund' }).gain).toBeGreaterThan(0.8);
    expect(model.estimate({ topic: 'greeting' }).gain).toBeLessThan(0.1);
    expect(model.estimate({ topic: 'greeting' }).topicLabels).toBe(150);
    const unknown = model.estimate({ topic: 'weather' }).gain;
    expect(unknown).toBeGreaterThan(0.3);
    expect(unknown).toBeLessThan(0.6);
  });

  it('learns from words where there are no topics', () => {
    const rows = labels(300, (index) => ({
      topic: undefined,
      text: `${index % 2 === 0 ? 'money back please' : 'good morning all'} number ${index}`,
    }));
    const model = fitGain(rows);
    const refund = model.estimate({ text: 'my money back' }).gain;
    expect(refund - model.estimate({ text: 'good morning' }).gain).toBeGreaterThan(0.3);
    expect(model.parts.text).not.toBeNull();
  });

  it('leaves words out where cross-validation finds nothing in them', () => {
    const random = createRandom(3);
    const rows = labels(400, () => ({ text: `x${Math.floor(random() * 1e6)}` }));
    expect(fitGain(rows).parts.text).toBeNull();
  });

  it('learns from a number, and an unknown one moves nothing', () => {
    const rows = labels(300, (index) => ({
      topic: undefined,
      features: { length: index % 2 === 0 ? 400 : 20 },
    }));
    const model = fitGain(rows);
    const gainAt = (length: number | null): number => model.estimate({ features: { length } }).gain;
    expect(gainAt(400) - gainAt(20)).toBeGreaterThan(0.3);
    expect(gainAt(null)).toBeCloseTo(model.estimate({}).gain, 12);
    expect(gainAt(Number.NaN)).toBeCloseTo(gainAt(null), 12);
  });

  it('gives the same model for the same labels', () => {
    const rows = labels(200, (index) => ({ text: `text ${index % 7}` }));
    const item = { topic: 'refund', text: 'text 3' };
    expect(fitGain(rows).estimate(item)).toEqual(fitGain(rows).estimate(item));
  });

  it('takes labels that are all alike, one label, and texts of 100 kB', () => {
    const same: GainRow = { topic: 'a', text: 'b', isBelowRight: true, isAboveRight: true };
    expect(fitGain(Array.from({ length: 200 }, () => same)).estimate(same).gain).toBe(0);
    expect(fitGain([same]).estimate({ topic: 'a' })).toMatchObject({ rescue: 1, harm: 0 });
    const long = 'word '.repeat(20_000);
    expect(Number.isFinite(fitGain(labels(60)).estimate({ text: long }).gain)).toBe(true);
  });
});

describe('The ridge model of words and numbers', () => {
  const inputs = [0, 1, 3, 7, 15, 31, 2, 5];
  const targets = [0.5, -0.2, 0.1, 0.4, 0.8, 0.9, -0.1, 0.2];
  const samples = inputs.map((length, index) => ({
    row: readTextRow({ features: { length } }, readWords),
    residual: targets[index] ?? 0,
  }));

  // Expected values: numpy, (z·y) ÷ (z·z + penalty) on the standardised logarithms.
  it.each([
    [1, 0.35215673732414704],
    [10, 0.058692789554024495],
  ])('has the closed-form weight at penalty %d', (penalty, weight) => {
    const { numbers } = fitTextGain(samples, penalty);
    expect(numbers).toHaveLength(1);
    expect(numbers[0]?.mean).toBeCloseTo(1.660947433286918, 9);
    expect(numbers[0]?.deviation).toBeCloseTo(1.0471566091530229, 9);
    expect(numbers[0]?.weight).toBeCloseTo(weight, 6);
  });

  it('predicts from them', () => {
    const row = readTextRow({ features: { length: 10 } }, readWords);
    expect(predictTextGain(fitTextGain(samples, 1), row)).toBeCloseTo(0.07837203313287991, 6);
  });

  it('solves its normal equations', () => {
    const penalty = 3;
    const texts = [
      'send me my card',
      'my card is lost',
      'good day',
      'lost my pin',
      'pin is blocked',
    ];
    const rows = texts.map((text) => readTextRow({ text: text + text.slice(0, 3) }, readWords));
    const residuals = [0.4, -0.3, 0.2, 0.9, -0.6];
    const model = fitTextGain(
      rows.map((row, index) => ({ row, residual: residuals[index] ?? 0 })),
      penalty,
    );
    // Xᵀ(y − Xw) = penalty × w, bucket by bucket.
    const left = new Float64Array(GAIN_FEATURES.buckets);
    for (const [index, row] of rows.entries()) {
      const error = (residuals[index] ?? 0) - predictTextGain(model, row);
      for (let each = 0; each < row.words.buckets.length; each += 1) {
        const bucket = row.words.buckets[each] ?? 0;
        left[bucket] = (left[bucket] ?? 0) + error * (row.words.values[each] ?? 0);
      }
    }
    let largest = 0;
    for (const [bucket, weight] of model.weights.entries()) {
      largest = Math.max(largest, Math.abs((left[bucket] ?? 0) - penalty * weight));
    }
    expect(largest).toBeLessThan(1e-3);
    expect(model.weights.some((weight) => Math.abs(weight) > 0.01)).toBe(true);
  });
});
