import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

import { serve } from '@hono/node-server';
import { describe, expect, onTestFinished, test } from 'vitest';

import type { RelayLogEntry } from '../../../src/relay/request-log.ts';
import { QUESTION, openRelay } from './ask-relay.ts';
import { answerChunks, startUpstream, toEvents } from './scripted-upstream.ts';
import type { Answer, ScriptedUpstream } from './scripted-upstream.ts';

/** How soon the upstream must see that nobody listens any more. */
const CLOSE_LIMIT_MS = 1000;

interface Scene {
  readonly upstream: ScriptedUpstream;
  readonly client: ClientRequest;
  readonly left: Promise<RelayLogEntry>;
}

/** Page → relay on a real socket → upstream on a real socket. */
async function openScene(answer: Answer, stream: boolean): Promise<Scene> {
  const upstream = await startUpstream(answer);
  let report: (entry: RelayLogEntry) => void = () => {};
  const left = new Promise<RelayLogEntry>((resolve) => {
    report = resolve;
  });
  const relay = openRelay(upstream.baseUrl, {}, { log: (entry) => report(entry) });
  const server = serve({ fetch: relay.fetch, port: 0, hostname: '127.0.0.1' });
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const client = httpRequest({
    host: '127.0.0.1',
    port,
    method: 'POST',
    path: '/edge/v1/chat/completions',
    headers: { 'content-type': 'application/json' },
  });
  client.on('error', () => undefined);
  client.end(JSON.stringify({ ...QUESTION, stream }));
  return { upstream, client, left };
}

async function leaveAndMeasure({ upstream, client, left }: Scene): Promise<number> {
  const { closedEarlyAtMs } = await upstream.firstRequest;
  const leftAtMs = performance.now();
  client.destroy();
  const closedAtMs = await closedEarlyAtMs;
  expect(await left).toMatchObject({ outcome: 'left', upstream: 'frontier' });
  return closedAtMs - leftAtMs;
}

describe('the upstream is closed within a second when the client leaves', () => {
  test.each([true, false])('before the upstream’s headers (stream: %s)', async (stream) => {
    const scene = await openScene(() => undefined, stream);
    expect(await leaveAndMeasure(scene)).toBeLessThan(CLOSE_LIMIT_MS);
  });

  test.each([true, false])('before the first token (stream: %s)', async (stream) => {
    let sent: () => void = () => {};
    const areHeadersOut = new Promise<void>((resolve) => {
      sent = resolve;
    });
    const scene = await openScene((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': working\n\n', sent);
    }, stream);
    await areHeadersOut;
    expect(await leaveAndMeasure(scene)).toBeLessThan(CLOSE_LIMIT_MS);
  });

  test('mid-stream', async () => {
    const scene = await openScene((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(toEvents(answerChunks(['One ']).slice(0, -1), ''));
    }, true);
    const [response] = (await once(scene.client, 'response')) as [IncomingMessage];
    await once(response, 'data');
    expect(await leaveAndMeasure(scene)).toBeLessThan(CLOSE_LIMIT_MS);
  });

  test('while it sends faster than the client reads', async () => {
    const endless = toEvents(answerChunks(['word '.repeat(200)]).slice(0, -1), '');
    const scene = await openScene((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const pump = (): void => {
        while (!response.destroyed && response.write(endless));
      };
      response.on('drain', pump);
      pump();
    }, true);
    const [response] = (await once(scene.client, 'response')) as [IncomingMessage];
    await once(response, 'data');
    response.pause();
    expect(await leaveAndMeasure(scene)).toBeLessThan(CLOSE_LIMIT_MS);
  });
});

test('closing the relay ends a running answer without an end marker and closes the upstream', async () => {
  const upstream = await startUpstream((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(toEvents(answerChunks(['One ']).slice(0, -1), ''));
  });
  const relay = openRelay(upstream.baseUrl);
  const ask = (): Promise<Response> =>
    relay.fetch(
      new Request('http://relay.test/edge/v1/chat/completions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...QUESTION, stream: true }),
      }),
    );
  const response = await ask();
  const text = response.text();
  await relay.close();
  expect(await text).toContain('relay-closed');
  expect(await text).not.toContain('[DONE]');
  expect(await (await upstream.firstRequest).closedEarlyAtMs).toBeGreaterThan(0);
  expect((await ask()).status).toBe(503);
});
