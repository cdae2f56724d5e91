import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  pickCompletion,
  runningProduct,
  splitDelta,
  type CompletionInput,
  type CompletionPiece,
} from '../../../src/completion/completion.ts';
import { token } from '../cascade/arbitraries.ts';

/** Pieces written as `text:probability`; `typed` in place of the number for typed letters. */
function pieces(
  ...written: readonly (readonly [string, number | 'typed' | null])[]
): CompletionPiece[] {
  return written.map(([text, probability]) => ({
    text,
    logProbability: typeof probability === 'number' ? Math.log(probability) : null,
    isTyped: probability === 'typed',
  }));
}

function pick(
  before: string,
  made: readonly CompletionPiece[],
  more: Partial<CompletionInput> = {},
) {
  return pickCompletion({
    before,
    after: '',
    pieces: made,
    isEnded: false,
    threshold: 0.58,
    ...more,
  });
}

describe('A completion', () => {
  it('is the longest start whose product stays at the threshold', () => {
    const made = pieces([' you', 0.9], [' for', 0.9], [' your', 0.8], [' help', 0.5]);
    const picked = pick('Thank', made);
    expect(picked?.text).toBe(' you for your ');
    expect(picked?.product).toBeCloseTo(0.648, 9);
  });

  it('does not count the tokens that only repeat typed letters', () => {
    const made = pieces(['', 'typed'], ['orrow', 0.7], [' at', 0.2]);
    expect(pick('See you tom', made)?.text).toBe('orrow ');
  });

  it('is nothing when the first counted piece is below the threshold', () => {
    expect(pick('See you tom', pieces(['', 'typed'], ['orrow', 0.5], [' at', 1]))).toBeNull();
    expect(pick('Hello', [])).toBeNull();
  });

  it('is nothing when the first probability is unknown, and stops at a later one', () => {
    expect(pick('Thank', pieces([' you', null], [' all', 1]))).toBeNull();
    expect(pick('Thank', pieces([' you', 0.9], [' all', null]))?.text).toBe(' you ');
  });

  it('offers no half word: the next token shows whether it goes on', () => {
    expect(pick('', pieces(['The', 0.9], [' wea', 0.9], ['ther', 0.2]))?.text).toBe('The ');
    expect(pick('', pieces(['The', 0.9], [' wea', 0.9], ['ther', 0.9], [' is', 0.1]))?.text).toBe(
      'The weather ',
    );
    expect(pick('I am wri', pieces(['t', 0.9], ['ing', 0.1]))).toBeNull();
  });

  it('offers the last word only when the model ended after it', () => {
    const made = pieces([' you', 0.9], [' all', 0.9]);
    expect(pick('Thank', made)?.text).toBe(' you ');
    expect(pick('Thank', made, { isEnded: true })?.text).toBe(' you all ');
  });

  it('keeps contractions and decimals in one piece', () => {
    expect(pick('I ', pieces(['don', 0.9], ["'t", 0.1]))).toBeNull();
    expect(pick('It costs ', pieces(['3', 0.9], ['.', 0.9], ['50', 0.2]))).toBeNull();
  });

  it('ends with a space where the language wants one', () => {
    expect(pick('Ich komme mor', pieces(['gen', 0.9], [' um', 0.1]))?.text).toBe('gen ');
    expect(pick('я приду зав', pieces(['тра', 0.9], [' в', 0.1]))?.text).toBe('тра ');
    expect(pick('أراك غ', pieces(['دا', 0.9], [' في', 0.1]))?.text).toBe('دا ');
    expect(pick('Yes', pieces([',', 0.9], [' of', 0.1]))?.text).toBe(', ');
  });

  it('ends without one where words are not spaced', () => {
    expect(pick('明日', pieces(['東京', 0.9], ['に', 0.1]))?.text).toBe('東京');
    expect(pick('สวัสดี', pieces(['ครับ', 0.9], [' ผม', 0.1]))?.text).toBe('ครับ');
    expect(pick('你好', pieces(['。', 0.9]), { isEnded: true })?.text).toBe('。');
  });

  it('ends with one also where punctuation is likely: typing it takes the space back', () => {
    expect(pick('Hel', pieces(['lo', 0.9], ['!', 0.2]))?.text).toBe('lo ');
  });

  it('ends without one after an opening bracket and before a new line', () => {
    expect(pick('f', pieces([' (', 0.9], ['x', 0.1]))?.text).toBe(' (');
    expect(pick('Kind reg', pieces(['ards', 0.9], ['\n', 0.1]))?.text).toBe('ards');
  });

  it('ends without one when text follows that stands close', () => {
    const made = pieces(['orrow', 0.9], [' at', 0.1]);
    expect(pick('See you tom', made, { after: ' at noon' })?.text).toBe('orrow');
    expect(pick('See you tom', made, { after: ', then' })?.text).toBe('orrow');
    expect(pick('See you tom', made, { after: 'then' })?.text).toBe('orrow ');
  });

  it('does not double the space before the caret', () => {
    expect(pick('Thank ', pieces([' you', 0.9], [' for', 0.1]))?.text).toBe('you ');
  });

  it('counts the tokens of a character that comes in parts', () => {
    const made = pieces(['', 0.9], ['', 0.9], ['東京', 0.9], ['。', 0.1]);
    expect(pick('私は', made)?.product).toBeCloseTo(0.729, 9);
  });
});

