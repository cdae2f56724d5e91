import { describe, expect, it } from 'vitest';

import { fitGain, type GainRow } from '../../../src/cascade/fit-gain.ts';
import { readGain, writeGain, type GainFile } from '../../../src/cascade/gain-file.ts';
import { DataError } from '../../../src/errors.ts';

const scope = { task: 'classify', from: 'student-1', to: 'model-2' };
const facts = { scope, dataSha256: null, date: '2026-11-24' };

const rows: readonly GainRow[] = Array.from({ length: 200 }, (_, index) => ({
  topic: `topic ${index % 3}`,
  text: index % 2 === 0 ? 'please send money' : 'thank you so much',
  features: { length: index },
  isBelowRight: index % 2 === 1,
  isAboveRight: index % 7 !== 0,
}));

function file(): GainFile {
  return JSON.parse(JSON.stringify(writeGain(fitGain(rows), facts))) as GainFile;
}

describe('A gain file', () => {
  it('says after reading what the model said before writing', () => {
    const before = fitGain(rows);
    const after = readGain(file(), scope);
    for (const item of [...rows.slice(0, 20), {}, { topic: 'new', text: 'send' }]) {
      expect(after.estimate(item).gain).toBeCloseTo(before.estimate(item).gain, 2);
      expect(after.estimate(item).rescue).toBeCloseTo(before.estimate(item).rescue, 12);
    }
    expect(after.labels).toBe(200);
  });

  it.each([
    ['task', { ...scope, task: 'extract' }],
    ['from', { ...scope, from: 'student-2' }],
    ['to', { ...scope, to: 'model-3' }],
  ])('refuses to speak for another %s', (_, wanted) => {
    expect(() => readGain(file(), wanted)).toThrow(
      expect.objectContaining({ code: 'calibration-mismatch' }),
    );
  });

  it.each<[string, unknown]>([
    ['nothing', null],
    ['an empty object', {}],
    ['another version', { ...file(), version: 2 }],
    ['no scope', { ...file(), scope: { task: 'classify' } }],
    [
      'counts that do not add up',
      { ...file(), topics: [{ topic: 'a', labels: 1, wrong: 2, rescued: 0, harmed: 0 }] },
    ],
    [
      'NaN counts',
      { ...file(), topics: [{ topic: 'a', labels: Number.NaN, wrong: 0, rescued: 0, harmed: 0 }] },
    ],
    ['a bucket out of range', { ...file(), text: { weights: [[4096, 1]], numbers: [] } }],
    ['an infinite weight', { ...file(), text: { weights: [[1, Infinity]], numbers: [] } }],
    [
      'a deviation of 0',
      {
        ...file(),
        text: { weights: [], numbers: [{ name: 'a', mean: 0, deviation: 0, weight: 1 }] },
      },
    ],
  ])('with %s is refused with a typed error', (_, value) => {
    expect(() => readGain(value, scope)).toThrow(DataError);
    expect(() => readGain(value, scope)).toThrow(
      expect.objectContaining({ code: 'bad-calibration' }),
    );
  });
});
