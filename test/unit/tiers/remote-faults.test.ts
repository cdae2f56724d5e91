import { describe, expect, it } from 'vitest';

import { NetworkError, TimeoutError } from '../../../src/errors.ts';
import type { TierEvent } from '../../../src/types.ts';
import { collect, finishOf, textOf } from '../../contract/tier.contract.ts';
import {
  chunkOf,
  eventOf,
  openStream,
  startScriptedServer,
} from '../../helpers/scripted-server.ts';
import { describeDeeply, failureOf, request, SECRET, useScriptedServer } from './remote-fixture.ts';

const fixture = useScriptedServer();
const { openTier } = fixture;

describe('The errors of a remote tier', () => {
  const error = { message: SECRET, type: 'rate_limit_error', code: 'slow_down', param: null };

  function playStatus(status: number, headers: Record<string, string> = {}): void {
    fixture.server.play((response) => {
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify({ error }));
    });
  }

  it.each([
    [400, false],
    [401, false],
    [404, false],
    [408, true],
    [429, true],
    [500, true],
    [503, true],
  ])('tells status %i, retryable %s, without the message', async (status, isRetryable) => {
    playStatus(status);
    const failure = await failureOf(openTier());
    expect(failure).toBeInstanceOf(NetworkError);
    expect(failure).toMatchObject({
      code: 'http-status',
      isRetryable,
      details: { status, type: 'rate_limit_error', code: 'slow_down', retryAfterSeconds: null },
    });
    expect(describeDeeply(failure)).not.toContain(SECRET);
  });

  it('keeps the status when the body is a page', async () => {
    fixture.server.play((response) => {
      response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>');
    });
    expect(await failureOf(openTier())).toMatchObject({ details: { status: 502, code: null } });
  });

  it('refuses a page in place of an answer', async () => {
    fixture.server.play((response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>');
    });
    expect(await failureOf(openTier())).toMatchObject({ code: 'bad-response' });
  });

  it('follows no redirect with the text', async () => {
    fixture.server.play(
      (response) => void response.writeHead(307, { location: '/elsewhere' }).end(),
    );
    const count = fixture.server.received.length;
    expect(await failureOf(openTier())).toMatchObject({ code: 'bad-response' });
    expect(fixture.server.received.length).toBe(count + 1);
  });

  it.each<[string, Record<string, string>, number | null, boolean]>([
    ['seconds', { 'retry-after': '7' }, 7, true],
    ['fractions', { 'retry-after': '1.2' }, 2, true],
    ['milliseconds', { 'retry-after-ms': '1500', 'retry-after': '9' }, 2, true],
    ['negative', { 'retry-after': '-5' }, null, true],
    ['nonsense', { 'retry-after': 'soon' }, null, true],
    ['exponent', { 'retry-after': '1e9' }, null, true],
    ['long', { 'retry-after': '61' }, 61, false],
    ['absurd', { 'retry-after': '99999999999999999999' }, 365 * 24 * 3600, false],
    ['a date gone by', { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }, 0, true],
    ['missing', {}, null, true],
  ])('reads Retry-After: %s', async (...[, headers, retryAfterSeconds, isRetryable]) => {
    playStatus(429, headers);
    const failure = await failureOf(openTier());
    expect(failure).toMatchObject({ isRetryable, details: { retryAfterSeconds } });
  });

  it('reads Retry-After as a date to come', async () => {
    playStatus(503, { 'retry-after': new Date(Date.now() + 30_000).toUTCString() });
    const failure = (await failureOf(openTier())) as NetworkError;
    expect(failure.details['retryAfterSeconds']).toBeGreaterThan(25);
    expect(failure.details['retryAfterSeconds']).toBeLessThanOrEqual(30);
  });

  it('says offline when nothing answers', async () => {
    const gone = await startScriptedServer();
    await gone.close();
    const failure = await failureOf(openTier({ baseUrl: `${gone.origin}/v1` }));
    expect(failure).toMatchObject({ code: 'offline', isRetryable: true });
    expect((failure as Error).cause).toBeInstanceOf(Error);
  });
});

describe('The clocks of a remote tier', () => {
  it('ends when the first word does not come', async () => {
    fixture.server.play((response) => openStream(response));
    const failure = await failureOf(openTier({ timeouts: { firstTokenMs: 40 } }));
    expect(failure).toBeInstanceOf(TimeoutError);
    expect(failure).toMatchObject({ code: 'first-token-timeout', isRetryable: true });
  });

  it('ends when not even headers come', async () => {
    fixture.server.play(() => undefined);
    const failure = await failureOf(openTier({ timeouts: { firstTokenMs: 40 } }));
    expect(failure).toMatchObject({ code: 'first-token-timeout' });
  });

  it('ends when the answer stalls, after the text so far', async () => {
    fixture.server.play((response) => {
      openStream(response);
      response.write(eventOf(chunkOf('part')));
    });
    const events: TierEvent[] = [];
    const failure = await failureOf(openTier({ timeouts: { idleMs: 40 } }), events);
    expect(textOf(events)).toBe('part');
    expect(failure).toMatchObject({ name: 'TimeoutError', code: 'idle-timeout' });
  });

  it('ends when the whole takes too long', async () => {
    fixture.server.play((response, { closed }) => {
      openStream(response);
      const timer = setInterval(() => response.write(eventOf(chunkOf('.'))), 5);
      void closed.then(() => clearInterval(timer));
    });
    const failure = await failureOf(openTier({ timeouts: { totalMs: 80 } }));
    expect(failure).toMatchObject({ code: 'total-timeout' });
  });

  it('is complete when only the closing of the connection is missing', async () => {
    fixture.server.play((response) => {
      openStream(response);
      response.write(eventOf(chunkOf('all', 'stop')));
    });
    const events = await collect(openTier({ timeouts: { idleMs: 40 } }), request);
    expect(finishOf(events).reason).toBe('stop');
  });
});

describe('An abort of a remote tier', () => {
  it.each(['before the headers', 'before the first word', 'in the middle'])(
    'closes the connection %s',
    async (moment) => {
      const controller = new AbortController();
      const reason = new Error('left');
      const leave = (): void => controller.abort(reason);
      const closed = new Promise<void>((resolve) => {
        fixture.server.play((response, received) => {
          void received.closed.then(resolve);
          if (moment !== 'before the headers') openStream(response);
          if (moment === 'in the middle') response.write(eventOf(chunkOf('part')));
          else leave();
        });
      });
      const events: TierEvent[] = [];
      const run = (async () => {
        for await (const event of openTier().generate(request, { signal: controller.signal })) {
          events.push(event);
          if (event.type === 'text-delta') leave();
        }
      })().catch((error: unknown) => error);
      const outcome = await run;
      await closed;
      if (moment === 'in the middle') expect(finishOf(events).reason).toBe('abort');
      else expect(outcome).toBe(reason);
    },
  );
});
