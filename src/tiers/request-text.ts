import type { RequestInput } from '../types.ts';

/** The text of an input, for tiers that read one text: of a chat what the person said last. */
export function textOfInput(input: RequestInput): string {
  switch (input.kind) {
    case 'text':
      return input.text;
    case 'prefix':
      return input.before + (input.after ?? '');
    case 'messages':
      return input.messages.findLast(({ role }) => role === 'user')?.content ?? '';
  }
}
