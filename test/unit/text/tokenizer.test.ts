import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelError } from '../../../src/errors.ts';
import type { GgufValue } from '../../../src/text/gguf-metadata.ts';
import { readTokenizer } from '../../../src/text/tokenizer.ts';
import type { Tokenizer } from '../../../src/text/tokenizer.ts';
import { realModelPath } from '../../helpers/real-model.ts';
import { fixtureMetadata, metadataOf } from './metadata.ts';
import { readVectors } from './vectors.ts';
import type { StringVector } from './vectors.ts';

const tiny = readTokenizer(fixtureMetadata('tiny.gguf'));
const tinyVectors = readVectors('tokenizer-vectors-tiny.json').strings;

/** Strings whose ids differ from the reference, plain or with special tokens recognised. */
function differences(tokenizer: Tokenizer, rows: readonly StringVector[]): string[] {
  const wrong = rows.filter(({ text, tokens, special = tokens }) => {
    const recognised = tokenizer.encode(text, { allowSpecial: true });
    return tokenizer.encode(text).join() !== tokens.join() || recognised.join() !== special.join();
  });
  return wrong.map(({ text }) => text);
}

function bytesOf(tokenizer: Tokenizer, ids: readonly number[]): number[] {
  return ids.flatMap((id) => [...tokenizer.tokenBytes(id)]);
}

function codeOf(changes: Readonly<Record<string, GgufValue | undefined>>): string | null {
  try {
    readTokenizer(fixtureMetadata('tiny.gguf', changes));
    return null;
  } catch (error) {
    return error instanceof ModelError ? error.code : String(error);
  }
}

describe('encode', () => {
  it('gives the reference ids for every string with the fixture vocabulary', () => {
    expect(tinyVectors.length).toBeGreaterThanOrEqual(300);
    expect(differences(tiny, tinyVectors)).toEqual([]);
  });

  const path = realModelPath();
  it.skipIf(path === null)('gives the reference ids for every string with the real one', () => {
    const tokenizer = readTokenizer(metadataOf(readFileSync(path ?? '')));
    const rows = readVectors('tokenizer-vectors.json').strings;
    expect(rows.length).toBeGreaterThanOrEqual(300);
    expect(differences(tokenizer, rows)).toEqual([]);
  });

  it.each(['gpt-2', 'llama-bpe'])('cuts words as the reference does for %s', (name) => {
    const tokenizer = readTokenizer(fixtureMetadata('tiny.gguf', { 'tokenizer.ggml.pre': name }));
    const rows = tinyVectors.map(({ text, preTokenizers }) => ({
      text,
      tokens: preTokenizers?.[name] ?? [],
    }));
    const wrong = rows.filter(
      ({ text, tokens }) => tokenizer.encode(text).join() !== tokens.join(),
    );
    expect(wrong).toEqual([]);
  });

  it('never makes a special token out of plain text', () => {
    const piece = fc.constantFrom('<|im_start|>', '<|im_end|>', '<|im_', 'end|>', ' ', 'a', '\n');
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const ids = tiny.encode(pieces.join(''));
        expect(ids.some((id) => tiny.isSpecial(id))).toBe(false);
      }),
    );
  });

  it('loses no byte of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const expected = [...new TextEncoder().encode(text)];
        expect(bytesOf(tiny, tiny.encode(text))).toEqual(expected);
        expect(bytesOf(tiny, tiny.encode(text, { allowSpecial: true }))).toEqual(expected);
      }),
    );
  });

  it('recognises user-defined tokens in any text', () => {
    const types = Array.from({ length: 576 }, (_, id) => (id < 7 ? 3 : id === 7 ? 4 : 1));
    const tokenizer = readTokenizer(
      fixtureMetadata('tiny.gguf', { 'tokenizer.ggml.token_type': types }),
    );
    expect(tokenizer.encode('<jupyter_code>')).toEqual([7]);
    expect(tokenizer.isSpecial(7)).toBe(false);
    expect(tokenizer.encode('<|im_end|>')).not.toContain(2);
  });

  it('stays fast on one very long word', () => {
    const ids = tiny.encode('ab'.repeat(50_000));
    expect(bytesOf(tiny, ids)).toHaveLength(100_000);
  });
});

describe('readTokenizer', () => {
  it('reads the special ids of the fixture', () => {
    expect(tiny.vocabularySize).toBe(576);
    expect([...tiny.endIds].toSorted((a, b) => a - b)).toEqual([0, 2]);
    expect(tiny.bosId).toBe(1);
    expect(tiny.addsBos).toBe(false);
    expect(tiny.separatorId).toBe(0);
    expect(readTokenizer(fixtureMetadata('tiny-mixed.gguf')).addsBos).toBe(true);
  });

  it('spells special tokens and refuses ids outside the vocabulary', () => {
    expect(new TextDecoder().decode(tiny.tokenBytes(1))).toBe('<|im_start|>');
    expect(() => tiny.tokenBytes(576)).toThrow(RangeError);
    expect(() => tiny.tokenBytes(-1)).toThrow(RangeError);
  });

  it('works without start and end ids and token types', () => {
    const tokenizer = readTokenizer(
      fixtureMetadata('tiny.gguf', {
        'tokenizer.ggml.bos_token_id': undefined,
        'tokenizer.ggml.eos_token_id': undefined,
        'tokenizer.ggml.token_type': undefined,
        'tokenizer.ggml.add_bos_token': true,
      }),
    );
    expect(tokenizer.bosId).toBeNull();
    expect(tokenizer.addsBos).toBe(false);
    expect(tokenizer.endIds.size).toBe(0);
    expect(tokenizer.encode('a')).toEqual(tiny.encode('a'));
  });

  it.each([
    ['another kind of tokenizer', { 'tokenizer.ggml.model': 'bert' }, 'unsupported-architecture'],
    ['an unknown pre-tokeniser', { 'tokenizer.ggml.pre': 'x' }, 'unsupported-architecture'],
    ['no pre-tokeniser', { 'tokenizer.ggml.pre': undefined }, 'bad-format'],
    ['no tokens', { 'tokenizer.ggml.tokens': undefined }, 'bad-format'],
    ['numbers as tokens', { 'tokenizer.ggml.tokens': [1, 2] }, 'bad-format'],
    ['too few token types', { 'tokenizer.ggml.token_type': [1] }, 'bad-format'],
    ['text as token types', { 'tokenizer.ggml.token_type': 'x' }, 'bad-format'],
    ['a merge of unknown tokens', { 'tokenizer.ggml.merges': ['zz zz'] }, 'bad-format'],
    ['a merge without a space', { 'tokenizer.ggml.merges': ['zz'] }, 'bad-format'],
    ['an empty merge', { 'tokenizer.ggml.merges': [''] }, 'bad-format'],
    ['an end id outside', { 'tokenizer.ggml.eos_token_id': 576 }, 'bad-format'],
    ['a negative start id', { 'tokenizer.ggml.bos_token_id': -1 }, 'bad-format'],
  ])('refuses %s', (_, changes, code) => {
    expect(codeOf(changes)).toBe(code);
  });
});
