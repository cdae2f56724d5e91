import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the server does with one request. */
export type Script = (response: ServerResponse, request: ReceivedRequest) => void | Promise<void>;

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Resolves when the client's connection is closed. */
  readonly closed: Promise<void>;
}

export interface ScriptedServer {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  readonly received: readonly ReceivedRequest[];
  play(script: Script): void;
  close(): Promise<void>;
}

/** A real server on the loopback interface that answers as the test says. */
export async function startScriptedServer(): Promise<ScriptedServer> {
  const received: ReceivedRequest[] = [];
  let current: Script = (response) => void response.writeHead(500).end();
  const server = createServer((request, response) => {
    void answer(request, response);
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const closed = once(response, 'close').then(() => undefined);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const facts: ReceivedRequest = {
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
      closed,
    };
    received.push(facts);
    await current(response, facts);
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    received,
    play(script) {
      current = script;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** One chunk of a streamed chat completion. */
export function chunkOf(content: string, finishReason: string | null = null): string {
  const choice = { index: 0, delta: { content }, logprobs: null, finish_reason: finishReason };
  return JSON.stringify({
    id: 'c',
    object: 'chat.completion.chunk',
    model: 'm-1',
    choices: [choice],
  });
}

export function eventOf(data: string, newline = '\n'): string {
  return `data: ${data}${newline}${newline}`;
}

/** A whole, regular stream. */
export function streamOf(words: readonly string[], newline = '\n'): string {
  const usage = JSON.stringify({
    id: 'c',
    choices: [],
    usage: {
      prompt_tokens: 7,
      completion_tokens: words.length,
      prompt_tokens_details: { cached_tokens: 3 },
    },
  });
  return [...words.map((word) => chunkOf(word)), chunkOf('', 'stop'), usage, '[DONE]']
    .map((data) => eventOf(data, newline))
    .join('');
}

export function openStream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.flushHeaders();
}
