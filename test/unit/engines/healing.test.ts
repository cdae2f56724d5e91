import { readFile } from 'node:fs/promises';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createGgufReader } from '../../../src/engines/wasm/gguf.ts';
import { healPrompt } from '../../../src/engines/wasm/healing.ts';
import type { Healed } from '../../../src/engines/wasm/healing.ts';
import { createVocabulary } from '../../../src/engines/wasm/vocabulary.ts';
import type { Vocabulary } from '../../../src/engines/wasm/vocabulary.ts';
import { readTokenizer } from '../../../src/text/tokenizer.ts';
import type { Tokenizer } from '../../../src/text/tokenizer.ts';
import { createWordTokenizer, END_ID, idOf, textOf } from './word-tokenizer.ts';

const WORDS =
  ' the| them| then| th|the| we| weather| Grüße| Gr|ü|üß|inter| inter|national|😀' +
  "|'t|'ll|don|20| |  | \n|:)| :)";
const tokenizer = createWordTokenizer(WORDS.split('|'));
const vocabulary = createVocabulary(tokenizer);

function heal(text: string): Healed & { readonly choices: string[]; readonly prompt: string } {
  const healed = healPrompt(text, tokenizer, vocabulary);
  return {
    ...healed,
    prompt: textOf(tokenizer, healed.tokens),
    choices: [...(healed.allowed ?? [])].map((id) => textOf(tokenizer, [id])).toSorted(),
  };
}

describe('healPrompt', () => {
  it('backs up over the word with its space and allows only what extends it', () => {
    const healed = heal('see th');
    expect(healed).toMatchObject({ prompt: 'see', typed: ' th', openBytes: 3, forced: [] });
    expect(healed.choices).toEqual([' th', ' the', ' them', ' then']);
  });

  it('allows a whole word to stand as it is', () => {
    expect(heal('see them')).toMatchObject({ prompt: 'see them', openBytes: 0, allowed: null });
    expect(heal('see the').choices).toEqual([' the', ' them', ' then']);
  });

  it('backs up over a trailing space and wants more than white space', () => {
    const healed = heal('see ');
    expect(healed).toMatchObject({ prompt: 'see', typed: ' ', openBytes: 1 });
    expect(healed.choices).toContain(' the');
    for (const choice of healed.choices) {
      expect(choice.startsWith(' ')).toBe(true);
      expect(choice.trim()).not.toBe('');
    }
  });

  it('leaves the spaces before the last one', () => {
    expect(heal('see   ')).toMatchObject({ prompt: 'see  ', typed: ' ' });
  });

  it.each(['', 'see\n', 'see\t', 'see\n\n'])(
    'starts a new word after %j, not with white space',
    (text) => {
      const healed = heal(text);
      expect(healed).toMatchObject({ prompt: text, typed: '', openBytes: 0 });
      expect(healed.choices).toContain('the');
      for (const choice of healed.choices) expect(choice.trim()).not.toBe('');
      expect(healed.allowed).toContain(END_ID);
    },
  );

  it('takes the longest token of a word that no token has whole, and leaves the rest open', () => {
    const healed = heal('an internat');
    expect(healed.forced).toEqual([idOf(tokenizer, ' inter')]);
    expect(healed).toMatchObject({ prompt: 'an inter', typed: ' internat', openBytes: 3 });
    expect(healed.choices).toEqual(['national']);
  });

  it('asks for nothing once only the typed letters themselves are left', () => {
    const healed = heal('an interx');
    expect(healed).toMatchObject({ prompt: 'an interx', typed: ' interx', openBytes: 0 });
    expect(healed.allowed).toBe(null);
  });

  it('works inside words of several bytes a letter', () => {
    expect(heal('Viele Grü')).toMatchObject({ prompt: 'Viele', typed: ' Grü', openBytes: 5 });
    expect(heal('Viele Grü').choices).toEqual([' Grüße']);
    expect(heal('ü').choices).toEqual(['ü', 'üß']);
    expect(heal('oh 😀').typed).toBe(' 😀');
  });

  it('keeps marks, digits and contractions as the tokeniser groups them', () => {
    expect(heal('well :').choices).toEqual([' :', ' :)'].slice(1));
    expect(heal("don'")).toMatchObject({ prompt: 'don', typed: "'" });
    expect(heal("don'").choices).toEqual(["'", "'ll", "'t"]);
    expect(heal("don't")).toMatchObject({ prompt: "don't", typed: "'t", allowed: null });
    expect(heal('in 2').typed).toBe(' 2');
  });

  it('goes back one token only where words are not spaced, and in very long words', () => {
    const chinese = heal('日本の首都');
    expect(chinese.typed).toBe('都');
    const long = heal(`see ${'x'.repeat(200)}`);
    expect(long.typed).toBe('x');
    expect(long.prompt).toBe(`see ${'x'.repeat(200)}`);
  });

  it('forgets half a surrogate pair', () => {
    expect(heal('see th\uD83D')).toMatchObject({ typed: ' th', openBytes: 3 });
  });

  it('puts nothing into the prompt that was not there, and nothing is lost', () => {
    const pieces = fc.constantFrom(
      'th',
      'e',
      ' ',
      '\n',
      'ü',
      'é',
      '😀',
      '日',
      "'",
      ':',
      '7',
      'x',
      '👩‍🚀',
    );
    fc.assert(
      fc.property(fc.string({ unit: pieces, maxLength: 40 }), (text) => {
        expectFaithful(text, tokenizer, vocabulary);
      }),
      { numRuns: 500 },
    );
  });
});

