import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelError } from '../../../src/errors.ts';
import type { GgufValue } from '../../../src/text/gguf-metadata.ts';
import { readTokenizer } from '../../../src/text/tokenizer.ts';
import type { Tokenizer } from '../../../src/text/tokenizer.ts';
import { optionalModelPath } from '../../helpers/real-model.ts';
import { fixtureMetadata, metadataOf } from './metadata.ts';
import { readVectors } from './vectors.ts';

const FIXTURE = 'tiny-gemma.gguf';
const tiny = readTokenizer(fixtureMetadata(FIXTURE));

function expectReferenceIds(tokenizer: Tokenizer, file: string): void {
  const rows = readVectors(file).strings;
  expect(rows.length).toBeGreaterThanOrEqual(300);
  const wrong = rows.filter(({ text, tokens, special = tokens }) => {
    const recognised = tokenizer.encode(text, { allowSpecial: true });
    return tokenizer.encode(text).join() !== tokens.join() || recognised.join() !== special.join();
  });
  expect(wrong.map(({ text }) => text)).toEqual([]);
}

function textOf(tokenizer: Tokenizer, ids: readonly number[]): string {
  const bytes = ids.flatMap((id) => [...tokenizer.tokenBytes(id)]);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}

function codeOf(changes: Readonly<Record<string, GgufValue | undefined>>): string | null {
  try {
    readTokenizer(fixtureMetadata(FIXTURE, changes));
    return null;
  } catch (error) {
    return error instanceof ModelError ? error.code : String(error);
  }
}

describe('a SentencePiece vocabulary', () => {
  it('gives the ids of the C++ library for every string', () => {
    expectReferenceIds(tiny, 'tokenizer-vectors-tiny-gemma.json');
  });

  const path = optionalModelPath('gemma-3-270m-q4_k_m');
  it.runIf(path !== null)('does so with the 262,144 tokens of Gemma, where it was pulled', () => {
    const tokenizer = readTokenizer(metadataOf(readFileSync(path ?? '')));
    expect(tokenizer.vocabularySize).toBe(262_144);
    expectReferenceIds(tokenizer, 'tokenizer-vectors-gemma.json');
  });

  it('gives back any text that has no mark of its own for spaces', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        fc.pre(!/[\u2581\p{Surrogate}]/u.test(text));
        expect(textOf(tiny, tiny.encode(text))).toBe(text);
      }),
    );
  });

  it('spells letters no token has in bytes', () => {
    const ids = tiny.encode('🎉');
    expect(ids).toHaveLength(4);
    expect(ids.map((id) => tiny.tokenBytes(id).length)).toEqual([1, 1, 1, 1]);
  });

  it('never reads the names of byte tokens or special tokens as such', () => {
    expect(textOf(tiny, tiny.encode('<0x41><eos>'))).toBe('<0x41><eos>');
    expect(tiny.encode('<0x41><eos>').some((id) => tiny.isSpecial(id))).toBe(false);
    expect(tiny.encode('<eos>', { allowSpecial: true })).toEqual([1]);
  });

  it('starts with a start token and ends at both end tokens', () => {
    expect(tiny).toMatchObject({ addsBos: true, bosId: 2 });
    const [turn] = tiny.encode('<end_of_turn>', { allowSpecial: true });
    expect(tiny.endIds).toEqual(new Set([1, turn]));
  });

  it.each<[string, Record<string, GgufValue | undefined>, string]>([
    [
      'a space before every text',
      { 'tokenizer.ggml.add_space_prefix': true },
      'unsupported-architecture',
    ],
    ['no scores', { 'tokenizer.ggml.scores': undefined }, 'bad-format'],
    ['too few scores', { 'tokenizer.ggml.scores': [1, 2] }, 'bad-format'],
  ])('is refused with %s', (_, changes, code) => {
    expect(codeOf(changes)).toBe(code);
  });
});
