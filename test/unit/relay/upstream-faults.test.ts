import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';

import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { readRetryAfter } from '../../../src/relay/upstreams/upstream-status.ts';
import { QUESTION, ask, errorOf, eventsOf, openRelay, textOf } from './ask-relay.ts';
import { answerChunks, startUpstream, toEvents } from './scripted-upstream.ts';
import type { Answer } from './scripted-upstream.ts';

/** Stands in every upstream error body: none of it may reach the page. */
const CANARY = 'sk-canary-key and the prompt text';

function answerStatus(status: number, headers: Record<string, string> = {}, code?: string): Answer {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ error: { message: CANARY, type: CANARY, param: CANARY, code } }));
  };
}

interface StatusCase {
  readonly upstream: number;
  readonly code?: string;
  readonly headers?: Record<string, string>;
  readonly page: number;
  readonly pageCode: string;
  readonly type: string;
  readonly retryAfter?: string | null;
  readonly says: RegExp;
}

const STATUSES: readonly StatusCase[] = [
  {
    upstream: 400,
    page: 400,
    pageCode: 'upstream-rejected',
    type: 'invalid_request_error',
    says: /refused the request/,
  },
  {
    upstream: 422,
    page: 400,
    pageCode: 'upstream-rejected',
    type: 'invalid_request_error',
    says: /refused the request/,
  },
  {
    upstream: 400,
    code: 'context_length_exceeded',
    page: 413,
    pageCode: 'context_length_exceeded',
    type: 'invalid_request_error',
    says: /too long/,
  },
  {
    upstream: 400,
    code: CANARY,
    page: 400,
    pageCode: 'upstream-rejected',
    type: 'invalid_request_error',
    says: /refused/,
  },
  {
    upstream: 401,
    page: 502,
    pageCode: 'upstream-auth',
    type: 'upstream_error',
    says: /^The key of the upstream "[a-z]+" is refused/,
  },
  {
    upstream: 403,
    page: 502,
    pageCode: 'upstream-auth',
    type: 'upstream_error',
    says: /^The key of the upstream "[a-z]+" is refused/,
  },
  {
    upstream: 404,
    page: 502,
    pageCode: 'upstream-not-found',
    type: 'upstream_error',
    says: /"baseUrl" and "model"/,
  },
  {
    upstream: 408,
    page: 504,
    pageCode: 'upstream-timeout',
    type: 'upstream_error',
    says: /timed out/,
  },
  {
    upstream: 413,
    page: 413,
    pageCode: 'context_length_exceeded',
    type: 'invalid_request_error',
    says: /too long/,
  },
  {
    upstream: 429,
    headers: { 'retry-after': '7' },
    page: 429,
    pageCode: 'upstream-rate-limited',
    type: 'rate_limit_error',
    retryAfter: '7',
    says: /no more requests/,
  },
  {
    upstream: 429,
    code: 'insufficient_quota',
    page: 429,
    pageCode: 'insufficient_quota',
    type: 'rate_limit_error',
    retryAfter: null,
    says: /no more requests/,
  },
  {
    upstream: 500,
    page: 502,
    pageCode: 'upstream-failed',
    type: 'upstream_error',
    says: /status 500/,
  },
  {
    upstream: 503,
    headers: { 'retry-after-ms': '2500' },
    page: 503,
    pageCode: 'upstream-overloaded',
    type: 'upstream_error',
    retryAfter: '3',
    says: /overloaded/,
  },
  {
    upstream: 302,
    headers: { location: 'http://127.0.0.1:1/elsewhere' },
    page: 502,
    pageCode: 'upstream-redirect',
    type: 'upstream_error',
    says: /not followed/,
  },
];

describe.each([true, false])('with stream: %s', (stream) => {
  test.each(STATUSES)('turns status $upstream ($code) into $page $pageCode', async (row) => {
    const upstream = await startUpstream(answerStatus(row.upstream, row.headers, row.code));
    const relay = openRelay(upstream.baseUrl, { keyEnv: 'BIG_KEY' }, { env: { BIG_KEY: 'sk-x1' } });
    const response = await ask(relay, { ...QUESTION, stream });

    expect(response.status).toBe(row.page);
    expect(response.headers.get('retry-after')).toBe(row.retryAfter ?? null);
    const text = await response.text();
    expect(text).not.toContain('canary');
    const { error } = JSON.parse(text);
    expect(error).toEqual({
      message: expect.stringMatching(row.says),
      type: row.type,
      param: null,
      code: row.pageCode,
    });
    expect(upstream.requests).toHaveLength(1);
  });

  test('an upstream that is not there is 502 and says what to check', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => {
      closed.close(resolve);
    });
    const response = await ask(openRelay(`http://127.0.0.1:${port}/v1`), { ...QUESTION, stream });
    expect(response.status).toBe(502);
    expect(await errorOf(response)).toMatchObject({
      code: 'upstream-unreachable',
      message: expect.stringMatching(/"baseUrl" is right/),
    });
  });

  test('a page of HTML instead of an answer is 502', async () => {
    const upstream = await startUpstream((response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<html>Log in</html>');
    });
    const response = await ask(openRelay(upstream.baseUrl), { ...QUESTION, stream });
    expect(response.status).toBe(502);
    expect((await errorOf(response)).code).toBe('upstream-bad-response');
  });

  test('a connection that closes before any answer is 502', async () => {
    const upstream = await startUpstream((response) => {
      const type = stream ? 'text/event-stream' : 'application/json';
      response.writeHead(200, { 'content-type': type, 'content-length': '900' });
      response.write('{');
      response.socket?.destroySoon();
    });
    const response = await ask(openRelay(upstream.baseUrl), { ...QUESTION, stream });
    expect(response.status).toBe(502);
    expect((await errorOf(response)).code).toBe('upstream-cut');
  });

  test('an upstream that stays silent is given up after the limit, and closed', async () => {
    const upstream = await startUpstream(() => undefined);
    const timeouts = { firstByteMs: 60, answerMs: 60 };
    const response = await ask(openRelay(upstream.baseUrl, { timeouts }), { ...QUESTION, stream });
    expect(response.status).toBe(504);
    expect((await errorOf(response)).code).toBe('first-token-timeout');
    const received = await upstream.firstRequest;
    expect(await received.closedEarlyAtMs).toBeGreaterThan(0);
  });

  test('a missing key is 503, and the page does not learn the name of the variable', async () => {
    const upstream = await startUpstream(answerStatus(200));
    const relay = openRelay(upstream.baseUrl, { keyEnv: 'BIG_KEY' }, { env: {} });
    const response = await ask(relay, { ...QUESTION, stream });
    expect(response.status).toBe(503);
    expect(await errorOf(response)).toMatchObject({
      code: 'key-missing',
      message: expect.not.stringContaining('BIG_KEY'),
    });
    expect(upstream.requests).toHaveLength(0);
  });
});

