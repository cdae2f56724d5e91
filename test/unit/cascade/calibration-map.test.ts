import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  applyMap,
  chooseMap,
  crossFit,
  fitMap,
  type MapKind,
} from '../../../src/cascade/calibration-map.ts';
import { applyIsotonic, fitIsotonic } from '../../../src/cascade/isotonic.ts';
import { fitLogistic, predictLogistic } from '../../../src/cascade/logistic.ts';
import { expectedCalibrationError, type ScoredAnswer } from '../../../src/cascade/reliability.ts';
import { createRandom } from '../../../src/evaluate/draws.ts';
import golden from '../../golden/statistics.json' with { type: 'json' };

/** Answers whose true probability at a score is known. */
function drawAnswers(
  count: number,
  seed: number,
  truth: (score: number) => number,
): ScoredAnswer[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const score = random();
    return { score, isCorrect: random() < truth(score) };
  });
}

const anyAnswers = fc.array(
  fc.record({ score: fc.double({ min: -1e6, max: 1e6, noNaN: true }), isCorrect: fc.boolean() }),
  { minLength: 1, maxLength: 80 },
);
const anyScore = fc.double({ noNaN: true });
const anyKind = fc.constantFrom<MapKind>('logistic', 'isotonic');

describe('fitLogistic', () => {
  it('finds the optimum that a general optimiser finds', () => {
    const { inputs, correct, probabilities } = golden.logistic;
    const model = fitLogistic(
      inputs.map((row, index) => ({ inputs: row, isCorrect: correct[index] === true })),
    );
    for (const [index, row] of inputs.entries()) {
      expect(predictLogistic(model, row)).toBeCloseTo(probabilities[index] ?? Number.NaN, 5);
    }
  });

  it('stays short of certainty on separable, one-sided and constant data', () => {
    const rows = [1, 2, 3, 4].map((value) => ({ inputs: [value, 7], isCorrect: value > 2 }));
    const separable = predictLogistic(fitLogistic(rows), [4, 7]);
    expect(separable).toBeGreaterThan(0.5);
    expect(separable).toBeLessThan(0.99);
    const allRight = fitLogistic([{ inputs: [1], isCorrect: true }]);
    // Platt: (1 + 1) / (1 + 2)
    expect(predictLogistic(allRight, [1])).toBeCloseTo(2 / 3, 6);
  });

  it('refuses to learn from nothing', () => {
    expect(() => fitLogistic([])).toThrow(RangeError);
    expect(() => fitIsotonic([])).toThrow(RangeError);
  });
});

describe('fitIsotonic', () => {
  it("finds scipy's regression, all-right and all-wrong steps pulled in", () => {
    const { scores, correct, fitted } = golden.isotonic;
    const steps = fitIsotonic(
      scores.map((score, index) => ({ score, isCorrect: correct[index] === true })),
    );
    const levels = [...new Set(fitted)];
    const sizeOf = (level: number | undefined): number =>
      fitted.filter((value) => value === level).length;
    expect([levels[0], levels.at(-1)]).toEqual([0, 1]);
    const lowest = Math.min(1 / (sizeOf(0) + 2), levels[1] ?? 1);
    const highest = Math.max((sizeOf(1) + 1) / (sizeOf(1) + 2), levels.at(-2) ?? 0);
    for (const [index, score] of scores.entries()) {
      const expected = Math.min(highest, Math.max(lowest, fitted[index] ?? Number.NaN));
      expect(applyIsotonic(steps, score)).toBeCloseTo(expected, 9);
    }
  });

  it('joins steps by a line and is flat outside', () => {
    const steps = [
      { from: 0, to: 1, probability: 0.2 },
      { from: 3, to: 4, probability: 0.6 },
    ];
    const at = (score: number): number => applyIsotonic(steps, score);
    expect([-9, 0.5, 1, 3, 9].map(at)).toEqual([0.2, 0.2, 0.2, 0.6, 0.6]);
    expect(at(2)).toBeCloseTo(0.4, 12);
    expect([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY].map(at)).toEqual([0.2, 0.6]);
  });
});

