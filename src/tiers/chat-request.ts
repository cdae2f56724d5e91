import type { Message, Request, RequestInput } from '../types.ts';

/** Tokens asked for when the request does not say; the default of `Request.maxTokens`. */
const DEFAULT_MAX_TOKENS = 256;
const DEFAULT_COMPLETION_TOKENS = 16;
/** OpenAI's own limit; more stop strings are refused there. */
const MAX_STOPS = 4;
/** The best and the second best: enough for the margin. */
const TOP_LOGPROBS = 2;
/** Sent to a language model, never shown to a person. */
const CONTINUE = 'Continue the text exactly where it stops. Answer with the continuation only.';
const FILL_IN =
  'Fill in the text at <caret/>. Answer with the missing text only. Write nothing that is already there.';

export interface ChatBodyOptions {
  readonly model: string;
  /** Asks for log-probabilities; endpoints that do not know them may refuse. */
  readonly withLogprobs: boolean;
}

/** A chat completion in OpenAI's shape. Sampling settings that shape lacks are left out. */
export function makeChatBody(request: Request, options: ChatBodyOptions): Record<string, unknown> {
  const { sampling, stop } = request;
  const body: Record<string, unknown> = {
    model: options.model,
    messages: toMessages(request.input),
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: request.maxTokens ?? defaultMaxTokens(request),
    temperature: sampling?.temperature,
    top_p: sampling?.topP,
    seed: sampling?.seed,
    stop: stop === undefined || stop.length === 0 ? undefined : stop.slice(0, MAX_STOPS),
  };
  if (options.withLogprobs) Object.assign(body, { logprobs: true, top_logprobs: TOP_LOGPROBS });
  return body;
}

function defaultMaxTokens(request: Request): number {
  return request.task === 'complete' ? DEFAULT_COMPLETION_TOKENS : DEFAULT_MAX_TOKENS;
}

function toMessages(input: RequestInput): readonly Message[] {
  switch (input.kind) {
    case 'messages':
      return input.messages.map(({ role, content }) => ({ role, content }));
    case 'text':
      return [{ role: 'user', content: input.text }];
    case 'prefix': {
      const { before, after = '' } = input;
      const isAtEnd = after === '';
      return [
        { role: 'system', content: isAtEnd ? CONTINUE : FILL_IN },
        { role: 'user', content: isAtEnd ? before : `${before}<caret/>${after}` },
      ];
    }
  }
}
