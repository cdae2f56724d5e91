import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createWordMemory } from '../../../src/completion/word-memory.ts';

function memoryOf(...messages: string[]) {
  const memory = createWordMemory();
  for (const message of messages) memory.learn(message);
  return memory;
}

function textOf(prediction: ReturnType<ReturnType<typeof createWordMemory>['predict']>): string {
  return prediction.pieces.map(({ text }) => text).join('');
}

describe('a word memory', () => {
  it('finishes the word that fits the words before it', () => {
    const memory = memoryOf('See you tomorrow', 'See you tomorrow', 'Buy tomatoes', 'tomatoes');
    expect(textOf(memory.predict('See you tom', { maxWords: 1 }))).toBe('orrow');
    expect(textOf(memory.predict('Buy tom', { maxWords: 1 }))).toBe('atoes');
  });

  it('gives the probability of Witten and Bell, among the words that fit the letters', () => {
    // After nothing: a 2, b 1, end 3 of 6, three kinds: (2 + 3 * 0) / (6 + 3), 1 / 9, 3 / 9.
    // After the start: a 2, b 1 of 3, two kinds: (2 + 2 * 2/9) / (3 + 2) = 22/45, (1 + 2/9) / 5 = 11/45.
    const memory = memoryOf('aa', 'aa', 'ab');
    const [piece] = memory.predict('a', { maxWords: 1 }).pieces;
    expect(piece?.text).toBe('a');
    expect(piece?.probability).toBeCloseTo(22 / 33, 12);
  });

  it('goes on over several words and says when the message is over', () => {
    const memory = memoryOf('Thanks, see you soon', 'Thanks, see you soon');
    const prediction = memory.predict('Tha', { maxWords: 10 });
    expect(textOf(prediction)).toBe('nks, see you soon');
    expect(prediction.isEnded).toBe(true);
  });

  it('continues what stands before the caret, in whatever case the context was typed', () => {
    const memory = memoryOf('good morning everyone');
    expect(textOf(memory.predict('Good Morning eve', { maxWords: 1 }))).toBe('ryone');
  });

  it('looks at the line that is being written alone', () => {
    const memory = memoryOf('Best regards', 'Best wishes Tom');
    expect(textOf(memory.predict('Best\nwi', { maxWords: 1 }))).toBe('shes');
  });

  it('has nothing to offer when nothing fits', () => {
    expect(memoryOf().predict('Hello').pieces).toEqual([]);
    expect(memoryOf('Hello').predict('xyz').pieces).toEqual([]);
  });

  it('keeps accents, other scripts and surrogate pairs whole', () => {
    const memory = memoryOf('Grüße aus Köln', 'до завтра 🎉🎉');
    expect(textOf(memory.predict('Grüße aus Kö', { maxWords: 1 }))).toBe('ln');
    expect(textOf(memory.predict('до зав', { maxWords: 1 }))).toBe('тра');
  });

  it('forgets the oldest message when there is no room, as if it had never been there', () => {
    const small = createWordMemory(null, { maxMessages: 2 });
    for (const message of ['one two', 'three four', 'five six']) small.learn(message);
    const fresh = memoryOf('three four', 'five six');
    expect(small.size).toBe(2);
    for (const before of ['one ', 'three ', 'fi', '']) {
      expect(small.predict(before)).toEqual(fresh.predict(before));
    }
  });

  it('is bounded in letters too, however long the messages are', () => {
    const memory = createWordMemory();
    for (let index = 0; index < 600; index++) memory.learn(`${index} ${'long line '.repeat(190)}`);
    const kept = memory.save().messages.join('').length;
    expect(kept).toBeLessThanOrEqual(200_000);
    expect(memory.recent(1)[0]).toMatch(/^599 /);
  });

  it('takes a message away as if it had never been there', () => {
    const memory = memoryOf('see you soon', 'see you later');
    expect(memory.unlearn('see you later')).toBe(true);
    expect(memory.unlearn('see you later')).toBe(false);
    expect(memory.predict('see you ')).toEqual(memoryOf('see you soon').predict('see you '));
    expect(memory.size).toBe(1);
  });

  it('is the same after it was saved and read again', () => {
    const memory = memoryOf('see you soon', 'see you later', 'later then');
    const again = createWordMemory(JSON.parse(JSON.stringify(memory.save())));
    for (const before of ['', 'see you ', 'lat']) {
      expect(again.predict(before)).toEqual(memory.predict(before));
    }
  });

  it('holds nothing after forget', () => {
    const memory = memoryOf('my secret plan');
    memory.forget();
    expect(memory.size).toBe(0);
    expect(memory.predict('my ').pieces).toEqual([]);
    expect(JSON.stringify(memory.save())).not.toContain('secret');
  });

  it('ignores what is no message', () => {
    expect(memoryOf('', '   ', '\n').size).toBe(0);
  });

  it('gives probabilities, and only words that go on from the letters typed', () => {
    const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        fc.array(fc.array(word, { maxLength: 6 }), { maxLength: 8 }),
        word,
        (texts, typed) => {
          const memory = memoryOf(...texts.map((words) => words.join(' ')));
          for (const { probability } of memory.predict(typed).pieces) {
            expect(probability).toBeGreaterThan(0);
            expect(probability).toBeLessThanOrEqual(1 + 1e-12);
          }
        },
      ),
    );
  });
});
