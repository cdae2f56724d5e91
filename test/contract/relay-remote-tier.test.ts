import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { describe, expect, onTestFinished, test } from 'vitest';

import { serveRelay } from '../../src/relay/serve.ts';
import { createRemoteTier } from '../../src/tiers/remote.ts';
import type { Request, Tier, TierEvent } from '../../src/types.ts';

/** How soon the upstream must see that nobody listens any more. */
const CLOSE_LIMIT_MS = 1000;

const REQUEST: Request = {
  task: 'ask',
  input: { kind: 'messages', messages: [{ role: 'user', content: 'What is a heron?' }] },
  maxTokens: 20,
};

interface Scene {
  readonly tier: Tier;
  /** Resolves when the upstream saw its client close before the answer was complete. */
  readonly closedEarly: Promise<number>;
}

/** The page's remote tier, the relay and an upstream, each on its own socket. */
async function openScene(answer: (response: ServerResponse) => void): Promise<Scene> {
  let reportClose: (atMs: number) => void = () => {};
  const closedEarly = new Promise<number>((resolve) => {
    reportClose = resolve;
  });
  const upstream = createServer((incoming, response) => {
    response.once('close', () => {
      if (!response.writableFinished) reportClose(performance.now());
    });
    incoming.resume();
    incoming.once('end', () => answer(response));
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  onTestFinished(() => {
    upstream.closeAllConnections();
    upstream.close();
  });
  const baseUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`;
  const relay = await serveRelay(
    { upstreams: [{ id: 'frontier', kind: 'openai', baseUrl, model: 'big-1' }] },
    { port: 0, host: '127.0.0.1', env: {} },
  );
  onTestFinished(() => relay.close());
  const options = { id: 'frontier', baseUrl: `${relay.url}/v1`, allowCrossOrigin: true };
  return { tier: createRemoteTier(options), closedEarly };
}

function chunk(content: string, finish: string | null = null): string {
  const choice = { index: 0, delta: { content }, finish_reason: finish };
  return `data: ${JSON.stringify({ id: 'c', model: 'big-1', choices: [choice] })}\n\n`;
}

async function collect(events: AsyncIterable<TierEvent>): Promise<[string, TierEvent | undefined]> {
  let text = '';
  let last: TierEvent | undefined;
  for await (const event of events) {
    last = event;
    if (event.type === 'text-delta') text += event.text;
  }
  return [text, last];
}

describe('the remote tier through the relay', () => {
  test('gets the upstream’s text and finish', async () => {
    const { tier } = await openScene((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk('A wading '));
      response.end(`${chunk('bird.')}${chunk('', 'length')}data: [DONE]\n\n`);
    });
    const [text, finish] = await collect(tier.generate(REQUEST));
    expect(text).toBe('A wading bird.');
    expect(finish).toMatchObject({ type: 'finish', reason: 'length', tier: 'frontier' });
  });

  test('sees a stream that was cut as truncated', async () => {
    const { tier } = await openScene((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk('A wading '), () => response.destroy());
    });
    const [text, finish] = await collect(tier.generate(REQUEST));
    expect(text).toBe('A wading ');
    expect(finish).toMatchObject({ type: 'finish', reason: 'truncated' });
  });

  test('throws a typed error when the upstream refuses the key', async () => {
    const { tier } = await openScene((response) => {
      response.writeHead(401);
      response.end('{"error":{"message":"CANARY"}}');
    });
    const failure = await collect(tier.generate(REQUEST)).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'NetworkError' });
    expect(String(failure)).not.toContain('CANARY');
  });

  test('closes the upstream when the page aborts mid-stream', async () => {
    const { tier, closedEarly } = await openScene((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk('A wading '));
    });
    const stop = new AbortController();
    let abortedAtMs = 0;
    for await (const event of tier.generate(REQUEST, { signal: stop.signal })) {
      if (event.type !== 'text-delta') continue;
      abortedAtMs = performance.now();
      stop.abort();
    }
    expect((await closedEarly) - abortedAtMs).toBeLessThan(CLOSE_LIMIT_MS);
  });
});