describe('Any completion', () => {
  const anyPiece = fc.record({
    text: fc.oneof(
      fc.constantFrom('', ' ', 'the', ' wo', 'rd', '.', '\n', '東', 'ครับ', '👩‍👩‍👧', 'é', '(', "'t"),
      fc.string({ maxLength: 4, unit: 'grapheme' }),
    ),
    logProbability: fc.option(fc.double({ min: -2, max: 0, noNaN: true })),
    isTyped: fc.boolean(),
  });
  const anyInput = fc.record({
    before: fc.string({ maxLength: 20, unit: 'grapheme' }),
    after: fc.string({ maxLength: 5, unit: 'grapheme' }),
    pieces: fc.array(anyPiece, { maxLength: 12 }),
    isEnded: fc.boolean(),
    threshold: fc.double({ min: 0.01, max: 1, noNaN: true }),
  });

  it('is a start of what was generated, sure enough, and never blank', () => {
    fc.assert(
      fc.property(anyInput, (input) => {
        const picked = pickCompletion(input);
        if (picked === null) return;
        const full = input.pieces.map((piece) => piece.text).join('');
        expect(picked.text.trim()).not.toBe('');
        expect(picked.product).toBeGreaterThanOrEqual(input.threshold);
        expect(full.includes(picked.text.trimEnd())).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('grows no longer when the threshold rises', () => {
    fc.assert(
      fc.property(anyInput, fc.double({ min: 0.01, max: 1, noNaN: true }), (input, other) => {
        const low = pickCompletion({ ...input, threshold: Math.min(input.threshold, other) });
        const high = pickCompletion({ ...input, threshold: Math.max(input.threshold, other) });
        const lengthOf = (each: typeof low): number => each?.text.trimEnd().length ?? 0;
        expect(lengthOf(high)).toBeLessThanOrEqual(lengthOf(low));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('A delta', () => {
  it('is split into the texts of its tokens, the rest going to the last', () => {
    const evidence = [token({ textLength: 3, isTyped: true }), token({ textLength: 2 })];
    expect(splitDelta({ type: 'text-delta', text: 'abcdefg', evidence })).toEqual([
      { text: 'abc', logProbability: -0.5, isTyped: true },
      { text: 'defg', logProbability: -0.5, isTyped: false },
    ]);
  });

  it('is one unknown piece where no token accounts for it', () => {
    const delta = { type: 'text-delta', text: 'abc', evidence: [] } as const;
    expect(splitDelta(delta)).toEqual([{ text: 'abc', logProbability: null, isTyped: false }]);
    expect(runningProduct(splitDelta(delta))).toBeNull();
  });
});
