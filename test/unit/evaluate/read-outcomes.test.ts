import { gzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { isLoss } from '../../../src/cascade/outcome.ts';
import { DataError } from '../../../src/errors.ts';
import { readOutcomes } from '../../../src/evaluate/read-outcomes.ts';

const FULL = {
  id: 'a',
  topic: 'cards',
  text: 'Where is my card?',
  timeMs: 5,
  features: { margin: 0.4, entropy: null },
  score: 0.9,
  deviceCorrect: true,
  cloudCorrect: false,
  deviceCost: 0,
  cloudCost: 0.001,
  judge: true,
  canary: false,
  tiers: [{ id: 'slm', correct: true, cost: 0.0001, score: null }],
};

function read(text: string) {
  return readOutcomes(new TextEncoder().encode(text), 'rows.jsonl');
}

describe('readOutcomes', () => {
  it('gives every field as it is', async () => {
    expect(await read(JSON.stringify(FULL))).toEqual([FULL]);
  });

  it('reads gzipped files, blank lines and both line endings', async () => {
    const text = `${JSON.stringify(FULL)}\r\n\n{"id":"b","deviceCorrect":false}\n`;
    expect(await readOutcomes(gzipSync(text))).toEqual([FULL, { id: 'b', deviceCorrect: false }]);
  });

  it('takes 1 and 0 as verdicts, numbers as ids, dates as times, and names a row after its line', async () => {
    const rows = await read(
      '{"deviceCorrect":1,"cloudCorrect":0,"t":"1970-01-01T00:00:01Z"}\n{"id":7,"deviceCorrect":0,"cloudCorrect":null}',
    );
    expect(rows).toEqual([
      { id: 'line-1', deviceCorrect: true, cloudCorrect: false, timeMs: 1000 },
      { id: '7', deviceCorrect: false, cloudCorrect: null },
    ]);
  });

  it.each([
    ['no JSON', 'SECRET'],
    ['no object', '["SECRET"]'],
    ['no verdict', '{"id":"a"}'],
    ['an odd verdict', '{"id":"a","deviceCorrect":"yes"}'],
    ['a score in words', '{"id":"a","deviceCorrect":1,"score":"SECRET"}'],
    ['a feature in words', '{"id":"a","deviceCorrect":1,"features":{"x":"SECRET"}}'],
    ['features in a list', '{"id":"a","deviceCorrect":1,"features":[1]}'],
    ['an odd time', '{"id":"a","deviceCorrect":1,"t":"soon"}'],
    ['a cost below 0', '{"id":"a","deviceCorrect":1,"cloudCost":-1}'],
    ['a tier without a cost', '{"id":"a","deviceCorrect":1,"tiers":[{"id":"s","correct":1}]}'],
    ['tiers that are no list', '{"id":"a","deviceCorrect":1,"tiers":{}}'],
    ['an id that is an object', '{"id":{},"deviceCorrect":1}'],
    ['a text that is none', '{"id":"a","deviceCorrect":1,"text":5}'],
  ])('refuses %s with the line, and never quotes it', async (_, line) => {
    const error = await read(`{"id":"ok","deviceCorrect":1}\n${line}`).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(DataError);
    expect(error).toMatchObject({ code: 'bad-row', details: { line: 2 } });
    expect(error.message).toContain('Line 2 of rows.jsonl');
    expect(`${error.stack} ${error.cause}`).not.toContain('SECRET');
  });

  it('refuses a file without rows, a damaged one and one that is no text', async () => {
    await expect(read('\n')).rejects.toMatchObject({ code: 'too-few-rows' });
    const packed = gzipSync(JSON.stringify(FULL));
    await expect(readOutcomes(packed.subarray(0, 20))).rejects.toMatchObject({ code: 'bad-row' });
    await expect(readOutcomes(Uint8Array.of(0xff, 0xfe, 0x00))).rejects.toMatchObject({
      code: 'bad-row',
    });
  });
});

describe('isLoss', () => {
  it.each([
    [false, true, true],
    [false, null, true],
    [false, undefined, true],
    [false, false, false],
    [true, true, false],
    [true, false, false],
  ] as const)('device %s and cloud %s: %s', (deviceCorrect, cloudCorrect, expected) => {
    const outcome =
      cloudCorrect === undefined ? { deviceCorrect } : { deviceCorrect, cloudCorrect };
    expect(isLoss(outcome)).toBe(expected);
  });
});
