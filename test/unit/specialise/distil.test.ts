import { describe, expect, it } from 'vitest';

import { auroc } from '../../../src/cascade/reliability.ts';
import { createRandom } from '../../../src/evaluate/draws.ts';
import { distilNgram } from '../../../src/specialise/distil.ts';
import { fitTemperature } from '../../../src/specialise/temperature.ts';
import { readStudent } from '../../../src/students/ngram-student.ts';
import type { LabelledText } from '../../../src/students/train-ngram.ts';

const TOPICS: Readonly<Record<string, readonly string[]>> = {
  card: ['card', 'plastic', 'chip', 'contactless', 'pin'],
  transfer: ['transfer', 'payment', 'iban', 'recipient', 'wire'],
  cash: ['cash', 'machine', 'withdrawal', 'notes', 'atm'],
  loan: ['loan', 'rate', 'credit', 'mortgage', 'debt'],
  fee: ['fee', 'charge', 'cost', 'price', 'bill'],
};
const FILLERS = [
  'please',
  'my',
  'where',
  'how',
  'is',
  'the',
  'can',
  'you',
  'help',
  'with',
  'wrong',
];

/** Five words: two of the topic, sometimes one of another, the rest of no topic. */
function makeRows(topics: readonly string[], count: number, seed: number): LabelledText[] {
  const random = createRandom(seed);
  const pick = (words: readonly string[]): string =>
    words[Math.floor(random() * words.length)] ?? '';
  return Array.from({ length: count }, () => {
    const label = pick(topics);
    const own = TOPICS[label] ?? [];
    const other = random() < 0.3 ? pick(TOPICS[pick(topics)] ?? []) : pick(FILLERS);
    const text = [pick(FILLERS), pick(own), pick(FILLERS), other, pick(own)].join(' ');
    return { text, label };
  });
}

const KNOWN = ['card', 'transfer', 'cash', 'loan'];

describe('distilling', () => {
  it('estimates the accuracy that the student has on new texts', async () => {
    const { bytes, summary } = await distilNgram(makeRows(KNOWN, 300, 1), { seed: 1 });
    const student = readStudent(bytes);
    const fresh = makeRows(KNOWN, 2_000, 2);
    const right = fresh.filter(({ text, label }) => student.predict(text).label === label).length;
    expect(summary).toMatchObject({ rows: 300, labels: 4, emptyRows: 0 });
    expect(summary.heldOut?.rows).toBe(300);
    expect(right / fresh.length).toBeGreaterThan((summary.heldOut?.low ?? 1) - 0.02);
    expect(right / fresh.length).toBeLessThan((summary.heldOut?.high ?? 0) + 0.05);
  });

  it('tells texts of labels it never saw from those it knows', async () => {
    const { bytes } = await distilNgram(makeRows(KNOWN, 300, 1), { seed: 1 });
    const student = readStudent(bytes);
    const answers = [
      ...makeRows(KNOWN, 300, 3).map(({ text }) => ({ text, isCorrect: true })),
      ...makeRows(['fee'], 300, 4).map(({ text }) => ({ text, isCorrect: false })),
    ].map(({ text, isCorrect }) => ({
      score: 1 - (student.predict(text).evidence.trainingDistance ?? 0),
      isCorrect,
    }));
    expect(auroc(answers)).toBeGreaterThan(0.9);
  });

  it('is the same for the same rows and seed', async () => {
    const rows = makeRows(KNOWN, 120, 5);
    const first = await distilNgram(rows, { seed: 4 });
    expect(await distilNgram(rows, { seed: 4 })).toEqual(first);
  });

  it('judges no row by a student that saw its text', async () => {
    // Every text stands four times, its label drawn at random: nothing can be learnt of new texts.
    const random = createRandom(6);
    const rows = Array.from({ length: 100 }, (_, index) => {
      const label = random() < 0.5 ? 'a' : 'b';
      return Array.from({ length: 4 }, () => ({ text: `word${index} other${index * 7}`, label }));
    }).flat();
    const { summary } = await distilNgram(rows, { seed: 1 });
    expect(summary.repeatedRows).toBe(300);
    expect(summary.heldOut?.accuracy).toBeLessThan(0.65);
  });

  it('counts what is odd about the rows', async () => {
    const rows = [
      { text: 'one', label: 'a' },
      { text: 'one', label: 'a' },
      { text: 'one', label: 'b' },
      { text: 'two', label: 'b' },
      { text: '', label: 'c' },
    ];
    const { summary } = await distilNgram(rows, { seed: 1 });
    expect(summary).toMatchObject({
      rows: 5,
      labels: 3,
      emptyRows: 1,
      repeatedRows: 1,
      contradictoryTexts: 1,
      rareLabels: 1,
      heldOut: null,
    });
  });

  it('takes one row, one label, and one text many times', async () => {
    const one = [{ text: 'hello', label: 'greeting' }];
    expect((await distilNgram(one, { seed: 1 })).summary.heldOut).toBeNull();
    const sameLabel = makeRows(['card'], 60, 7);
    const { bytes, summary } = await distilNgram(sameLabel, { seed: 1 });
    expect(summary.heldOut?.accuracy).toBe(1);
    expect(readStudent(bytes).predict('anything').evidence.trainingDistance).toBeNull();
    const sameText = Array.from({ length: 60 }, () => ({ text: 'hello', label: 'greeting' }));
    expect((await distilNgram(sameText, { seed: 1 })).summary.heldOut).toBeNull();
  });

  it('reports progress that only grows, up to the end', async () => {
    const seen: number[] = [];
    await distilNgram(makeRows(KNOWN, 80, 8), {
      seed: 1,
      onProgress: ({ done, total }) => seen.push(done / total),
    });
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBe(1);
  });

  it('stops when told', async () => {
    const reason = new Error('enough');
    const distilling = distilNgram(makeRows(KNOWN, 80, 8), {
      seed: 1,
      signal: AbortSignal.abort(reason),
    });
    await expect(distilling).rejects.toBe(reason);
  });
});

describe('the temperature', () => {
  it('is what scores were stretched by', () => {
    // Labels are drawn from the softmax of the scores, which are then stretched threefold.
    const random = createRandom(9);
    const held = Array.from({ length: 4_000 }, () => {
      const gap = random() * 6 - 3;
      const label = random() < 1 / (1 + Math.exp(-gap)) ? 1 : 0;
      return { scores: [0, 3 * gap], label };
    });
    expect(fitTemperature(held)).toBeGreaterThan(2.7);
    expect(fitTemperature(held)).toBeLessThan(3.3);
  });

  it('is 1 without rows and stays finite when every row is right', () => {
    expect(fitTemperature([])).toBe(1);
    const temperature = fitTemperature([{ scores: [5, 0], label: 0 }]);
    expect(temperature).toBeGreaterThan(0.19);
    expect(temperature).toBeLessThan(5.1);
  });
});
