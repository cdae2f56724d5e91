import { describe, expect, it } from 'vitest';
import { ModelError } from '../../../src/errors.ts';
import {
  metadataBoolean,
  metadataCount,
  metadataNumber,
  metadataNumbers,
  metadataString,
  metadataStrings,
} from '../../../src/text/gguf-metadata.ts';
import type { GgufMetadata, GgufValue } from '../../../src/text/gguf-metadata.ts';

const entries: Readonly<Record<string, GgufValue>> = {
  text: 'llama',
  empty: '',
  yes: true,
  no: false,
  zero: 0,
  half: 0.5,
  count: 30,
  negative: -1,
  endless: Infinity,
  big: 2n ** 40n,
  huge: 2n ** 60n,
  texts: ['a', 'b'],
  mixed: ['a', 1],
  numbers: [1, 2n],
  view: new Int32Array([3, 1]),
  bigView: new BigInt64Array([1n]),
};
const metadata: GgufMetadata = new Map(Object.entries(entries));

const getters = {
  string: metadataString,
  boolean: metadataBoolean,
  number: metadataNumber,
  count: metadataCount,
  strings: metadataStrings,
  numbers: (from: GgufMetadata, key: string) => Array.from(metadataNumbers(from, key)),
} as const;

describe('metadata getters', () => {
  it.each([
    ['string', 'text', 'llama'],
    ['string', 'empty', ''],
    ['boolean', 'yes', true],
    ['boolean', 'no', false],
    ['number', 'half', 0.5],
    ['number', 'negative', -1],
    ['number', 'big', 2 ** 40],
    ['count', 'count', 30],
    ['count', 'zero', 0],
    ['count', 'big', 2 ** 40],
    ['strings', 'texts', ['a', 'b']],
    ['numbers', 'numbers', [1, 2]],
    ['numbers', 'view', [3, 1]],
  ] as const)('read %s %s', (getter, key, value) => {
    expect(getters[getter](metadata, key)).toEqual(value);
  });

  it.each([
    ['string', 'count'],
    ['string', 'absent'],
    ['boolean', 'zero'],
    ['number', 'text'],
    ['number', 'endless'],
    ['number', 'huge'],
    ['count', 'half'],
    ['count', 'negative'],
    ['count', 'huge'],
    ['count', 'absent'],
    ['strings', 'mixed'],
    ['strings', 'text'],
    ['strings', 'view'],
    ['numbers', 'texts'],
    ['numbers', 'bigView'],
    ['numbers', 'absent'],
  ] as const)('refuse %s %s, naming the key', (getter, key) => {
    const read = (): unknown => getters[getter](metadata, key);
    expect(read).toThrow(ModelError);
    expect(read).toThrow(expect.objectContaining({ code: 'bad-format', details: { key } }));
    expect(read).toThrow(new RegExp(`"${key}"`));
  });

  it('use the fallback only where the key is absent', () => {
    expect(metadataString(metadata, 'absent', 'x')).toBe('x');
    expect(metadataString(metadata, 'empty', 'x')).toBe('');
    expect(metadataBoolean(metadata, 'no', true)).toBe(false);
    expect(metadataNumber(metadata, 'zero', 1)).toBe(0);
    expect(metadataCount(metadata, 'absent', 7)).toBe(7);
    expect(() => metadataCount(metadata, 'text', 7)).toThrow(ModelError);
  });
});
