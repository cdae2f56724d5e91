import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { expect, it } from 'vitest';

import { readStudent } from '../../../src/students/ngram-student.ts';
import golden from '../../golden/student.json' with { type: 'json' };

/** Weights and biases are 32-bit floats here and double precision in the reference. */
const ROUNDING = 1e-6;

it('answers as an independent reading of the shipped file does', async () => {
  const root = path.resolve(import.meta.dirname, '../../..');
  const student = readStudent(await readFile(path.join(root, golden.student)));
  for (const row of golden.rows) {
    const { label, evidence } = student.predict(row.text);
    expect(label).toBe(row.label);
    for (const name of ['topProbability', 'margin', 'trainingDistance'] as const) {
      expect(Math.abs((evidence[name] ?? Number.NaN) - row[name])).toBeLessThan(ROUNDING);
    }
  }
  expect(golden.rows.length).toBeGreaterThan(20);
});
