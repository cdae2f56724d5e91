import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cdp, userEvent } from 'vitest/browser';

import { attach, type Attachment, type AttachOptions } from '../../src/autocomplete/index.ts';
import { PolicyError } from '../../src/errors.ts';
import type { Suggestion, SuggestionRequest } from '../../src/types.ts';

interface Call {
  readonly request: SuggestionRequest;
  answer(text: string | null): void;
  fail(error: unknown): void;
}

interface Keyboard {
  send(method: string, params?: Record<string, unknown>): Promise<unknown>;
}

const PAUSE_MS = 5;

const attachments: Attachment[] = [];

beforeEach(() => {
  // Time goes on by itself, and a test can make a pause pass at once.
  vi.useFakeTimers({ shouldAdvanceTime: true, toFake: ['setTimeout', 'clearTimeout'] });
});

afterEach(() => {
  vi.useRealTimers();
  for (const attachment of attachments.splice(0)) attachment.detach();
  document.body.replaceChildren();
});

function suggestion(text: string): Suggestion {
  return { text, confidence: { value: 0.8, calibrationId: 'uncalibrated' }, tier: 'device' };
}

/** A source that answers when the test says so, also after an abort: the worst-behaved kind. */
function scriptedSource() {
  const calls: Call[] = [];
  const suggest = (request: SuggestionRequest): Promise<Suggestion | null> => {
    return new Promise((resolve, reject) => {
      calls.push({
        request,
        answer: (text) => resolve(text === null ? null : suggestion(text)),
        fail: reject,
      });
    });
  };
  return { calls, suggest };
}

function setUp(
  options: Partial<AttachOptions> = {},
  field: HTMLTextAreaElement | HTMLInputElement = document.createElement('textarea'),
) {
  const source = scriptedSource();
  document.body.append(field);
  const attachment = attach(field, { source, fieldId: 'note', pauseMs: PAUSE_MS, ...options });
  attachments.push(attachment);
  field.focus();
  return { field, source, attachment };
}

function ghost(): string | null | undefined {
  return document.querySelector('[data-ghost]')?.textContent;
}

async function callNumber(source: ReturnType<typeof scriptedSource>, count: number): Promise<Call> {
  await expect.poll(() => source.calls.length).toBe(count);
  const call = source.calls[count - 1];
  if (call === undefined) throw new Error(`call ${count} is missing`);
  return call;
}

/** Types, answers the request that follows, and waits for the ghost. */
async function offer(
  source: ReturnType<typeof scriptedSource>,
  typed: string,
  text: string,
): Promise<void> {
  const count = source.calls.length;
  await userEvent.keyboard(typed);
  await expect.poll(() => source.calls.length).toBeGreaterThan(count);
  await expect.poll(() => source.calls.at(-1)?.request.before.endsWith(typed)).toBe(true);
  source.calls.at(-1)?.answer(text);
  await expect.poll(ghost).toBe(text);
}

/** Lets the pause go by, and what an answer sets in motion. */
async function pausePassed(pauseMs = PAUSE_MS): Promise<void> {
  await vi.advanceTimersByTimeAsync(pauseMs);
}

test('a pause in typing asks once and shows the answer outside the field', async () => {
  // Far longer than a busy machine takes from key to key.
  const { field, source } = setUp({ pauseMs: 5000 });
  await userEvent.keyboard('see you tom');
  expect([ghost(), source.calls.length]).toEqual(['', 0]);
  await pausePassed(5000);
  const call = await callNumber(source, 1);
  expect(call.request).toMatchObject({ before: 'see you tom', after: '', field: 'note' });
  call.answer('orrow ');
  await expect.poll(ghost).toBe('orrow ');
  expect(field.value).toBe('see you tom');
  expect(field.contains(document.querySelector('[data-ghost]'))).toBe(false);
});

test('Tab takes the ghost with its space as one undo step', async () => {
  const { field, source } = setUp();
  await offer(source, 'see you tom', 'orrow ');
  await userEvent.keyboard('{Tab}');
  expect(field.value).toBe('see you tomorrow ');
  expect(field.selectionStart).toBe('see you tomorrow '.length);
  expect(document.activeElement).toBe(field);
  await userEvent.keyboard('{Control>}z{/Control}');
  expect(field.value).toBe('see you tom');
  await userEvent.keyboard('{Control>}{Shift>}z{/Shift}{/Control}');
  expect(field.value).toBe('see you tomorrow ');
});

