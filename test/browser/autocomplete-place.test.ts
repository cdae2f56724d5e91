import { afterEach, expect, test } from 'vitest';
import { userEvent } from 'vitest/browser';

import { attach, type Attachment } from '../../src/autocomplete/index.ts';

const attachments: Attachment[] = [];

afterEach(() => {
  for (const attachment of attachments.splice(0)) attachment.detach();
  document.body.replaceChildren();
});

/** A focused text area whose source always answers with `text`, and the answers it gave. */
function setUp(style: string, text: string) {
  const field = document.createElement('textarea');
  field.style.cssText = style;
  document.body.append(field);
  const answered: string[] = [];
  const source = {
    suggest: async ({ before }: { readonly before: string }) => {
      answered.push(before);
      return { text, confidence: { value: 0.8, calibrationId: 'uncalibrated' }, tier: 'device' };
    },
  };
  const attachment = attach(field, { source, pauseMs: 5 });
  attachments.push(attachment);
  field.focus();
  return { field, attachment, answered };
}

test.each([
  ['no padding', '0', '16px/20px'],
  ['padding that the text scrolls through', '24px', '16px/20px'],
  ['a high line', '12px', '16px/32px'],
  ['a low line', '0', '16px/16px'],
])('a ghost on the last line of a scrolled text is on offer: %s', async (_name, padding, font) => {
  const style = `width: 300px; height: 90px; padding: ${padding}; font: ${font} monospace`;
  const { field, attachment } = setUp(style, 'orrow ');
  // Typed, not set: a caret that a key moves out of view is scrolled just into it.
  await userEvent.keyboard('{Enter}'.repeat(8));
  await userEvent.keyboard('m');
  await expect.poll(() => attachment.offered).toBe('orrow ');
  expect(field.scrollTop).toBeGreaterThan(0);
});

test('a ghost that would wrap below the last line in view is not on offer', async () => {
  const style = 'width: 200px; height: 60px; padding: 0; font: 16px/20px monospace';
  const { field, attachment, answered } = setUp(style, 'omorrow ');
  const next = document.createElement('button');
  document.body.append(next);
  field.value = `${'line\n'.repeat(6)}four more words `;
  field.setSelectionRange(field.value.length, field.value.length);
  await userEvent.keyboard('t');
  await expect.poll(() => answered).toHaveLength(1);
  expect(attachment.offered).toBe('');
  expect(document.querySelector('[data-ghost]')?.textContent).toBe('');
  await userEvent.keyboard('{Tab}');
  expect(field.value).toMatch(/words t$/);
  expect(document.activeElement).toBe(next);
});

test('a ghost that wraps to another line in view is on offer', async () => {
  const style = 'width: 200px; height: 60px; padding: 0; font: 16px/20px monospace';
  const { field, attachment } = setUp(style, 'omorrow ');
  field.value = 'four more words ';
  field.setSelectionRange(field.value.length, field.value.length);
  await userEvent.keyboard('t');
  await expect.poll(() => attachment.offered).toBe('omorrow ');
});
