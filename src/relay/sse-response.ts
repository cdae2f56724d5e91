import type { ChatChunk } from './chat-answer.ts';
import { toErrorBody, toRelayError } from './relay-error.ts';
import type { RelayError } from './relay-error.ts';

export interface StreamOutcome {
  /** `complete` = ended with `[DONE]`; `left` = the reader went away first. */
  readonly status: 'complete' | 'cut' | 'left';
  readonly error: RelayError | null;
}

export interface ChunkStream {
  readonly chunks: AsyncGenerator<ChatChunk, void, void>;
  /** Stops the upstream; called when the reader leaves, before the generator is told. */
  abort(reason: unknown): void;
  /** Called once, however it ended. */
  onEnd(outcome: StreamOutcome): void;
}

/**
 * Writes chunks as server-sent events. Only a complete answer ends with `[DONE]`; a stream that was
 * cut ends without it, any other failure with an `error` event, so that no client can take half an
 * answer for a whole one.
 */
export function toEventStream(source: ChunkStream): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const event = (data: string): Uint8Array => encoder.encode(`data: ${data}\n\n`);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await source.chunks.next();
        if (!done) return controller.enqueue(event(JSON.stringify(value)));
        controller.enqueue(event('[DONE]'));
        controller.close();
        source.onEnd({ status: 'complete', error: null });
      } catch (thrown) {
        const error = toRelayError(thrown);
        if (error.code !== 'upstream-cut') {
          controller.enqueue(event(JSON.stringify(toErrorBody(error))));
        }
        controller.close();
        source.onEnd({ status: 'cut', error });
      }
    },
    async cancel(reason) {
      source.abort(reason);
      source.onEnd({ status: 'left', error: null });
      await source.chunks.return();
    },
  });
}

/**
 * Waits for the first value, so that a failure before it can still become an HTTP status. The
 * generator given back begins with that value.
 */
export async function withFirst<Value>(
  values: AsyncGenerator<Value, void, void>,
): Promise<AsyncGenerator<Value, void, void>> {
  const first = await values.next();
  return resume(first, values);
}

async function* resume<Value>(
  first: IteratorResult<Value, void>,
  rest: AsyncGenerator<Value, void, void>,
): AsyncGenerator<Value, void, void> {
  try {
    if (!first.done) yield first.value;
    yield* rest;
  } finally {
    // A reader that leaves at the first value never reached `yield*`.
    await rest.return();
  }
}
