import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { NetworkError } from '../../../src/errors.ts';
import type { Tier, TierEvent } from '../../../src/types.ts';
import { collect, finishOf, textOf } from '../../contract/tier.contract.ts';
import { chunkOf, eventOf, openStream, streamOf } from '../../helpers/scripted-server.ts';
import { describeDeeply, failureOf, request, SECRET, useScriptedServer } from './remote-fixture.ts';

const WORDS = ['Grüße', ' aus', ' 東京', ' 👩‍👩‍👧', ' [DONE]', ' "data: [DONE]\n\n"'];

const fixture = useScriptedServer();
const { openTier, playEvents } = fixture;

/** A tier whose endpoint sends exactly these pieces. */
function openPieces(pieces: readonly Uint8Array[]): Tier {
  const body = (): ReadableStream<Uint8Array> =>
    new ReadableStream({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        controller.close();
      },
    });
  const headers = { 'content-type': 'text/event-stream' };
  return openTier({ fetch: async () => new Response(body(), { headers }) });
}

describe('The stream of a remote tier', () => {
  const encoder = new TextEncoder();

  it.each([
    ['LF', '\n'],
    ['CR', '\r'],
    ['CRLF', '\r\n'],
  ])('reads the same whatever the cut, with %s', async (_, newline) => {
    const bytes = encoder.encode(streamOf(['Grüße ', '👩‍👩‍👧', ' 東京'], newline));
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const events = await collect(openPieces([bytes.slice(0, cut), bytes.slice(cut)]), request);
      expect(textOf(events)).toBe('Grüße 👩‍👩‍👧 東京');
      expect(finishOf(events).reason).toBe('stop');
    }
  });

  it('reads the same in any split, with or without a byte order mark', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 40 }),
      fc.constantFrom('\n', '\r', '\r\n'),
      fc.boolean(),
      async (sizes, newline, hasMark) => {
        const stream = encoder.encode(
          `${hasMark ? '\uFEFF' : ''}: hello${newline}${streamOf(WORDS, newline)}`,
        );
        const events = await collect(openPieces(splitBy(stream, sizes)), request);
        expect(textOf(events)).toBe(WORDS.join(''));
        expect(finishOf(events).receipt.outputTokens).toBe(WORDS.length);
      },
    );
    await fc.assert(property, { numRuns: 150 });
  });

  it('is truncated when it ends without saying so, wherever it is cut', async () => {
    const whole = `${eventOf(chunkOf('one '))}${eventOf(chunkOf('two'))}`;
    const bytes = encoder.encode(whole + eventOf(chunkOf('', 'stop')));
    const first = encoder.encode(eventOf(chunkOf('one '))).length;
    const end = encoder.encode(whole).length;
    for (let cut = first; cut <= end; cut += 1) {
      const events = await collect(openPieces([bytes.slice(0, cut)]), request);
      expect(finishOf(events).reason).toBe('truncated');
      expect('one two'.startsWith(textOf(events))).toBe(true);
    }
  });

  it('is truncated when the connection is reset', async () => {
    fixture.server.play((response) => {
      openStream(response);
      response.write(eventOf(chunkOf('half')), () => response.destroy());
    });
    const events = await collect(openTier(), request);
    expect(textOf(events)).toBe('half');
    expect(finishOf(events).reason).toBe('truncated');
  });

  it('fails as cut when nothing came at all', async () => {
    playEvents();
    expect(await failureOf(openTier())).toMatchObject({ code: 'truncated', isRetryable: true });
  });

  it('takes an unknown finish reason for a cut, a known one as it is', async () => {
    const reasons = ['stop', 'length', 'tool_calls', 'made_up'];
    const seen: string[] = [];
    for (const reason of reasons) {
      playEvents(chunkOf('x', reason), '[DONE]');
      seen.push(finishOf(await collect(openTier(), request)).reason);
    }
    expect(seen).toEqual(['stop', 'length', 'stop', 'truncated']);
  });

  it('does not take a forged end marker inside the text for the end', async () => {
    playEvents(chunkOf('[DONE]'), chunkOf('data: [DONE]\n\n'));
    const events = await collect(openTier(), request);
    expect(textOf(events)).toBe('[DONE]data: [DONE]\n\n');
    expect(finishOf(events).reason).toBe('truncated');
  });

  it('throws after the text so far when the server reports an error', async () => {
    const error = { message: `cannot do ${SECRET}`, type: 'server_error', code: 'overloaded' };
    playEvents(chunkOf('part'), JSON.stringify({ error }));
    const events: TierEvent[] = [];
    const failure = await failureOf(openTier(), events);
    expect(textOf(events)).toBe('part');
    expect(failure).toBeInstanceOf(NetworkError);
    expect(failure).toMatchObject({ code: 'upstream-failed', details: { code: 'overloaded' } });
    expect(describeDeeply(failure)).not.toContain(SECRET);
  });

  it.each([
    ['malformed JSON', `{"choices": [{"delta": {"content": "${SECRET}"`],
    ['JSON that is no completion', '{"hello": 1}'],
    ['a bare value', '42'],
  ])('throws on %s without quoting it', async (_, data) => {
    playEvents(chunkOf('part'), data);
    const failure = await failureOf(openTier());
    expect(failure).toMatchObject({ name: 'NetworkError', code: 'bad-response' });
    expect(describeDeeply(failure)).not.toContain(SECRET);
  });

  it('refuses what the content filter withheld', async () => {
    playEvents(chunkOf('', 'content_filter'), '[DONE]');
    expect(await failureOf(openTier())).toMatchObject({ name: 'PolicyError', code: 'refused' });
  });

  it('closes a connection that floods it with an endless event', async () => {
    const closed = new Promise<void>((resolve) => {
      fixture.server.play((response, received) => {
        openStream(response);
        response.write(`data: ${'x'.repeat(2 * 1024 * 1024)}`);
        void received.closed.then(resolve);
      });
    });
    expect(await failureOf(openTier())).toMatchObject({ code: 'too-large' });
    await closed;
  });

  it('leaves prototypes alone', async () => {
    const hostile =
      '{"__proto__": {"polluted": true}, "choices": [{"delta": {"__proto__": {"content": "no"}, "content": "yes"}, "finish_reason": "stop"}]}';
    playEvents(hostile, '[DONE]');
    expect(textOf(await collect(openTier(), request))).toBe('yes');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('never crashes on any bytes: an answer or a typed error', async () => {
    const property = fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      const outcome = await failureOf(openPieces([bytes]));
      expect(outcome === undefined || outcome instanceof NetworkError).toBe(true);
    });
    await fc.assert(property, { numRuns: 200 });
  });
});

function splitBy(bytes: Uint8Array, sizes: readonly number[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let start = 0;
  for (let turn = 0; start < bytes.length; turn += 1) {
    const size = (sizes[turn % sizes.length] ?? 0) + (turn % 2);
    pieces.push(bytes.slice(start, start + size));
    start += size;
  }
  return pieces;
}
