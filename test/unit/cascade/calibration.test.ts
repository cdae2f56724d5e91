import { describe, expect, it } from 'vitest';

import schema from '../../../models/schemas/calibration.schema.json' with { type: 'json' };
import {
  applyCalibration,
  findCalibration,
  historyBucket,
  type Calibration,
  type CalibrationScope,
} from '../../../src/cascade/calibration.ts';
import type { Outcome } from '../../../src/cascade/outcome.ts';
import { DataError } from '../../../src/errors.ts';
import { createRandom } from '../../../src/evaluate/draws.ts';
import { calibrate, chooseEvidence } from '../../../src/specialise/calibrate.ts';

const SCOPE = {
  modelSha256: 'a'.repeat(64),
  quantisation: 'Q4_1',
  precision: 'exact',
  task: 'complete',
  history: '100-299',
} as const;
const FULL_SCOPE: CalibrationScope = { ...SCOPE, evidence: 'score' };

function drawOutcomes(count: number): Outcome[] {
  const random = createRandom(9);
  return Array.from({ length: count }, (_, index) => {
    const score = random();
    const deviceCorrect = random() < 0.5 + 0.5 * score;
    const features = { noise: random(), margin: score, unknown: null };
    return { id: String(index), score, features, deviceCorrect };
  });
}

function make(outcomes: readonly Outcome[], evidence?: string): Calibration {
  return calibrate(outcomes, {
    scope: SCOPE,
    ...(evidence === undefined ? {} : { evidence }),
    dataSha256: 'd'.repeat(64),
    date: '2026-01-02',
    seed: 7,
    random: createRandom(7),
  });
}

describe('applyCalibration', () => {
  const calibration = make(drawOutcomes(1000));

  it('makes a probability of a score, near the truth, under its own id', () => {
    const { value, calibrationId } = applyCalibration(calibration, FULL_SCOPE, 0.5);
    expect(value).toBeGreaterThan(0.68);
    expect(value).toBeLessThan(0.82);
    expect(calibrationId).toBe('complete-score-dddddddddddd');
  });

  it('leaves an unknown score unknown', () => {
    expect(applyCalibration(calibration, FULL_SCOPE, null).value).toBeNull();
  });

  it.each([
    ['modelSha256', 'b'.repeat(64)],
    ['modelSha256', null],
    ['quantisation', 'Q8_0'],
    ['precision', 'fast'],
    ['precision', null],
    ['task', 'rewrite'],
    ['evidence', 'margin'],
    ['history', '300-999'],
    ['history', null],
  ] as const)('refuses another %s (%s), and names it', (field, value) => {
    const scope = { ...FULL_SCOPE, [field]: value } as CalibrationScope;
    const apply = (): unknown => applyCalibration(calibration, scope, 0.5);
    expect(apply).toThrow(DataError);
    expect(apply).toThrow(expect.objectContaining({ code: 'calibration-mismatch' }));
    expect(apply).toThrow(new RegExp(`fitted for ${field}`));
  });

  it('survives the way through a file', () => {
    const copy = JSON.parse(JSON.stringify(calibration)) as Calibration;
    expect(applyCalibration(copy, FULL_SCOPE, 0.3)).toEqual(
      applyCalibration(calibration, FULL_SCOPE, 0.3),
    );
  });
});

describe('findCalibration', () => {
  const old = make(drawOutcomes(200));
  const recent = { ...old, id: 'recent', date: '2026-05-01' };

  it('gives the newest one that fits exactly', () => {
    expect(findCalibration([old, recent], FULL_SCOPE)?.id).toBe('recent');
    expect(findCalibration([old, recent], { ...FULL_SCOPE, precision: 'fast' })).toBeNull();
  });
});

describe('historyBucket', () => {
  it.each([
    [0, '0'],
    [1, '1-99'],
    [99, '1-99'],
    [100, '100-299'],
    [2999, '1000-2999'],
    [3000, '3000+'],
    [Number.NaN, '0'],
  ])('%d messages are in bucket %s', (messages, bucket) => {
    expect(historyBucket(messages)).toBe(bucket);
  });
});

describe('calibrate', () => {
  it('writes down what it rests on', () => {
    const calibration = make(drawOutcomes(1000));
    expect(calibration).toMatchObject({
      samples: 1000,
      date: '2026-01-02',
      dataSha256: 'd'.repeat(64),
      seed: 7,
      scope: FULL_SCOPE,
    });
    expect(calibration.eceBefore).toBeGreaterThan(0.1);
    expect(calibration.ece).toBeLessThan(0.05);
    const counted = calibration.reliability.reduce((sum, { count }) => sum + count, 0);
    expect(counted).toBe(1000);
    const { logistic, isotonic } = calibration.logLoss;
    expect(calibration.map.kind).toBe(isotonic < logistic ? 'isotonic' : 'logistic');
  });

  it('has the fields of its schema, in every kind of map', () => {
    const keys = (value: object): string[] => Object.keys(value).toSorted();
    const calibration = make(drawOutcomes(400));
    expect(keys(calibration)).toEqual(keys(schema.properties));
    expect(schema.required.toSorted()).toEqual(keys(schema.properties));
    expect(keys(calibration.scope)).toEqual(keys(schema.$defs.scope.properties));
    expect(keys(calibration.map)).toEqual(keys(schema.$defs[calibration.map.kind].properties));
    expect(keys(calibration.reliability[0] ?? {})).toEqual(keys(schema.$defs.bin.properties));
  });

  it('uses the score, else the feature that ranks best, or the one that is named', () => {
    const outcomes = drawOutcomes(300);
    expect(chooseEvidence(outcomes)).toBe('score');
    const scoreless = outcomes.map((outcome) => ({ ...outcome, score: null }));
    expect(chooseEvidence(scoreless)).toBe('margin');
    expect(make(scoreless, 'noise').scope.evidence).toBe('noise');
  });

  it('refuses too few rows, and rows without the evidence', () => {
    expect(() => make(drawOutcomes(49))).toThrow(/49 rows.*at least 50/);
    expect(() => make(drawOutcomes(60), 'unknown')).toThrow(
      expect.objectContaining({ code: 'no-signal' }),
    );
    expect(() => make([{ id: 'a', deviceCorrect: true }])).toThrow(DataError);
  });
});
