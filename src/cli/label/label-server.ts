import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EdgewiseError } from '../../errors.ts';
import type { LabelSession } from './label-session.ts';
import { LABEL_HTML, LABEL_STYLE } from './label-document.ts';

export interface LabelServer {
  /** With the token; whoever has not got it sees nothing. */
  readonly url: string;
  /** Settles when the person is done. */
  readonly finished: Promise<void>;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const TOKEN_BYTES = 18;
/** An id and an option, with room. */
const MOST_BODY_BYTES = 64_000;

/** Nothing but this page's own files, and calls back to it: no other network. */
const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

/** Serves the page for one session on this machine alone. `script` is the page's code. */
export async function serveLabels(session: LabelSession, script: string): Promise<LabelServer> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  let finish = (): void => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const files: Readonly<Record<string, readonly [type: string, body: string]>> = {
    '': ['text/html; charset=utf-8', LABEL_HTML],
    'page.css': ['text/css; charset=utf-8', LABEL_STYLE],
    'page.js': ['text/javascript; charset=utf-8', script],
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const name = nameIn(request, token);
    if (name === null) return send(response, 404, ['text/plain', 'Not found\n']);
    const file = request.method === 'GET' && Object.hasOwn(files, name) ? files[name] : undefined;
    if (file !== undefined) return send(response, 200, file);
    if (request.method === 'GET' && name === 'state') return sendState(response);
    if (request.method !== 'POST') return send(response, 404, ['text/plain', 'Not found\n']);
    const body = await readBody(request);
    if (body === null) return send(response, 400, ['text/plain', 'Not understood\n']);
    await act(name, body);
    sendState(response);
    if (name === 'done') response.once('close', finish);
  }

  async function act(name: string, { id = '', option = '' }: Body): Promise<void> {
    if (name === 'choose') await session.choose(id, option);
    if (name === 'skip') await session.skip(id);
    if (name === 'undo') await session.undo();
  }

  function sendState(response: ServerResponse): void {
    send(response, 200, ['application/json', JSON.stringify(session.state())]);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      const message = EdgewiseError.is(error) ? error.message : 'The label could not be kept.';
      send(response, 500, ['text/plain; charset=utf-8', message]);
    });
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${HOST}:${port}/${token}/`,
    finished,
    async close() {
      const isClosed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await isClosed;
    },
  };
}

interface Body {
  readonly id?: string;
  readonly option?: string;
}

/**
 * What is asked for, behind the token; `null` without the token, or under another name of this
 * machine: a stranger's DNS may point here.
 */
function nameIn(request: IncomingMessage, token: string): string | null {
  const port = request.socket.localPort;
  if (request.headers.host !== `${HOST}:${port}`) return null;
  const start = `/${token}/`;
  const url = request.url ?? '';
  return url.startsWith(start) ? url.slice(start.length) : null;
}

function send(
  response: ServerResponse,
  status: number,
  [type, body]: readonly [type: string, body: string],
): void {
  response.writeHead(status, { ...HEADERS, 'Content-Type': type }).end(body);
}

/** `null` when it is no JSON object with texts, or too long. */
async function readBody(request: IncomingMessage): Promise<Body | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (typeof value !== 'object' || value === null) return null;
    const isText = Object.values(value).every((each) => typeof each === 'string');
    return isText ? value : null;
  } catch {
    return null; // Answered as not understood.
  }
}