describe('createVocabulary', () => {
  it('finds the same tokens as a search through all of them', () => {
    const plain = Array.from({ length: tokenizer.vocabularySize - 2 }, (_, index) => index + 2);
    const isBlank = (id: number): boolean => textOf(tokenizer, [id]).trim() === '';
    for (const prefix of [' ', ' t', ' th', 'ü', 'in', 'zz', ':', '\n']) {
      const bytes = new TextEncoder().encode(prefix);
      const expected = plain.filter(
        (id) => bytes.every((byte, at) => tokenizer.tokenBytes(id)[at] === byte) && !isBlank(id),
      );
      expect([...vocabulary.startingWith(bytes)]).toEqual(expected);
      expect([...vocabulary.startingWith(bytes)]).toEqual(expected);
    }
  });

  it('never offers special tokens for what was typed', () => {
    const bytes = new TextEncoder().encode('<e');
    expect([...vocabulary.startingWith(bytes)]).toEqual([]);
    expect(vocabulary.longestStartOf(bytes)).toBe(idOf(tokenizer, '<'));
  });

  it('knows white space beyond ASCII', () => {
    const spaced = createWordTokenizer(['\u00a0', '\u3000', '\u2003\u2003', 'é', '、']);
    const { notBlank } = createVocabulary(spaced);
    for (const blank of ['\u00a0', '\u3000', '\u2003\u2003']) {
      expect(notBlank).not.toContain(idOf(spaced, blank));
    }
    for (const text of ['é', '、']) expect(notBlank).toContain(idOf(spaced, text));
  });
});

describe('with the vocabulary of the fixture model', () => {
  let fixture: Tokenizer;
  let fixtureVocabulary: Vocabulary;

  beforeAll(async () => {
    const url = new URL('../../../models/fixture/tiny.gguf', import.meta.url);
    const start = createGgufReader().push(new Uint8Array(await readFile(url)))!;
    fixture = readTokenizer(start.header.metadata);
    fixtureVocabulary = createVocabulary(fixture);
  });

  it('heals at every character of a text', () => {
    const text =
      "Der Zug fährt um 7 Uhr; she doesn't know 'the' answer…  日本語 und 😀👍🏽!\n\nWe would";
    for (let end = 0; end <= text.length; end++) {
      expectFaithful(text.slice(0, end), fixture, fixtureVocabulary);
    }
  });

  it('heals any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        expectFaithful(text, fixture, fixtureVocabulary);
      }),
      { numRuns: 500 },
    );
  });
});

/** Prompt and open letters together are the text; every allowed token agrees with the open letters. */
function expectFaithful(before: string, tokens: Tokenizer, words: Vocabulary): void {
  const healed = healPrompt(before, tokens, words);
  const text = new TextEncoder().encode(before.replace(/[\uD800-\uDBFF]$/, ''));
  const open = text.subarray(text.length - healed.openBytes);
  const prompt = healed.tokens.flatMap((id) => [...tokens.tokenBytes(id)]);
  expect([...prompt, ...open]).toEqual([...text]);
  expect(before.replace(/[\uD800-\uDBFF]$/, '').endsWith(healed.typed)).toBe(true);
  if (healed.openBytes === 0) return;
  expect(healed.allowed?.length).toBeGreaterThan(0);
  for (const id of healed.allowed!) {
    expect([...tokens.tokenBytes(id).subarray(0, open.length)]).toEqual([...open]);
  }
}
