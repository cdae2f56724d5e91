import type { Message, Request } from '../types.ts';

/** Asks the tier above to go on. Sent to a language model, never shown to a person. */
const CONTINUE_INSTRUCTION =
  'Continue your last message exactly where it stops. Do not repeat any of it.';

/**
 * The request for the tier above, with the text the person has already seen. Completion of a prefix
 * goes on after it; anything else becomes a chat whose last answer is the draft.
 */
export function withDraft(request: Request, draft: string): Request {
  const { input } = request;
  if (draft === '') return request;
  if (input.kind === 'prefix') {
    return { ...request, input: { ...input, before: input.before + draft } };
  }
  const asked: readonly Message[] =
    input.kind === 'messages' ? input.messages : [{ role: 'user', content: input.text }];
  const messages: readonly Message[] = [
    ...asked,
    { role: 'assistant', content: draft },
    { role: 'user', content: CONTINUE_INSTRUCTION },
  ];
  return { ...request, input: { kind: 'messages', messages } };
}
