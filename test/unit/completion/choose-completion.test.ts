import { describe, expect, it } from 'vitest';
import { chooseCompletion } from '../../../src/completion/choose-completion.ts';
import { listCompletions, pickCompletion } from '../../../src/completion/completion.ts';

describe('completions of several sources', () => {
  const model = {
    id: 'model',
    completions: [
      { text: 'orrow morning ', product: 0.6 },
      { text: 'orrow ', product: 0.8 },
    ],
    map: null,
  };

  it('offer the longest that is sure enough', () => {
    expect(chooseCompletion([model], 0.5)?.text).toBe('orrow morning ');
    expect(chooseCompletion([model], 0.7)?.text).toBe('orrow ');
    expect(chooseCompletion([model], 0.9)).toBeNull();
  });

  it('are compared by what their products are worth, not by the products', () => {
    const memory = {
      id: 'memory',
      completions: [{ text: 'atoes ', product: 0.99 }],
      map: {
        kind: 'logistic',
        transform: 'identity',
        intercept: 0,
        weight: 0,
        lowest: 0,
        highest: 1,
      },
    } as const;
    expect(chooseCompletion([model, memory], 0.7)?.source).toBe('model');
    expect(chooseCompletion([memory, model], 0.5)).toMatchObject({
      source: 'model',
      confidence: 0.6,
    });
  });

  it('of the same confidence come from the earlier source', () => {
    const other = { ...model, id: 'other' };
    expect(chooseCompletion([other, model], 0.7)?.source).toBe('other');
  });
});

describe('the list of completions', () => {
  const pieces = [
    { text: 'orrow', logProbability: Math.log(0.9), isTyped: false },
    { text: ' morning', logProbability: Math.log(0.5), isTyped: false },
    { text: ' at', logProbability: Math.log(0.5), isTyped: false },
  ];
  const input = { before: 'See you tom', after: '', pieces, isEnded: false };

  it('holds what each threshold would pick, longest first', () => {
    const listed = listCompletions(input);
    expect(listed.map(({ text }) => text)).toEqual(['orrow morning ', 'orrow ']);
    for (const threshold of [0.1, 0.44, 0.46, 0.89, 0.95]) {
      const picked = pickCompletion({ ...input, threshold });
      const sure = listed.find(({ product }) => product >= threshold) ?? null;
      expect(sure).toEqual(picked);
    }
  });

  it('ends where a probability is unknown', () => {
    const [first] = pieces;
    const unknown = { text: ' morning', logProbability: null, isTyped: false };
    expect(listCompletions({ ...input, pieces: [first!, unknown, pieces[2]!] })).toHaveLength(1);
  });
});
