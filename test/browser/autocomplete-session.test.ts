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
