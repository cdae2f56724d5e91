import { describe, expect, it } from 'vitest';
import { findAnswerSet, readLabel } from '../../../src/audit/answer-set.ts';

function repeat(count: number, ...answers: readonly string[]): string[] {
  return Array.from({ length: count }, () => answers).flat();
}

describe('findAnswerSet', () => {
  it('sees a closed set behind case, quotes, full stops and code fences', () => {
    const set = findAnswerSet(
      repeat(10, 'Card', '"card"', 'loan.', '```\nloan\n```', ' **Loan** '),
    );
    expect(set).toMatchObject({ kind: 'labels', field: null, distinct: 2, unseenShare: 0 });
    expect(readLabel('```\nLoan.\n```', null)).toBe('loan');
  });

  it('finds the field of JSON answers that names the class, and counts the others', () => {
    const answers = repeat(20, 'card', 'loan').map((intent, index) =>
      JSON.stringify({ reason: `because ${index}`, urgent: index % 3 === 0, intent, model: 'x' }),
    );
    const set = findAnswerSet(answers);
    expect(set).toMatchObject({ kind: 'labels', field: 'intent', distinct: 2, otherFields: 2 });
    expect(readLabel(answers[0] ?? '', 'intent')).toBe('card');
    expect(readLabel('no JSON', 'intent')).toBeNull();
  });

  it('takes a grade for a label and a confidence for none', () => {
    const graded = repeat(10, '{"grade":1,"p":0.5}', '{"grade":5,"p":0.25}');
    expect(findAnswerSet(graded)).toMatchObject({ kind: 'labels', field: 'grade' });
  });

  it('estimates how often the next answer is new as the share of those seen once', () => {
    const set = findAnswerSet([...repeat(45, 'a', 'b'), 'c', 'd', 'e']);
    expect(set).toMatchObject({ kind: 'labels', distinct: 5, unseenShare: 3 / 93 });
    const open = findAnswerSet([...repeat(10, 'a', 'b'), 'c', 'd', 'e']);
    expect(open).toMatchObject({ kind: 'free-text', unseenShare: 3 / 23 });
  });

  it('sees text that is written anew, and answers that are all the same', () => {
    const letters = Array.from({ length: 60 }, (_, index) => `Dear number ${index}, thank you.`);
    expect(findAnswerSet(letters)).toMatchObject({ kind: 'free-text', distinct: 60 });
    expect(findAnswerSet(repeat(30, 'x'.repeat(500)))).toMatchObject({ kind: 'free-text' });
    expect(findAnswerSet(repeat(60, 'ok'))).toMatchObject({ kind: 'one-answer', distinct: 1 });
    expect(findAnswerSet(repeat(60, '{"label":"ok"}'))).toMatchObject({ kind: 'one-answer' });
  });
});
