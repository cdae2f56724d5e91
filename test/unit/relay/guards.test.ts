import { describe, expect, test } from 'vitest';

import type { RelayLogEntry } from '../../../src/relay/request-log.ts';
import { QUESTION, RELAY_URL, ask, errorOf, openRelay } from './ask-relay.ts';
import { answerChunks, sendEvents, startUpstream, toEvents } from './scripted-upstream.ts';

const NOWHERE = 'http://127.0.0.1:9/v1';

function get(path: string, init: RequestInit = {}): Request {
  return new Request(`${RELAY_URL}${path}`, init);
}

describe('routes', () => {
  test('healthz answers', async () => {
    const response = await openRelay(NOWHERE).fetch(get('/healthz'));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ok' });
  });

  test('models lists the aliases with their kind', async () => {
    const relay = openRelay(NOWHERE, {
      relay: {
        upstreams: [
          { id: 'a', kind: 'openai', baseUrl: NOWHERE, model: 'm', alias: ['slm', 'cheap'] },
          { id: 'b', kind: 'local', modelsDir: '/nowhere' },
        ],
      },
    });
    const { object, data } = (await (await relay.fetch(get('/v1/models'))).json()) as {
      object: string;
      data: unknown[];
    };
    const common = { object: 'model', created: expect.any(Number), owned_by: 'edgewise' };
    expect(object).toBe('list');
    expect(data).toEqual([
      { id: 'slm', ...common, edgewise: { kind: 'openai' } },
      { id: 'cheap', ...common, edgewise: { kind: 'openai' } },
      { id: 'b', ...common, edgewise: { kind: 'local' } },
    ]);
  });

  test.each([
    ['GET', '/v1/chat/completions', 'POST'],
    ['PUT', '/v1/chat/completions', 'POST'],
    ['POST', '/v1/models', 'GET'],
    ['DELETE', '/healthz', 'GET'],
  ])('%s %s is 405 and says %s', async (method, path, allowed) => {
    const response = await openRelay(NOWHERE).fetch(get(path, { method }));
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe(allowed);
    expect((await errorOf(response)).code).toBe('method-not-allowed');
  });

  test.each(['/v1/completions', '', '/v1/chat/completions/x'])('%j is 404', async (path) => {
    const response = await openRelay(NOWHERE).fetch(get(path, { method: 'POST' }));
    expect(response.status).toBe(404);
    expect(await errorOf(response)).toMatchObject({
      code: 'route-not-found',
      message: expect.stringContaining('/edge/v1/chat/completions'),
    });
  });

  test('another base path moves every route', async () => {
    const relay = openRelay(NOWHERE, { relay: { basePath: '/api/ai' } });
    const moved = await relay.fetch(new Request('http://relay.test/api/ai/healthz'));
    expect(moved.status).toBe(200);
    expect((await relay.fetch(get('/healthz'))).status).toBe(404);
  });
});

describe('model aliases', () => {
  test('an unknown alias is 404 and lists the known ones', async () => {
    const response = await ask(openRelay(NOWHERE), { ...QUESTION, model: 'gpt-5' });
    expect(response.status).toBe(404);
    expect(await errorOf(response)).toEqual({
      message: expect.stringContaining('"frontier"'),
      type: 'invalid_request_error',
      param: 'model',
      code: 'unknown-model',
    });
  });

  test.each(['http://evil.test/v1', '__proto__', 'constructor'])(
    '%s is no alias',
    async (model) => {
      const response = await ask(openRelay(NOWHERE), { ...QUESTION, model });
      expect(response.status).toBe(404);
      expect(JSON.stringify(await errorOf(response))).not.toContain('evil');
    },
  );

  test('a tier without an upstream is 503 and says what to set', async () => {
    const response = await ask(openRelay(NOWHERE), { ...QUESTION, model: 'slm' });
    expect(response.status).toBe(503);
    expect(await errorOf(response)).toMatchObject({
      code: 'no-upstream',
      message: expect.stringContaining('EDGEWISE_SLM_BASE_URL'),
    });
  });

  test('a relay without any upstream is 503 for every model', async () => {
    const relay = openRelay(NOWHERE, { relay: { upstreams: [] } });
    const response = await ask(relay, { ...QUESTION, model: 'anything' });
    expect(response.status).toBe(503);
    expect((await errorOf(response)).code).toBe('no-upstream');
  });
});