describe('a stream that goes wrong after its first words', () => {
  async function streamFrom(answer: Answer, timeouts = {}): Promise<string[]> {
    const upstream = await startUpstream(answer);
    const relay = openRelay(upstream.baseUrl, { timeouts });
    const response = await ask(relay, { ...QUESTION, stream: true });
    expect(response.status).toBe(200);
    return eventsOf(response);
  }

  const words = answerChunks(['One ', 'two ']).slice(0, -1);
  const begin: Answer = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(toEvents(words, ''));
  };

  test.each<[string, Answer]>([
    ['reset by the network', (response) => void response.socket?.destroy()],
    ['closed cleanly without a finish reason', (response) => void response.end()],
    [
      'closed with an end marker but no finish reason',
      (response) => void response.end('data: [DONE]\n\n'),
    ],
  ])('%s ends without finish and end marker', async (_name, finish) => {
    const events = await streamFrom(async (response, request) => {
      await begin(response, request);
      await new Promise((resolve) => {
        response.write(': the words are out\n\n', resolve);
      });
      await finish(response, request);
    });
    expect(textOf(events)).toBe('One two ');
    expect(events).toHaveLength(3);
    expect(events.join('')).not.toContain('"finish_reason":"');
    expect(events).not.toContain('[DONE]');
  });

  test.each<[string, string, string]>([
    [
      'an error object',
      `data: {"error":{"message":"${CANARY}","code":500}}\n\n`,
      'upstream-failed',
    ],
    ['malformed JSON', `data: {"${CANARY}\n\n`, 'upstream-bad-response'],
    ['another shape', `data: {"choices":"${CANARY}"}\n\n`, 'upstream-bad-response'],
    ['an endless line', `data: ${'x'.repeat(1_100_000)}`, 'upstream-bad-response'],
  ])('%s becomes a typed error event without its payload', async (_name, bytes, code) => {
    const events = await streamFrom(async (response, request) => {
      await begin(response, request);
      response.write(bytes);
    });
    expect(textOf(events)).toBe('One two ');
    expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({ error: { code } });
    expect(events.join('')).not.toContain('canary');
    expect(events).not.toContain('[DONE]');
  });

  test('silence becomes an idle-timeout event, and the upstream is closed', async () => {
    const upstream = await startUpstream(begin);
    const relay = openRelay(upstream.baseUrl, { timeouts: { idleMs: 60 } });
    const events = await eventsOf(await ask(relay, { ...QUESTION, stream: true }));
    expect(textOf(events)).toBe('One two ');
    expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({ error: { code: 'idle-timeout' } });
    expect(await (await upstream.firstRequest).closedEarlyAtMs).toBeGreaterThan(0);
  });

  test('keep-alives do not outlast the total limit', async () => {
    const upstream = await startUpstream((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => response.write(': still here\n\n'), 10);
      response.once('close', () => clearInterval(timer));
    });
    const relay = openRelay(upstream.baseUrl, { timeouts: { totalMs: 150, idleMs: 100 } });
    const response = await ask(relay, { ...QUESTION, stream: true });
    expect(response.status).toBe(504);
    expect((await errorOf(response)).code).toBe('total-timeout');
  });
});

test('a reader that pauses is no silent upstream', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const body = toEvents(answerChunks(['One ', 'two ', 'three']));
  const relay = openRelay('http://upstream.test/v1', {}, { fetch: async () => new Response(body) });
  const reader = (await ask(relay, { ...QUESTION, stream: true })).body!.getReader();
  await reader.read();
  await vi.advanceTimersByTimeAsync(60_000);
  let rest = '';
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    rest += new TextDecoder().decode(next.value);
  }
  expect(rest).toContain('three');
  expect(rest).toMatch(/data: \[DONE\]\n\n$/);
});

test.each([
  ['5', null, 5],
  ['0', null, 0],
  ['1.5', null, 1.5],
  [null, '1200', 1.2],
  ['-3', null, null],
  ['soon', null, null],
  ['', null, null],
  ['NaN', null, null],
  [null, null, null],
  ['Tue, 24 Nov 2026 08:00:30 GMT', null, 30],
  ['Tue, 24 Nov 2026 07:00:00 GMT', null, 0],
])('reads Retry-After %j and Retry-After-Ms %j as %j seconds', (after, milliseconds, expected) => {
  const headers = new Headers();
  if (after !== null) headers.set('retry-after', after);
  if (milliseconds !== null) headers.set('retry-after-ms', milliseconds);
  expect(readRetryAfter(headers, Date.UTC(2026, 10, 24, 8))).toBe(expected);
});
