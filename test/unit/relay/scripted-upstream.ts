import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { onTestFinished } from 'vitest';

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
  /** Resolves with the time when the client's connection closed before the answer was complete. */
  readonly closedEarlyAtMs: Promise<number>;
}

export type Answer = (response: ServerResponse, request: ReceivedRequest) => void | Promise<void>;

export interface ScriptedUpstream {
  readonly baseUrl: string;
  readonly requests: readonly ReceivedRequest[];
  /** Resolves with the next request, or the first one when there is one already. */
  readonly firstRequest: Promise<ReceivedRequest>;
}

/** A provider on loopback that answers each request by the script; ends with the test. */
export async function startUpstream(answer: Answer): Promise<ScriptedUpstream> {
  const requests: ReceivedRequest[] = [];
  let reportFirst: (request: ReceivedRequest) => void = () => {};
  const firstRequest = new Promise<ReceivedRequest>((resolve) => {
    reportFirst = resolve;
  });
  const server = createServer((incoming, response) => {
    const closedEarlyAtMs = new Promise<number>((resolve) => {
      response.once('close', () => {
        if (!response.writableFinished) resolve(performance.now());
      });
    });
    const receive = async (): Promise<void> => {
      const request = await readRequest(incoming, closedEarlyAtMs);
      requests.push(request);
      reportFirst(request);
      await answer(response, request);
    };
    void receive();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { baseUrl: `http://127.0.0.1:${port}/v1`, requests, firstRequest };
}

/** Server-sent events as providers send them, the end marker included. */
export function toEvents(chunks: readonly unknown[], end = 'data: [DONE]\n\n'): string {
  return chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('') + end;
}

/** Chunks of one answer, the way OpenAI sends them. */
export function answerChunks(texts: readonly string[]): Record<string, unknown>[] {
  const base = {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: 'big-1',
  };
  const choice = (delta: object, finish: string | null = null): object => ({
    index: 0,
    delta,
    logprobs: null,
    finish_reason: finish,
  });
  return [
    { ...base, choices: [choice({ role: 'assistant', content: '' })] },
    ...texts.map((content) => ({ ...base, choices: [choice({ content })] })),
    { ...base, choices: [choice({}, 'stop')] },
  ];
}

/** Answers with these bytes as a stream of events. */
export function sendEvents(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(body);
}

async function readRequest(
  incoming: IncomingMessage,
  closedEarlyAtMs: Promise<number>,
): Promise<ReceivedRequest> {
  let text = '';
  for await (const chunk of incoming.setEncoding('utf8')) text += chunk;
  const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  return { path: incoming.url ?? '', headers: incoming.headers, body, closedEarlyAtMs };
}