test('a ghost that has no room in a one-line field is not on offer', async () => {
  const field = document.createElement('input');
  field.style.width = '120px';
  const next = document.createElement('button');
  const { source, attachment } = setUp({}, field);
  document.body.append(next);
  await userEvent.keyboard('a text that is wider than the field');
  await expect.poll(() => source.calls.at(-1)?.request.before.endsWith('the field')).toBe(true);
  source.calls.at(-1)?.answer(' and nobody sees this ');
  await pausePassed();
  expect(ghost()).toBe('');
  expect(attachment.offered).toBe('');
  expect(attachment.accept()).toBe(false);
  await userEvent.keyboard('{Tab}');
  expect(field.value).toBe('a text that is wider than the field');
  expect(document.activeElement).toBe(next);
});

test('punctuation after an accepted word takes the place of the space that came with it', async () => {
  const { field, source } = setUp();
  await offer(source, 'see you tom', 'orrow ');
  await userEvent.keyboard('{Tab},');
  expect(field.value).toBe('see you tomorrow,');
  await userEvent.keyboard(' and');
  expect(field.value).toBe('see you tomorrow, and');
  await offer(source, ' th', 'en ');
  await userEvent.keyboard('{Tab}so.');
  expect(field.value).toBe('see you tomorrow, and then so.');
});

test('a button can take the ghost, once', async () => {
  const { field, source, attachment } = setUp();
  await offer(source, 'tom', 'orrow ');
  expect(attachment.offered).toBe('orrow ');
  expect(attachment.accept()).toBe(true);
  expect(attachment.accept()).toBe(false);
  expect(field.value).toBe('tomorrow ');
});

test('typing after an acceptance is another undo step', async () => {
  const { field, source } = setUp();
  await offer(source, 'tom', 'orrow ');
  await userEvent.keyboard('{Tab}');
  await userEvent.keyboard('at noon');
  await userEvent.keyboard('{Control>}z{/Control}');
  expect(field.value).toBe('tomorrow ');
  await userEvent.keyboard('{Control>}z{/Control}');
  expect(field.value).toBe('tom');
});

test('after an acceptance the next ghost is asked for', async () => {
  const { source } = setUp();
  await offer(source, 'tom', 'orrow ');
  await userEvent.keyboard('{Tab}');
  expect(ghost()).toBe('');
  await expect.poll(() => source.calls.at(-1)?.request.before).toBe('tomorrow ');
});

test('undo, delete and paste bring no ghost', async () => {
  const { field, source } = setUp();
  await offer(source, 'tom', 'orrow ');
  await userEvent.keyboard('{Backspace}');
  expect(ghost()).toBe('');
  const count = source.calls.length;
  await userEvent.keyboard('{Control>}z{/Control}');
  field.select();
  await userEvent.copy();
  await userEvent.keyboard('{End}');
  await userEvent.paste();
  await pausePassed();
  expect(field.value).toContain('tom');
  expect(source.calls.length).toBe(count);
  expect(ghost()).toBe('');
});

test('Escape drops the ghost, keeps the text and stays in the field', async () => {
  const { field, source } = setUp();
  const escapes = vi.fn();
  document.body.addEventListener('keydown', escapes, { once: true });
  await offer(source, 'tom', 'orrow ');
  escapes.mockClear();
  await userEvent.keyboard('{Escape}');
  expect(ghost()).toBe('');
  expect(field.value).toBe('tom');
  expect(document.activeElement).toBe(field);
  const asked = source.calls.length;
  await userEvent.keyboard('o');
  (await callNumber(source, asked + 1)).answer('rrow ');
  await pausePassed();
  expect(ghost()).toBe('');
});

test('Tab moves the focus when no ghost shows', async () => {
  const { field, source } = setUp();
  const next = document.createElement('button');
  field.after(next);
  await userEvent.keyboard('tom');
  (await callNumber(source, source.calls.length || 1)).answer(null);
  await userEvent.keyboard('{Tab}');
  expect(document.activeElement).toBe(next);
  expect(field.value).toBe('tom');
});

test('Shift+Tab leaves the field even while a ghost shows', async () => {
  const { field, source } = setUp();
  const previous = document.createElement('button');
  field.before(previous);
  await offer(source, 'tom', 'orrow ');
  await userEvent.keyboard('{Shift>}{Tab}{/Shift}');
  expect(document.activeElement).toBe(previous);
  expect(field.value).toBe('tom');
  expect(ghost()).toBe('');
});