describe('bodies', () => {
  test.each([
    ['text/plain', {}],
    ['', {}],
    ['application/json', { 'content-encoding': 'gzip' }],
  ])('content type %j with %j is 415', async (type, headers) => {
    const response = await ask(openRelay(NOWHERE), QUESTION, { 'content-type': type, ...headers });
    expect(response.status).toBe(415);
    expect((await errorOf(response)).code).toBe('bad-content-type');
  });

  test('a body over the limit is 413, one at the limit is read', async () => {
    const relay = openRelay(NOWHERE, { relay: { bodyLimitBytes: 2000 } });
    const padding = 2000 - JSON.stringify({ pad: '' }).length;
    const atLimit = await ask(relay, { pad: 'x'.repeat(padding) });
    expect(atLimit.status).toBe(400);
    const above = await ask(relay, { pad: 'x'.repeat(padding + 1) });
    expect(above.status).toBe(413);
    expect(await errorOf(above)).toMatchObject({
      code: 'body-too-large',
      message: expect.stringContaining('2000 bytes'),
    });
  });

  test('a stream without a length is cut off at the limit', async () => {
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(65_536).fill(0x20));
      },
    });
    const response = await openRelay(NOWHERE).fetch(
      new Request(`${RELAY_URL}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': '10' },
        body: endless,
        duplex: 'half',
      } as RequestInit),
    );
    expect(response.status).toBe(413);
    expect(pulled).toBeLessThan(20);
  });

  test.each(['{"model": "fro', '', '\u0000', '[1]', 'null', '"text"'])(
    '%j is 400',
    async (body) => {
      const response = await ask(openRelay(NOWHERE), body);
      expect(response.status).toBe(400);
      expect((await errorOf(response)).code).toMatch(/^(bad-json|invalid-body)$/);
    },
  );
});

describe('origins', () => {
  const allowed = { relay: { allowedOrigins: ['https://app.example'] } };

  test.each(['https://evil.test', 'null', 'http://relay.test.evil.test', 'http://relay.test:81'])(
    'a page of %s is refused',
    async (origin) => {
      const response = await ask(openRelay(NOWHERE, allowed), QUESTION, { origin });
      expect(response.status).toBe(403);
      expect((await errorOf(response)).code).toBe('origin-not-allowed');
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
    },
  );

  test('its preflight is refused too', async () => {
    const response = await openRelay(NOWHERE).fetch(
      get('/v1/chat/completions', { method: 'OPTIONS', headers: { origin: 'https://evil.test' } }),
    );
    expect(response.status).toBe(403);
  });

  test.each(['http://relay.test', 'https://relay.test'])(
    'the own origin %s passes',
    async (origin) => {
      const response = await openRelay(NOWHERE).fetch(get('/healthz', { headers: { origin } }));
      expect(response.status).toBe(200);
    },
  );

  test('an allowed origin passes, with its name in the answer and in errors', async () => {
    const relay = openRelay(NOWHERE, allowed);
    const headers = { origin: 'https://app.example' };
    const good = await relay.fetch(get('/healthz', { headers }));
    const bad = await ask(relay, 'no json', headers);
    const preflight = await relay.fetch(
      get('/v1/chat/completions', { method: 'OPTIONS', headers }),
    );
    expect([good.status, bad.status, preflight.status]).toEqual([200, 400, 204]);
    for (const response of [good, bad, preflight]) {
      expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example');
      expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    }
  });

  test('a host name that was not allowed is refused, though it matches the origin', async () => {
    const relay = openRelay(NOWHERE, { relay: { allowedHosts: ['127.0.0.1', 'localhost'] } });
    const rebound = new Request('http://rebound.test:8787/edge/healthz', {
      headers: { origin: 'http://rebound.test:8787' },
    });
    expect((await relay.fetch(rebound)).status).toBe(403);
    expect((await relay.fetch(new Request('http://127.0.0.1:8787/edge/healthz'))).status).toBe(200);
  });
});

describe('keys in the page', () => {
  test.each<[string, Record<string, string>]>([
    ['an OpenAI key', { authorization: 'Bearer sk-proj-CANARY' }],
    ['a key without scheme', { authorization: 'sk-CANARY' }],
    ['a Groq key', { authorization: 'Bearer gsk_CANARY' }],
    ['a Google key', { authorization: 'Bearer AIzaCANARY' }],
    ['an Anthropic header', { 'x-api-key': 'CANARY' }],
    ['an Azure header', { 'api-key': 'CANARY' }],
  ])('%s is refused and neither shown nor logged', async (_name, headers) => {
    const lines: RelayLogEntry[] = [];
    const relay = openRelay(NOWHERE, {}, { log: (entry) => lines.push(entry) });
    const response = await ask(relay, QUESTION, headers);
    expect(response.status).toBe(400);
    const error = await errorOf(response);
    expect(error.code).toBe('key-in-page');
    expect(lines).toHaveLength(1);
    expect(JSON.stringify([error, lines])).not.toContain('CANARY');
  });

  test('a key in the address is refused', async () => {
    const response = await openRelay(NOWHERE).fetch(get('/v1/models?api_key=sk-CANARY'));
    expect(response.status).toBe(400);
    expect(JSON.stringify(await errorOf(response))).not.toContain('CANARY');
  });

  test.each(['Bearer edgewise', 'Bearer unused', 'Basic dXNlcjpwYXNz'])(
    'the placeholder %j passes',
    async (authorization) => {
      const response = await openRelay(NOWHERE).fetch(
        get('/healthz', { headers: { authorization } }),
      );
      expect(response.status).toBe(200);
    },
  );
});

describe('the log', () => {
  test('says what happened, without prompt, answer, key or address', async () => {
    const lines: RelayLogEntry[] = [];
    const upstream = await startUpstream((response) =>
      sendEvents(response, toEvents(answerChunks(['CANARY answer']))),
    );
    const settings = { keyEnv: 'BIG_KEY' };
    const options = {
      env: { BIG_KEY: 'sk-CANARY' },
      log: (entry: RelayLogEntry) => lines.push(entry),
    };
    const relay = openRelay(upstream.baseUrl, settings, options);
    const messages = [{ role: 'user', content: 'CANARY prompt' }];
    await (await ask(relay, { model: 'frontier', stream: true, messages })).text();
    await ask(relay, { model: 'CANARY', messages });
    await ask(relay, { model: 'frontier', messages: 'CANARY' });
    await relay.fetch(get('/CANARY?q=CANARY'));

    const common = {
      method: 'POST',
      route: '/v1/chat/completions',
      durationMs: expect.any(Number),
      faultPlace: null,
    };
    expect(lines).toEqual([
      { ...common, status: 200, outcome: 'complete', errorCode: null, upstream: 'frontier' },
      { ...common, status: 404, outcome: 'complete', errorCode: 'unknown-model', upstream: null },
      { ...common, status: 400, outcome: 'complete', errorCode: 'invalid-field', upstream: null },
      {
        ...common,
        method: 'GET',
        route: 'other',
        status: 404,
        outcome: 'complete',
        errorCode: 'route-not-found',
        upstream: null,
      },
    ]);
    expect(JSON.stringify(lines)).not.toContain('CANARY');
  });
});
