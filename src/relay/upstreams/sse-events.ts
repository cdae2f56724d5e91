import { createParser } from 'eventsource-parser';

import { upstreamFault } from '../relay-error.ts';

/** Longest event or line an upstream may send, in characters: a thousand times a usual one. */
const MAX_EVENT_CHARACTERS = 1_048_576;

/** Told when the relay waits for the network, so that a slow reader is no silent upstream. */
export interface ReadWatch {
  onBytes(): void;
  onWait(): void;
}

/**
 * The `data` of each server-sent event, wherever the network cut the bytes.
 * @throws RelayError `upstream-bad-response` when one event grows past 1 MiB
 */
export async function* readEventData(
  body: ReadableStream<Uint8Array>,
  watch: ReadWatch,
): AsyncGenerator<string, void, void> {
  const ready: string[] = [];
  let isFlooded = false;
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARACTERS,
    onEvent: (event) => ready.push(event.data),
    onError: (error) => {
      isFlooded ||= error.type === 'max-buffer-size-exceeded';
    },
  });
  const decoder = new TextDecoder();
  for await (const bytes of body) {
    watch.onBytes();
    parser.feed(decoder.decode(bytes, { stream: true }));
    yield* ready.splice(0);
    if (isFlooded) throw upstreamFault('upstream-bad-response', FLOOD_MESSAGE);
    watch.onWait();
  }
}

const FLOOD_MESSAGE = 'The upstream sent an endless event. The stream was closed.';
