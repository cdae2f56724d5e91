import { array, assert, constantFrom, integer, property, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeByScore, type ScoredVocabulary } from '../../../src/text/score-merge.ts';

/** The definition, word by word: join the best pair of all, from the left, until there is none. */
function mergeSlowly(text: string, vocabulary: ScoredVocabulary): number[] {
  const symbols = Array.from(text);
  for (;;) {
    let best = -1;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (let index = 0; index + 1 < symbols.length; index++) {
      const id = vocabulary.idOf(`${symbols[index]}${symbols[index + 1]}`);
      const score = id === undefined ? Number.NEGATIVE_INFINITY : vocabulary.scoreOf(id);
      if (score > bestScore) [best, bestScore] = [index, score];
    }
    if (best === -1) break;
    symbols.splice(best, 2, `${symbols[best]}${symbols[best + 1]}`);
  }
  return symbols.flatMap((symbol) => vocabulary.idOf(symbol) ?? vocabulary.fallback(symbol));
}

function vocabularyOf(scores: ReadonlyMap<string, number>): ScoredVocabulary {
  const names = [...scores.keys()];
  const ids = new Map(names.map((name, id) => [name, id]));
  return {
    idOf: (text) => ids.get(text),
    scoreOf: (id) => scores.get(names[id] ?? '') ?? 0,
    fallback: (character) => [1000 + (character.codePointAt(0) ?? 0)],
  };
}

const letters = constantFrom('a', 'b', 'c', '▁', 'é', '😀');
const word = array(letters, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''));

describe('mergeByScore', () => {
  it('joins the pair with the highest score first, the leftmost of equal ones', () => {
    const vocabulary = vocabularyOf(
      new Map([
        ['a', -9],
        ['b', -9],
        ['ab', -2],
        ['ba', -1],
        ['aba', -3],
      ]),
    );
    expect(mergeByScore('aba', vocabulary)).toEqual([4]);
    expect(mergeByScore('abab', vocabulary)).toEqual([4, 1]);
    expect(mergeByScore('', vocabulary)).toEqual([]);
  });

  it('gives what the plain definition gives, for any vocabulary and text', () => {
    const scored = array(tuple(word, integer({ min: -5, max: 0 })), { maxLength: 30 });
    const texts = array(letters, { maxLength: 40 }).map((parts) => parts.join(''));
    assert(
      property(scored, texts, (entries, text) => {
        const vocabulary = vocabularyOf(new Map(entries));
        expect(mergeByScore(text, vocabulary)).toEqual(mergeSlowly(text, vocabulary));
      }),
      { numRuns: 2000, seed: 7 },
    );
  });
});
