import { afterEach, expect, test } from 'vitest';
import { userEvent } from 'vitest/browser';

import { attach, type Attachment } from '../../src/autocomplete/index.ts';
import type { WrittenText } from '../../src/types.ts';

const attachments: Attachment[] = [];

afterEach(() => {
  for (const attachment of attachments.splice(0)) attachment.detach();
  document.body.replaceChildren();
});

function setUp(html = '<form><textarea></textarea><button type="button">Away</button></form>') {
  document.body.innerHTML = html;
  const field = document.querySelector<HTMLTextAreaElement | HTMLInputElement>('textarea, input')!;
  const written: WrittenText[] = [];
  const source = {
    suggest: () => Promise.resolve(null),
    learn: (text: WrittenText) => {
      written.push(text);
    },
  };
  attachments.push(attach(field, { source, fieldId: 'note' }));
  field.focus();
  return { field, written };
}

test('a text is told when the person leaves the field', async () => {
  const { field, written } = setUp();
  await userEvent.keyboard('See you tomorrow');
  expect(written).toEqual([]);
  field.blur();
  expect(written).toEqual([{ text: 'See you tomorrow', previous: '', field: 'note' }]);
});

test('a text that goes on names the one it replaces', async () => {
  const { field, written } = setUp();
  await userEvent.keyboard('See you');
  field.blur();
  field.focus();
  await userEvent.keyboard(' soon');
  field.blur();
  expect(written[1]).toEqual({ text: 'See you soon', previous: 'See you', field: 'note' });
});

test('nothing is told twice, and nothing when nothing was typed', () => {
  const { field, written } = setUp();
  field.value = 'put there by the page';
  field.blur();
  field.focus();
  field.blur();
  expect(written).toEqual([]);
});

test('what stood in the field before is named, so that it is not taken for writing', async () => {
  const { field, written } = setUp('<textarea>Dear team,\n</textarea>');
  field.setSelectionRange(field.value.length, field.value.length);
  await userEvent.keyboard('see below');
  field.blur();
  expect(written[0]).toMatchObject({ text: 'Dear team,\nsee below', previous: 'Dear team,\n' });
});

test('a sent form ends the text, and the next one stands alone', async () => {
  const { field, written } = setUp();
  await userEvent.keyboard('first message');
  field.form!.addEventListener('submit', (event) => event.preventDefault());
  field.form!.requestSubmit();
  field.value = '';
  await userEvent.keyboard('second message');
  field.blur();
  expect(written.map(({ text, previous }) => [text, previous])).toEqual([
    ['first message', ''],
    ['second message', ''],
  ]);
});

test('a page that empties the field on Enter ends the text too', async () => {
  const { field, written } = setUp();
  field.addEventListener('keydown', (event) => {
    if ((event as KeyboardEvent).key !== 'Enter') return;
    event.preventDefault();
    field.value = '';
  });
  await userEvent.keyboard('hello there{Enter}');
  expect(written).toEqual([{ text: 'hello there', previous: '', field: 'note' }]);
});

test('a field that turned secret tells nothing', async () => {
  const { field, written } = setUp('<input type="text">');
  await userEvent.keyboard('my pass phrase');
  (field as HTMLInputElement).type = 'password';
  field.blur();
  expect(written).toEqual([]);
});

test('a secret that is shown again is still a secret', async () => {
  const { field, written } = setUp('<input type="text">');
  (field as HTMLInputElement).type = 'password';
  await userEvent.keyboard('open sesame');
  (field as HTMLInputElement).type = 'text';
  field.blur();
  await userEvent.click(field);
  await userEvent.keyboard(' and more');
  field.blur();
  expect(written).toEqual([]);
});

test('detaching tells what was typed last', async () => {
  const { written } = setUp();
  await userEvent.keyboard('last words');
  for (const attachment of attachments.splice(0)) attachment.detach();
  expect(written).toHaveLength(1);
});
