import { expect, test } from 'vitest';
import { userEvent } from 'vitest/browser';

import { attach } from '../../src/autocomplete/index.ts';
import type { SuggestionRequest } from '../../src/types.ts';

test('two fields of one name are two sessions', async () => {
  const names: string[] = [];
  const source = {
    suggest: async ({ field }: SuggestionRequest) => {
      names.push(field);
      return null;
    },
  };
  for (const text of ['a', 'b']) {
    const field = document.createElement('textarea');
    field.name = 'message';
    document.body.append(field);
    attach(field, { source, pauseMs: 5 });
    field.focus();
    await userEvent.keyboard(text);
    await expect.poll(() => names.length).toBeGreaterThan(text === 'a' ? 0 : 1);
  }
  expect(new Set(names).size).toBe(2);
});

test('a ghost that goes away by itself says so, one that is taken does not', async () => {
  const events: string[] = [];
  const field = document.createElement('textarea');
  document.body.append(field);
  const source = {
    suggest: async () => ({
      text: 'orrow ',
      confidence: { value: 0.8, calibrationId: 'uncalibrated' },
      tier: 'device',
    }),
  };
  attach(field, { source, pauseMs: 5, onGhost: ({ type }) => events.push(type) });
  field.focus();
  // One key, so that no pause falls between two.
  await userEvent.keyboard('m');
  await expect.poll(() => events).toEqual(['shown']);
  await userEvent.keyboard('{Backspace}');
  expect(events).toEqual(['shown', 'withdrawn']);
  await userEvent.keyboard('m');
  await expect.poll(() => events).toEqual(['shown', 'withdrawn', 'shown']);
  await userEvent.keyboard('{Tab}');
  expect(events.slice(0, 4)).toEqual(['shown', 'withdrawn', 'shown', 'accepted']);
});

test('a ghost that is scrolled out of its field is withdrawn, and shown again with it', async () => {
  const events: string[] = [];
  const field = document.createElement('textarea');
  field.style.cssText = 'height: 60px; font: 16px/20px monospace';
  field.value = '\n'.repeat(20);
  document.body.append(field);
  const source = {
    suggest: async () => ({
      text: 'orrow ',
      confidence: { value: 0.8, calibrationId: 'uncalibrated' },
      tier: 'device',
    }),
  };
  const attachment = attach(field, {
    source,
    pauseMs: 5,
    onGhost: ({ type }) => events.push(type),
  });
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
  // One key, so that no pause falls between two.
  await userEvent.keyboard('m');
  await expect.poll(() => events).toEqual(['shown']);
  field.scrollTop = 0;
  await expect.poll(() => events).toEqual(['shown', 'withdrawn']);
  expect(attachment.offered).toBe('');
  expect(attachment.accept()).toBe(false);
  field.scrollTop = field.scrollHeight;
  await expect.poll(() => events).toEqual(['shown', 'withdrawn', 'shown']);
  expect(attachment.offered).toBe('orrow ');
  attachment.detach();
});
