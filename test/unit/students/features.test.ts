import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  createFeatureReader,
  DEFAULT_FEATURES,
  MAX_TEXT_UNITS,
  splitWords,
} from '../../../src/students/features.ts';

const read = createFeatureReader(DEFAULT_FEATURES);

/** Cosine of two texts' features: both have length 1. */
function likeness(first: string, second: string): number {
  const one = read(first);
  const two = read(second);
  const values = new Map([...two.buckets].map((bucket, index) => [bucket, two.values[index] ?? 0]));
  return [...one.buckets].reduce(
    (sum, bucket, index) => sum + (one.values[index] ?? 0) * (values.get(bucket) ?? 0),
    0,
  );
}

/** Any code points, lone surrogates too. */
const anyText = fc
  .array(fc.integer({ min: 0, max: 0x10_ff_ff }), { maxLength: 100 })
  .map((points) => String.fromCodePoint(...points));

describe('words of a text', () => {
  it.each([
    ['Where is my CARD?', ['where', 'is', 'my', 'card']],
    ['Überweisung – fällig', ['überweisung', 'fällig']],
    ['भुगतान नहीं हुआ', ['भुगतान', 'नहीं', 'हुआ']],
    ['أين بطاقتي؟', ['أين', 'بطاقتي']],
    ['我的卡在哪里', ['我', '的', '卡', '在', '哪', '里']],
    ['card💳lost', ['card', '💳', 'lost']],
    ['ｆｕｌｌ ｗｉｄｔｈ ①', ['full', 'width', '1']],
    ['?!… ', []],
    ['', []],
  ])('of %j are %j', (text, words) => {
    expect(splitWords(text)).toEqual(words);
  });

  it('are the same composed and decomposed', () => {
    expect(splitWords('Cafe\u0301')).toEqual(splitWords('Caf\u00e9'));
  });
});

describe('features', () => {
  it('form a vector of length 1 with each bucket once, for any text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { buckets, values } = read(text);
        expect(new Set(buckets).size).toBe(buckets.length);
        expect(values).toHaveLength(buckets.length);
        const squares = values.reduce((sum, value) => sum + value * value, 0);
        if (splitWords(text).length === 0) expect(squares).toBe(0);
        else expect(squares).toBeCloseTo(1, 5);
      }),
    );
  });

  it('leave nothing of one text in the next', () => {
    const first = read('my card has not arrived');
    read('something else entirely');
    expect(read('my card has not arrived')).toEqual(first);
  });

  it('bring words of one stem together and keep strangers apart', () => {
    expect(likeness('transfer pending', 'transfers are pending')).toBeGreaterThan(0.4);
    expect(likeness('transfer pending', 'dog food')).toBeLessThan(0.15);
  });

  it('tell the order of words apart, but less than other words', () => {
    const swapped = likeness('cash to card', 'card to cash');
    expect(swapped).toBeLessThan(0.99);
    expect(swapped).toBeGreaterThan(likeness('cash to card', 'cash to phone'));
  });

  it('end where reading ends, so that a text of any length takes a bounded time', () => {
    const head = 'lorem ipsum '.repeat(MAX_TEXT_UNITS / 12 + 1).slice(0, MAX_TEXT_UNITS);
    expect(read(head + 'unread '.repeat(20_000))).toEqual(read(head));
  });
});
