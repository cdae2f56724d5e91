import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { readEventData } from '../../../src/relay/upstreams/sse-events.ts';
import { QUESTION, ask, eventsOf, openRelay } from './ask-relay.ts';
import { answerChunks, toEvents } from './scripted-upstream.ts';

const RECORDED = answerChunks(['Grüß ', 'dich, ', '日本語 ', '👩‍🚀', '\n\ndata: x\r\n']);
// All three line endings, comments, a byte order mark and events that are not messages.
const BODY = `\uFEFF: hello\n\n${toEvents(RECORDED.slice(0, 3), '')}event: ping\r\n\r\n: keep-alive\r${toEvents(
  RECORDED.slice(3),
).replaceAll('\n\n', '\r\n\r\n')}`;
const BYTES = new TextEncoder().encode(BODY);
const WHOLE = [...RECORDED.map((chunk) => JSON.stringify(chunk)), '[DONE]'];

function streamOf(pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}

function cutAt(cuts: readonly number[]): Uint8Array[] {
  const edges = [0, ...cuts.toSorted((a, b) => a - b), BYTES.length];
  return edges.slice(1).map((end, index) => BYTES.slice(edges[index], end));
}

async function readAll(pieces: readonly Uint8Array[]): Promise<string[]> {
  const watch = { onBytes: () => undefined, onWait: () => undefined };
  const events: string[] = [];
  for await (const data of readEventData(streamOf(pieces), watch)) events.push(data);
  return events;
}

describe('readEventData', () => {
  test('gives the same events wherever one cut falls', async () => {
    for (let cut = 0; cut <= BYTES.length; cut += 1) {
      expect(await readAll(cutAt([cut])), `cut at ${cut}`).toEqual(WHOLE);
    }
  });

  test('gives the same events for any set of cuts', async () => {
    const cuts = fc.array(fc.integer({ min: 0, max: BYTES.length }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(cuts, async (places) => {
        expect(await readAll(cutAt(places))).toEqual(WHOLE);
      }),
      { numRuns: 500, seed: 20_261_124 },
    );
  });
});

test('a stream that arrives byte by byte passes through the relay unchanged', async () => {
  const bytewise = async (): Promise<Response> =>
    new Response(streamOf([...BYTES].map((byte) => Uint8Array.of(byte))), {
      headers: { 'content-type': 'text/event-stream' },
    });
  const relay = openRelay('http://upstream.test/v1', {}, { fetch: bytewise });
  const events = await eventsOf(await ask(relay, { ...QUESTION, stream: true }));
  const mark = { edgewise: { kind: 'openai' } };
  expect(events.at(-1)).toBe('[DONE]');
  expect(events.slice(0, -1).map((data) => JSON.parse(data))).toEqual(
    RECORDED.map((chunk) => ({ ...chunk, ...mark })),
  );
});
