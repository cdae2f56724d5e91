import { describe, expect, it } from 'vitest';

import { summariseProbabilities } from '../../../src/cascade/classification-evidence.ts';
import { DataError } from '../../../src/errors.ts';
import { evaluateClassify, type ClassifyOptions } from '../../../src/evaluate/classify.ts';
import { findKnownTest, judgeBars, parseFigureBar } from '../../../src/evaluate/classify-bars.ts';
import { createRandom } from '../../../src/evaluate/draws.ts';
import openTests from '../../../src/evaluate/open-tests.json' with { type: 'json' };
import type { Student } from '../../../src/students/ngram-student.ts';
import type { LabelledText } from '../../../src/students/train-ngram.ts';

/** Answers `yes` with the probability that is the text, and lies twice as far as it is unsure. */
const STUDENT: Student = {
  labels: ['yes', 'no'],
  facts: { kind: 'ngram', trainedRows: 10, sizeBytes: 123, quantisation: 'int4' },
  predict(text) {
    const probability = Number(text);
    const evidence = summariseProbabilities([probability, 1 - probability], 2 - 2 * probability);
    return { label: 'yes', probabilities: { yes: probability, no: 1 - probability }, evidence };
  },
};

/** Right as often as the probability says. */
function makeRows(count: number): LabelledText[] {
  const random = createRandom(11);
  return Array.from({ length: count }, () => {
    const probability = 1 - 0.5 * random() ** 3;
    return { text: String(probability), label: random() < probability ? 'yes' : 'no' };
  });
}

function evaluate(parts: Partial<ClassifyOptions> = {}) {
  let clock = 0;
  return evaluateClassify({
    student: STUDENT,
    test: makeRows(2_000),
    seed: 1,
    hashes: { testSha256: 'abc' },
    bars: () => [],
    now: () => (clock += 1),
    ...parts,
  });
}

describe('evaluate classify', () => {
  it('measures a student whose worth is known', async () => {
    const test = makeRows(2_000);
    const { figures, context } = await evaluate({ test });
    const right = test.filter(({ label }) => label === 'yes').length / test.length;
    expect(figures['accuracy']).toBeCloseTo(right, 5);
    expect(figures['accuracyLow']).toBeLessThan(right);
    expect(figures['accuracyHigh']).toBeGreaterThan(right);
    // It is calibrated by how it is made; what is left is chance.
    expect(figures['ece']).toBeLessThan(0.03);
    expect(figures['eceBefore']).toBeLessThan(0.03);
    expect(figures['bytes']).toBe(123);
    expect(figures['msP95']).toBe(1);
    expect(figures['oosAuroc']).toBeNull();
    expect(context).toMatchObject({ rows: 2_000, seed: 1, testSha256: 'abc' });
  });

  it('keeps more with more labels, and breaks few promises', async () => {
    const { figures } = await evaluate();
    expect(figures['keptCertified300']).toBeGreaterThan(0);
    expect(figures['keptCertified1000']).toBeGreaterThan(figures['keptCertified300'] ?? 1);
    expect(figures['keptCertified1000']).toBeLessThan(1);
    expect(figures['violations']).toBeLessThanOrEqual(0.1);
    expect(figures['violations']).toBe(
      Math.max(figures['violations300'] ?? 0, figures['violations1000'] ?? 0),
    );
  });

  it('tells foreign texts apart by their distance', async () => {
    const outOfScope = Array.from({ length: 50 }, () => ({ text: '0.4', label: 'other' }));
    const { figures } = await evaluate({ outOfScope });
    expect(figures['oosAuroc']).toBe(1);
  });

  it('is the same for the same seed and another for another', async () => {
    expect(await evaluate()).toEqual(await evaluate());
    const { figures } = await evaluate({ seed: 2 });
    expect(figures['keptCertified300']).not.toBe((await evaluate()).figures['keptCertified300']);
  });

  it('says what too few rows cannot measure, and fails bars on it', async () => {
    const bar = { figure: 'keptCertified300', limit: 'at least', bar: 0 } as const;
    const { figures, ok, bars } = await evaluate({
      test: makeRows(40),
      bars: (values) => judgeBars([bar], values),
    });
    expect(figures).toMatchObject({
      ece: null,
      keptCertified300: null,
      keptCertified1000: null,
      violations: null,
    });
    expect(bars[0]).toMatchObject({ value: null, ok: false });
    expect(ok).toBe(false);
  });

  it('refuses a test without rows', async () => {
    await expect(evaluate({ test: [] })).rejects.toBeInstanceOf(DataError);
  });

  it('stops when told', async () => {
    const reason = new Error('enough');
    await expect(evaluate({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('bars', () => {
  it.each([
    ['accuracy=0.9', { figure: 'accuracy', limit: 'at least', bar: 0.9 }],
    ['ece=0.02', { figure: 'ece', limit: 'at most', bar: 0.02 }],
    ['bytes=600000', { figure: 'bytes', limit: 'at most', bar: 600_000 }],
    ['accuracy', null],
    ['accuracy=', null],
    ['=1', null],
    ['accuracy=high', null],
    ['accuracy=0.9=1', null],
  ])('are read from %j', (text, bar) => {
    expect(parseFigureBar(text)).toEqual(bar);
  });

  it('do not come with rows of your own', async () => {
    expect(await findKnownTest(makeRows(3), [])).toEqual({ name: null, bars: [] });
  });

  it('name figures that the report has', async () => {
    const { figures } = await evaluate();
    for (const { whole, leftOut } of openTests.tests) {
      for (const { figure } of [...whole, ...leftOut]) expect(figures).toHaveProperty(figure);
    }
  });
});
