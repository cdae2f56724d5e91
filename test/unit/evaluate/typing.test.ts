import { describe, expect, it } from 'vitest';
import { replayTyping, rightLength, sumTyping } from '../../../src/evaluate/complete/typing.ts';

describe('a simulated writer', () => {
  it('presses one key for each character without suggestions', () => {
    expect(replayTyping('hello', () => null)).toMatchObject({ keys: 5, characters: 5, flashes: 0 });
  });

  it('takes a right ghost, space included, with one key', () => {
    const typing = replayTyping('see you', (position) => (position === 1 ? 'ee ' : null));
    expect(typing).toMatchObject({ keys: 5, accepted: 1, acceptedCharacters: 3, flashes: 0 });
  });

  it('types on past a ghost that is wrong anywhere', () => {
    const typing = replayTyping('see me', (position) => (position === 0 ? 'see you ' : null));
    expect(typing).toMatchObject({ keys: 6, accepted: 0, flashes: 1 });
  });

  it('sees a wrong ghost once while it only shrinks', () => {
    const ghosts = ['test ', 'est ', 'st ', null];
    const typing = replayTyping('tesa', (position) => ghosts[position] ?? null);
    expect(typing.flashes).toBe(1);
  });

  it('sees another wrong ghost as new', () => {
    const ghosts = ['test ', 'east ', null];
    expect(replayTyping('tea', (position) => ghosts[position] ?? null).flashes).toBe(2);
  });

  it('hears of each new ghost and whether it was right', () => {
    const heard: [number, boolean][] = [];
    const ghosts = ['no ', null, 'c'];
    replayTyping(
      'abc',
      (position) => ghosts[position] ?? null,
      (position, isCorrect) => heard.push([position, isCorrect]),
    );
    expect(heard).toEqual([
      [0, false],
      [2, true],
    ]);
  });
});

describe('a right ghost', () => {
  it('may bring a space that the next sign takes back, or that ends the text', () => {
    expect(rightLength('you ', 'you, and me')).toBe(3);
    expect(rightLength('you ', 'you')).toBe(3);
  });

  it('is not the start of a longer word', () => {
    expect(rightLength('you ', 'yours')).toBe(0);
    expect(rightLength('', 'yours')).toBe(0);
    expect(rightLength(' ', ' yours')).toBe(0);
  });
});

describe('several texts together', () => {
  it('weigh by their characters', () => {
    const long = replayTyping('a'.repeat(90), () => null);
    const short = replayTyping('see you now', (position) =>
      position === 0 ? 'see you now' : null,
    );
    const sum = sumTyping([long, short]);
    expect(sum.keystrokesSaved).toBeCloseTo(1 - 91 / 101, 12);
    expect(sum.precision).toBe(1);
  });

  it('have no precision when nothing was shown', () => {
    expect(sumTyping([replayTyping('abc', () => null)]).precision).toBeNull();
  });
});
