import { afterEach, expect, test, vi } from 'vitest';
import { userEvent } from 'vitest/browser';

import { attach, type Attachment } from '../../src/autocomplete/index.ts';
import type { SuggestionRequest, SuggestionSource } from '../../src/types.ts';

/** Longer than any test: what comes before the end of a pause stands still. */
const LONG_PAUSE_MS = 3_600_000;

const attachments: Attachment[] = [];

afterEach(() => {
  for (const attachment of attachments.splice(0)) attachment.detach();
  document.body.replaceChildren();
});

function setUp({ pauseMs = LONG_PAUSE_MS, prepare = async (): Promise<void> => {} } = {}) {
  const prepared: SuggestionRequest[] = [];
  const suggested: SuggestionRequest[] = [];
  const source: SuggestionSource = {
    async suggest(request) {
      suggested.push(request);
      const confidence = { value: 0.8, calibrationId: 'uncalibrated' } as const;
      return { text: 'orrow ', confidence, tier: 'device' };
    },
    prepare(request) {
      prepared.push(request);
      return prepare();
    },
  };
  const field = document.createElement('textarea');
  field.style.width = '500px';
  document.body.append(field);
  const onError = vi.fn<(error: unknown) => void>();
  const attachment = attach(field, { source, fieldId: 'note', pauseMs, onError });
  attachments.push(attachment);
  field.focus();
  return { field, attachment, prepared, suggested, onError };
}

test('the source gets ready with the key, not after the pause, and the next key ends it', async () => {
  const { prepared, suggested } = setUp();
  await userEvent.keyboard('to');
  expect(prepared.map(({ before }) => before)).toEqual(['t', 'to']);
  expect(prepared[0]).toMatchObject({ after: '', field: 'note' });
  expect(prepared.map(({ signal }) => signal?.aborted)).toEqual([true, false]);
  expect(suggested).toHaveLength(0);
});

test('after the pause it is asked for the same text, and a later key ends that', async () => {
  const { attachment, prepared, suggested } = setUp({ pauseMs: 5 });
  await userEvent.keyboard('tom');
  await expect.poll(() => attachment.offered).toBe('orrow ');
  expect(suggested.at(-1)).toEqual(prepared.at(-1));
  const before = prepared.length;
  // Along the ghost nothing has to be asked.
  await userEvent.keyboard('o');
  expect(attachment.offered).toBe('rrow ');
  expect(prepared).toHaveLength(before);
  await userEvent.keyboard('x');
  expect(prepared).toHaveLength(before + 1);
});

test('nothing is read where no ghost may stand', async () => {
  const { field, prepared } = setUp();
  field.value = 'a line';
  field.setSelectionRange(2, 2);
  await userEvent.keyboard('x');
  field.readOnly = true;
  field.setSelectionRange(field.value.length, field.value.length);
  field.dispatchEvent(new InputEvent('input', { inputType: 'insertText', data: 'y' }));
  expect(prepared).toHaveLength(0);
});

test('the source gets ready no more once the field is left', async () => {
  const { field, prepared } = setUp();
  await userEvent.keyboard('t');
  field.blur();
  expect(prepared.map(({ signal }) => signal?.aborted)).toEqual([true]);
});

test.each([
  ['rejects', () => Promise.reject(new Error('not now'))],
  [
    'throws',
    () => {
      throw new Error('not now');
    },
  ],
])('a source that %s while it gets ready is asked all the same', async (_how, prepare) => {
  const { attachment, onError } = setUp({ pauseMs: 5, prepare });
  await userEvent.keyboard('tom');
  await expect.poll(() => attachment.offered).toBe('orrow ');
  expect(onError).not.toHaveBeenCalled();
});
