import type { ChatChunk, ChatCompletion } from '../chat-answer.ts';
import type { ChatRequest } from '../chat-request.ts';

export interface UpstreamCall {
  readonly signal: AbortSignal;
}

/** Something that can answer a chat request: a provider, or our engine. */
export interface Upstream {
  readonly id: string;
  readonly kind: 'openai' | 'local';
  /** The whole answer. */
  complete(request: ChatRequest, call: UpstreamCall): Promise<ChatCompletion>;
  /**
   * The answer in pieces. Ends normally only when the answer is complete; throws `RelayError`
   * `upstream-cut` when the stream broke off. Abort throws the signal's reason.
   */
  stream(request: ChatRequest, call: UpstreamCall): AsyncGenerator<ChatChunk, void, void>;
  close(): Promise<void>;
}
