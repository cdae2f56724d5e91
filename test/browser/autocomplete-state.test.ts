import { expect, test } from 'vitest';

import {
  canOffer,
  initialState,
  offeredText,
  type OfferState,
  type Snapshot,
  transition,
} from '../../src/autocomplete/state.ts';
import type { Suggestion } from '../../src/types.ts';

function at(before: string, after = ''): Snapshot {
  return { before, after, hasSelection: false };
}

function suggestion(text: string): Suggestion {
  return { text, confidence: { value: 0.7, calibrationId: 'uncalibrated' }, tier: 'device' };
}

function offer(before: string, text: string, after = ''): OfferState {
  const snapshot = at(before, after);
  const waiting = transition(initialState(), { type: 'typed', snapshot });
  const { version } = waiting;
  return transition(waiting, {
    type: 'answered',
    version,
    snapshot,
    suggestion: suggestion(text),
  });
}

test('an answer to the current text is offered whole, with its trailing space', () => {
  expect(offeredText(offer('see you tom', 'orrow '))).toBe('orrow ');
});

test('an answer to an older version never shows, even when the text reads the same again', () => {
  const first = transition(initialState(), { type: 'typed', snapshot: at('a') });
  const second = transition(first, { type: 'typed', snapshot: at('ab') });
  const back = transition(second, { type: 'edited', snapshot: at('a') });
  const stale = transition(back, {
    type: 'answered',
    version: first.version,
    snapshot: at('a'),
    suggestion: suggestion('gain '),
  });
  expect(stale).toBe(back);
  expect(offeredText(stale)).toBe('');
});

test('an answer is dropped when the caret is elsewhere', () => {
  const waiting = transition(initialState(), { type: 'typed', snapshot: at('one two') });
  const answered = transition(waiting, {
    type: 'answered',
    version: waiting.version,
    snapshot: at('one', ' two'),
    suggestion: suggestion('s '),
  });
  expect(offeredText(answered)).toBe('');
});

test('typing along shrinks the offer and changes nothing else', () => {
  const shrunk = transition(offer('see you tom', 'orrow '), {
    type: 'typed',
    snapshot: at('see you tomor'),
  });
  expect(shrunk.status).toBe('offered');
  expect(offeredText(shrunk)).toBe('row ');
});

test('typing something else asks anew', () => {
  const state = transition(offer('see you tom', 'orrow '), {
    type: 'typed',
    snapshot: at('see you tomb'),
  });
  expect(state.status).toBe('waiting');
});

test('an offer typed to its last letter is over, although its space is left', () => {
  const state = transition(offer('tom', 'orrow '), { type: 'typed', snapshot: at('tomorrow') });
  expect(state.status).toBe('waiting');
});

test('a dismissed offer is not made again as its letters are typed', () => {
  const dropped = transition(offer('tom', 'orrow '), { type: 'dismissed' });
  const typed = transition(dropped, { type: 'typed', snapshot: at('tomo') });
  const answered = transition(typed, {
    type: 'answered',
    version: typed.version,
    snapshot: at('tomo'),
    suggestion: suggestion('rrow '),
  });
  expect(typed.status).toBe('waiting');
  expect(offeredText(answered)).toBe('');
});

test('an offer stays on one line and adds no second space', () => {
  expect(offeredText(offer('tom', 'orrow \nBye'))).toBe('orrow ');
  expect(offeredText(offer('tom', 'orrow ', ' \nnext line'))).toBe('orrow');
  expect(offer('tom', '\nBye').status).toBe('quiet');
});

test.each([
  ['nothing typed', at(''), false],
  ['white space alone', at('  \n'), false],
  ['a selection', { before: 'a', after: '', hasSelection: true }, false],
  ['inside a word', at('wo', 'rd'), false],
  ['before more words of the line', at('one', ' two'), false],
  ['at the end of a line above others', at('one', '\ntwo'), true],
  ['at the end', at('one'), true],
])('a place for a ghost: %s', (_name, snapshot, isPlace) => {
  expect(canOffer(snapshot)).toBe(isPlace);
});