test('typing along shrinks the ghost without another request', async () => {
  const { source } = setUp();
  await offer(source, 'tom', 'orrow ');
  const count = source.calls.length;
  await userEvent.keyboard('or');
  expect(ghost()).toBe('row ');
  await pausePassed();
  expect(source.calls.length).toBe(count);
  await userEvent.keyboard('x');
  expect(ghost()).toBe('');
  await callNumber(source, count + 1);
});

test('a late answer to an older text never shows and its request is aborted', async () => {
  const { source } = setUp({ pauseMs: 0 });
  await userEvent.keyboard('to');
  await expect.poll(() => source.calls.length).toBeGreaterThan(0);
  const older = [...source.calls];
  await userEvent.keyboard('m');
  const newer = await callNumber(source, source.calls.length || 1);
  await expect.poll(() => source.calls.at(-1)?.request.before).toBe('tom');
  for (const call of older) {
    expect(call.request.signal?.aborted).toBe(true);
    call.answer('STALE ');
  }
  await pausePassed();
  expect(ghost()).toBe('');
  expect(newer).toBeDefined();
  source.calls.at(-1)?.answer('orrow ');
  await expect.poll(ghost).toBe('orrow ');
});

test('an answer that arrives after the caret moved away never shows', async () => {
  const { source } = setUp();
  await userEvent.keyboard('one tom');
  await expect.poll(() => source.calls.at(-1)?.request.before).toBe('one tom');
  await userEvent.keyboard('{Home}');
  source.calls.at(-1)?.answer('orrow ');
  await pausePassed();
  expect(ghost()).toBe('');
  expect(source.calls.at(-1)?.request.signal?.aborted).toBe(true);
});

test('moving the caret, selecting and leaving the field clear the ghost', async () => {
  const { field, source } = setUp();
  await offer(source, 'tom', 'orrow ');
  await userEvent.keyboard('{ArrowLeft}');
  await expect.poll(ghost).toBe('');
  await userEvent.keyboard('{End}');
  await offer(source, 'x', 'yz ');
  await userEvent.keyboard('{Shift>}{Home}{/Shift}');
  await expect.poll(ghost).toBe('');
  await userEvent.keyboard('{End}');
  await offer(source, 'y', 'z ');
  field.blur();
  expect(ghost()).toBe('');
});

test('nothing is asked while text follows on the same line', async () => {
  const { field, source } = setUp();
  field.value = 'word';
  field.setSelectionRange(2, 2);
  await userEvent.keyboard('x');
  await pausePassed();
  expect(field.value).toBe('woxrd');
  expect(source.calls.length).toBe(0);
});

test('a change by script is not overwritten by an old ghost', async () => {
  const { field, source } = setUp();
  await offer(source, 'tom', 'orrow ');
  field.value = 'sent';
  await userEvent.keyboard('{Tab}');
  expect(field.value).toBe('sent');
  expect(ghost()).toBe('');
});

test('composition is silent and clears the ghost', async () => {
  const { field, source } = setUp();
  await offer(source, 'tom', 'orrow ');
  const count = source.calls.length;
  const keyboard: Keyboard = cdp();
  const composing = { selectionStart: 2, selectionEnd: 2, text: 'ni' };
  await keyboard.send('Input.imeSetComposition', composing);
  await expect.poll(() => field.value).toBe('tomni');
  expect(ghost()).toBe('');
  await pausePassed();
  expect(source.calls.length).toBe(count);
  await keyboard.send('Input.insertText', { text: '你' });
  await expect.poll(() => field.value).toBe('tom你');
  await expect.poll(() => source.calls.at(-1)?.request.before).toBe('tom你');
});

test('a failing source is reported once and shows nothing', async () => {
  const onError = vi.fn();
  const { source } = setUp({ onError });
  await userEvent.keyboard('t');
  (await callNumber(source, 1)).fail(new Error('engine stopped'));
  await expect.poll(() => onError.mock.calls.length).toBe(1);
  expect(ghost()).toBe('');
});

test('markup in an answer stays text', async () => {
  const field = Object.assign(document.createElement('textarea'), { cols: 60 });
  const { source } = setUp({}, field);
  const text = '<img src=x onerror="document.title=1"> ';
  await offer(source, 'a', text);
  expect(document.querySelector('[data-ghost] img')).toBeNull();
  expect(ghost()).toBe(text);
});

