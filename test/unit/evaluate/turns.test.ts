import { describe, expect, it } from 'vitest';
import { readMessages, readTurns } from '../../../src/evaluate/complete/turns.ts';

const line = (id: string, ...turns: [string, string][]): string => JSON.stringify({ id, turns });

describe('turns to be written', () => {
  it('are one user turn of fitting length per dialogue, with what was said before', () => {
    const text = line(
      '1',
      ['u', 'Hi'],
      ['a', 'Hello, what can I get you?'],
      ['u', 'I would like a large latte please'],
    );
    expect(readTurns(text, 'FILE')).toEqual([
      {
        id: '1',
        text: 'I would like a large latte please',
        context: ['Hi', 'Hello, what can I get you?'],
      },
    ]);
  });

  it('take the same turn of a dialogue each time, and not always the first', () => {
    const dialogue = (id: string): string =>
      line(id, ['u', 'one two three four five'], ['a', 'yes'], ['u', 'six seven eight nine ten']);
    const text = Array.from({ length: 40 }, (_, index) => dialogue(`d${index}`)).join('\n');
    const drawn = readTurns(text, 'FILE').map((turn) => turn.text);
    expect(readTurns(text, 'FILE').map((turn) => turn.text)).toEqual(drawn);
    expect(new Set(drawn).size).toBe(2);
  });

  it('are refused with the line that is wrong', () => {
    const text = `${line('1', ['u', 'one two three four five'])}\n{"id": 2}`;
    expect(() => readTurns(text, 'FILE')).toThrow('FILE, line 2');
    expect(() => readTurns('not json', 'FILE')).toThrow('FILE, line 1');
  });

  it('are missed when no turn fits', () => {
    expect(() => readTurns(line('1', ['u', 'Hi']), 'FILE')).toThrow('no user turn');
  });
});

describe('earlier messages', () => {
  it('are all user turns in order', () => {
    const text = [line('1', ['u', 'Hi'], ['a', 'Yes?'], ['u', 'A tea']), line('2', ['u', 'Bye'])];
    expect(readMessages(text.join('\n'), 'FILE')).toEqual(['Hi', 'A tea', 'Bye']);
  });
});
