import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  aurc,
  auroc,
  expectedCalibrationError,
  reliabilityTable,
  type ScoredAnswer,
} from '../../../src/cascade/reliability.ts';
import golden from '../../golden/statistics.json' with { type: 'json' };

function answers(scores: readonly number[], correct: readonly boolean[]): ScoredAnswer[] {
  return scores.map((score, index) => ({ score, isCorrect: correct[index] === true }));
}

const anyAnswers = fc.array(
  fc.record({
    score: fc.oneof(
      fc.double(),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.5),
    ),
    isCorrect: fc.boolean(),
  }),
  { maxLength: 60 },
);

describe.each(golden.samples)('on $scores', ({ scores, correct, ...expected }) => {
  const rows = answers(scores, correct);

  it('AUROC agrees with the Mann-Whitney statistic', () => {
    expect(auroc(rows)).toBeCloseTo(expected.auroc, 12);
  });

  it('AURC agrees with the mean over all orders of ties', () => {
    expect(aurc(rows)).toBeCloseTo(expected.aurc, 12);
  });

  it('the calibration error agrees with numpy', () => {
    expect(expectedCalibrationError(rows)).toBeCloseTo(expected.ece, 12);
  });
});

describe('The measures', () => {
  it('are unknown where they cannot be known', () => {
    expect(auroc([])).toBeNull();
    expect(auroc(answers([0.1, 0.2], [true, true]))).toBeNull();
    expect(aurc([])).toBeNull();
    expect(expectedCalibrationError([])).toBeNull();
    expect(expectedCalibrationError(answers([Number.NaN], [true]))).toBeNull();
  });

  it('rank an unknown score below everything', () => {
    expect(auroc(answers([Number.NaN, -5], [false, true]))).toBe(1);
    expect(auroc(answers([Number.NaN, Number.NEGATIVE_INFINITY], [false, true]))).toBe(0.5);
  });

  it('put confidence 1 into the last bin and leave empty bins unknown', () => {
    const bins = reliabilityTable(answers([1, 0.95], [true, false]), 10);
    expect(bins).toHaveLength(10);
    expect(bins[9]).toEqual({
      from: 0.9,
      to: 1,
      count: 2,
      meanConfidence: 0.975,
      correctShare: 0.5,
    });
    expect(bins[0]).toMatchObject({ count: 0, meanConfidence: null, correctShare: null });
  });

  it('stay shares or unknown for any scores, and do not depend on the order of rows', () => {
    fc.assert(
      fc.property(anyAnswers, (rows) => {
        for (const measure of [auroc, aurc]) {
          const value = measure(rows);
          if (value === null) continue;
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
          expect(measure(rows.toReversed())).toBeCloseTo(value, 9);
        }
      }),
    );
  });
});