describe('A map of either kind', () => {
  it('gives a probability short of certainty, never falling, for any score', () => {
    fc.assert(
      fc.property(anyAnswers, anyKind, fc.tuple(anyScore, anyScore), (answers, kind, scores) => {
        const map = fitMap(kind, answers);
        const [low, high] = scores.toSorted((a, b) => a - b).map((score) => applyMap(map, score));
        expect(low).toBeGreaterThan(0);
        expect(high).toBeLessThan(1);
        expect(high ?? Number.NaN).toBeGreaterThanOrEqual((low ?? Number.NaN) - 1e-12);
      }),
    );
  });

  it('leaves an unknown score unknown', () => {
    const map = fitMap('logistic', [{ score: 0.4, isCorrect: true }]);
    expect(applyMap(map, null)).toBeNull();
    expect(applyMap(map, Number.NaN)).toBeNull();
  });

  it('claims no more beyond the scores it saw', () => {
    const map = fitMap(
      'logistic',
      drawAnswers(300, 1, (score) => score).map(({ score, isCorrect }) => ({
        score: 10 * score,
        isCorrect,
      })),
    );
    expect(applyMap(map, 1e9)).toBe(applyMap(map, 10 * 0.999999999));
  });

  it('falls back to the mean when a higher score is more often wrong', () => {
    const map = fitMap(
      'logistic',
      drawAnswers(2000, 2, (score) => 1 - score),
    );
    expect(applyMap(map, 0.01)).toBe(applyMap(map, 0.99));
    expect(applyMap(map, 0.5)).toBeCloseTo(0.5, 1);
  });

  it('survives a million equal scores', () => {
    const answers = Array.from({ length: 1_000_000 }, (_, index) => ({
      score: 0.5,
      isCorrect: index % 4 !== 0,
    }));
    expect(applyMap(fitMap('isotonic', answers), 0.5)).toBeCloseTo(0.75, 9);
  });
});

describe('chooseMap and crossFit', () => {
  const folds = (count: number): number[] => Array.from({ length: count }, (_, index) => index % 5);

  it('choose the logistic map for a logistic truth and the isotonic one for a step', () => {
    const logit = drawAnswers(2000, 3, (score) => score ** 2 / (score ** 2 + (1 - score) ** 2));
    expect(chooseMap(logit, folds(2000)).kind).toBe('logistic');
    const step = drawAnswers(2000, 4, (score) => (score < 0.7 ? 0.3 : 0.95));
    const { kind, logLoss } = chooseMap(step, folds(2000));
    expect(kind).toBe('isotonic');
    expect(logLoss.isotonic).toBeLessThan(logLoss.logistic);
  });

  it('take most of the calibration error away on rows they have not seen', () => {
    const answers = drawAnswers(4000, 5, (score) => 0.3 + 0.4 * score);
    const probabilities = crossFit(
      answers,
      folds(4000),
      (training, inner) => chooseMap(training, inner).kind,
    );
    const judged = answers.map(({ isCorrect }, index) => ({
      score: probabilities[index] ?? Number.NaN,
      isCorrect,
    }));
    expect(expectedCalibrationError(answers)).toBeGreaterThan(0.1);
    expect(expectedCalibrationError(judged)).toBeLessThan(0.03);
  });

  it('judge no row by a map that has seen it', () => {
    // One row far above all others: its own fold has no reason to trust so high a score.
    const answers = [
      ...Array.from({ length: 50 }, (_, index) => ({ score: index / 100, isCorrect: false })),
      { score: 1, isCorrect: true },
    ];
    const own = folds(answers.length);
    expect(crossFit(answers, own, () => 'isotonic')[50]).toBeLessThan(0.1);
    expect(applyMap(fitMap('isotonic', answers), 1)).toBeGreaterThan(0.5);
  });
});
