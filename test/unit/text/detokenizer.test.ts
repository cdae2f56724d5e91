import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDetokenizer } from '../../../src/text/detokenizer.ts';
import { readTokenizer } from '../../../src/text/tokenizer.ts';
import { fixtureMetadata } from './metadata.ts';

const tokenizer = readTokenizer(fixtureMetadata('tiny.gguf'));
const IM_END = 2;

/** Ids of the fixture that stand for one byte each, by byte. */
const byteIds = new Map<number, number>();
for (let id = 0; id < tokenizer.vocabularySize; id += 1) {
  const bytes = tokenizer.tokenBytes(id);
  if (bytes.length === 1 && !tokenizer.isSpecial(id)) byteIds.set(bytes[0] ?? -1, id);
}

function byteTokens(bytes: Iterable<number>): number[] {
  return Array.from(bytes, (byte) => byteIds.get(byte) ?? -1);
}

function run(ids: readonly number[]): string[] {
  const detokenizer = createDetokenizer(tokenizer);
  return [...ids.map((id) => detokenizer.push(id)), detokenizer.flush()];
}

function hasHalfCharacter(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}

describe('createDetokenizer', () => {
  it('has one fixture token for each byte', () => {
    expect(byteIds.size).toBe(256);
  });

  it('gives every character once, whole, whatever the split', () => {
    const piece = fc.tuple(fc.string({ unit: 'grapheme' }), fc.boolean());
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const ids = pieces.flatMap(([text, isBytes]) =>
          isBytes ? byteTokens(new TextEncoder().encode(text)) : tokenizer.encode(text),
        );
        const parts = run(ids);
        expect(parts.join('')).toBe(pieces.map(([text]) => text).join(''));
        expect(parts.some(hasHalfCharacter)).toBe(false);
        expect(parts.at(-1)).toBe('');
      }),
    );
  });

  it('decodes any bytes as a decoder that sees them all at once', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const parts = run(byteTokens(bytes));
        expect(parts.join('')).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
        expect(parts.some(hasHalfCharacter)).toBe(false);
      }),
    );
  });

  it('waits for the last byte of a character', () => {
    const ids = byteTokens(new TextEncoder().encode('a👍é'));
    expect(run(ids)).toEqual(['a', '', '', '', '👍', '', 'é', '']);
  });

  it('gives U+FFFD only once the bytes cannot become a character', () => {
    expect(run(byteTokens([0xf0, 0x9f, 0x41]))).toEqual(['', '', '\ufffdA', '']);
    expect(run(byteTokens([0xff]))).toEqual(['\ufffd', '']);
    expect(run(byteTokens([0xe2, 0x82]))).toEqual(['', '', '\ufffd']);
  });

  it('gives no text for special tokens and does not join characters across them', () => {
    const [first = -1, second = -1] = byteTokens(new TextEncoder().encode('é'));
    expect(run([IM_END])).toEqual(['', '']);
    expect(run([first, IM_END, second])).toEqual(['', '\ufffd', '\ufffd', '']);
  });

  it('keeps a byte order mark, also after a flush', () => {
    const ids = tokenizer.encode('\ufeffa');
    const detokenizer = createDetokenizer(tokenizer);
    const once = (): string => ids.map((id) => detokenizer.push(id)).join('') + detokenizer.flush();
    expect([once(), once()]).toEqual(['\ufeffa', '\ufeffa']);
  });

  it('refuses ids outside the vocabulary', () => {
    expect(() => createDetokenizer(tokenizer).push(tokenizer.vocabularySize)).toThrow(RangeError);
  });
});