test('screen readers hear the offer once, politely, and the ghost itself is hidden from them', async () => {
  const { source } = setUp();
  await offer(source, 'tom', 'orrow ');
  const live = document.querySelector('[aria-live="polite"]');
  await expect
    .poll(() => live?.textContent, { timeout: 3000 })
    .toBe('Suggestion: orrow. Press Tab to insert.');
  expect(document.querySelector('[data-ghost]')?.closest('[aria-hidden="true"]')).not.toBeNull();
});

test('the ghost stands at the caret, on the same line of text', async () => {
  const field = document.createElement('textarea');
  field.style.cssText =
    'font: 20px/1.6 monospace; padding: 13px 17px; border: 3px solid; width: 400px; height: 160px; margin: 40px';
  const { source } = setUp({}, field);
  await offer(source, 'ab', 'cd ');
  const rect = document.querySelector('[data-ghost]')?.getBoundingClientRect();
  const box = field.getBoundingClientRect();
  const letter = measureLetter();
  expect(Math.abs((rect?.left ?? 0) - (box.left + 3 + 17 + 2 * letter))).toBeLessThan(1.5);
  const middle = box.top + 3 + 13 + 16;
  expect(Math.abs(((rect?.top ?? 0) + (rect?.bottom ?? 0)) / 2 - middle)).toBeLessThan(2.5);
});

test('works in a one-line input', async () => {
  const input = document.createElement('input');
  const { field, source } = setUp({}, input);
  await offer(source, 'tom', 'orrow ');
  await userEvent.keyboard('{Tab}');
  expect(field.value).toBe('tomorrow ');
});

test('offers nothing that would exceed maxlength', async () => {
  const field = document.createElement('textarea');
  field.maxLength = 5;
  const { source } = setUp({}, field);
  await userEvent.keyboard('tom');
  await expect.poll(() => source.calls.at(-1)?.request.before).toBe('tom');
  source.calls.at(-1)?.answer('orrow ');
  await pausePassed();
  expect(ghost()).toBe('');
});

test.each([
  ['password', { type: 'password' }],
  ['email', { type: 'email' }],
  ['one-time code', { autocomplete: 'one-time-code' }],
  ['card number', { autocomplete: 'section-a cc-number' }],
  ['number', { inputMode: 'numeric' }],
])('refuses a field that must not be read: %s', (_name, properties) => {
  const input = Object.assign(document.createElement('input'), properties);
  document.body.append(input);
  expect(() => attach(input, { source: scriptedSource() })).toThrow(PolicyError);
  expect(document.querySelector('[data-ghost]')).toBeNull();
});

test('refuses a field inside data-private', () => {
  document.body.innerHTML = '<div data-private><textarea></textarea></div>';
  const field = document.querySelector('textarea');
  expect(() => attach(field!, { source: scriptedSource() })).toThrow(/private/);
});

test('stays silent in a field that turned read-only, and never asks for a password', async () => {
  const input = document.createElement('input');
  const { source } = setUp({ pauseMs: 60 }, input);
  await userEvent.keyboard('abc');
  input.type = 'password';
  await pausePassed(60);
  expect(source.calls.length).toBe(0);
});

test('wrong arguments show the right call', () => {
  const field = document.createElement('div') as unknown as HTMLTextAreaElement;
  expect(() => attach(field, { source: scriptedSource() })).toThrow(
    /attach\(field, \{ source \}\)/,
  );
  const textarea = document.createElement('textarea');
  expect(() => attach(textarea, {} as AttachOptions)).toThrow(TypeError);
});

test('detach leaves the field and the page as they were', async () => {
  const before = document.body.childElementCount;
  const { field, source, attachment } = setUp();
  await offer(source, 'tom', 'orrow ');
  attachment.detach();
  attachment.detach();
  expect(document.querySelector('[data-ghost]')).toBeNull();
  expect(document.body.childElementCount).toBe(before + 1);
  expect(field.hasAttribute('writingsuggestions')).toBe(false);
  const count = source.calls.length;
  await userEvent.keyboard('x');
  await pausePassed();
  expect(source.calls.length).toBe(count);
});

function measureLetter(): number {
  const span = document.createElement('span');
  span.style.font = '20px/1.6 monospace';
  span.textContent = 'a'.repeat(100);
  document.body.append(span);
  const width = span.getBoundingClientRect().width / 100;
  span.remove();
  return width;
}
