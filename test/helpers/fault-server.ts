import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom } from './fault-server-model.ts';

/** What goes wrong with an answer. */
export type FaultMode =
  /** Nothing. */
  | 'none'
  /** The connection breaks after `atFraction` of the body. */
  | 'drop'
  /** The socket is reset before any answer. */
  | 'reset'
  /** Nothing more comes after `atFraction` of the body, and the socket stays open. */
  | 'stall'
  /** A chunked body that ends cleanly after `atFraction`: no error for the client to see. */
  | 'short-body'
  /** 200 with a web page, as captive portals and single-page apps answer. */
  | 'html'
  /** Range requests are answered 416. */
  | 'range-416'
  /** Range requests are answered 200 with the whole file. */
  | 'range-ignored'
  /** Another version of the file, with another ETag. */
  | 'etag-change'
  /** One bit of the body is flipped, at a seeded place. */
  | 'wrong-bytes'
  /** The body comes in small pieces with pauses. */
  | 'slow'
  /** The answer is `status` without a body. */
  | 'status';

export interface Fault {
  readonly mode: FaultMode;
  /** Default 0.5. */
  readonly atFraction?: number;
  /** How many answers are affected before all is well again. Default: every one. */
  readonly times?: number;
  /** For `status`. Default 503. */
  readonly status?: number;
  /** Which byte of the file `wrong-bytes` spoils; default: a seeded one of each body. */
  readonly atByte?: number;
}

export interface RecordedRequest {
  readonly path: string;
  readonly range: string | null;
  readonly ifRange: string | null;
  status: number;
  sentBytes: number;
}

export interface FaultServer {
  /** Address of the server's root, with a trailing slash. */
  readonly url: string;
  readonly seed: number;
  readonly requests: readonly RecordedRequest[];
  /** Body bytes sent so far. */
  sentBytes(): number;
  /** What goes wrong from now on with files that are not JSON. */
  setFault(fault: Fault): void;
  close(): Promise<void>;
}

const PIECE_BYTES = 2_048;
const PAUSE_MS = 2;

/** Serves files on loopback and fails on command, the same way for the same seed. */
export async function startFaultServer(options: {
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  readonly seed?: number;
}): Promise<FaultServer> {
  const seed = options.seed ?? 1;
  const random = createRandom(seed);
  const requests: RecordedRequest[] = [];
  let fault: Fault = { mode: 'none' };
  let faultsLeft = 0;

  function takeFault(path: string): Fault {
    if (path.endsWith('.json') || faultsLeft <= 0) return { mode: 'none' };
    faultsLeft -= 1;
    return fault;
  }

  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://loopback').pathname.slice(1);
    const record: RecordedRequest = {
      path,
      range: request.headers.range ?? null,
      ifRange: headerText(request, 'if-range'),
      status: 0,
      sentBytes: 0,
    };
    requests.push(record);
    response.on('error', () => undefined);
    const file = options.files[path];
    if (file === undefined) return void answerStatus(response, record, 404);
    const bytes = typeof file === 'string' ? new TextEncoder().encode(file) : file;
    void answer({ bytes, path, fault: takeFault(path), random, record, response });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}/`,
    seed,
    requests,
    sentBytes: () => requests.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
    setFault(next) {
      fault = next;
      faultsLeft = next.times ?? Number.POSITIVE_INFINITY;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Answer {
  readonly bytes: Uint8Array;
  readonly path: string;
  readonly fault: Fault;
  readonly random: () => number;
  readonly record: RecordedRequest;
  readonly response: ServerResponse;
}

async function answer(job: Answer): Promise<void> {
  const { fault, record, response, path } = job;
  const canRange = fault.mode !== 'range-ignored';
  const isStale = record.ifRange !== null && record.ifRange !== etagOf(job);
  const range = canRange && !isStale ? parseRange(record.range, job.bytes.length) : null;
  if (fault.mode === 'reset') return void response.socket?.resetAndDestroy();
  if (fault.mode === 'status') return answerStatus(response, record, fault.status ?? 503);
  if (fault.mode === 'range-416' && range) return answerStatus(response, record, 416);
  if (fault.mode === 'html') return answerPage(response, record);
  record.status = range ? 206 : 200;
  const content = contentOf(job);
  const start = range?.start ?? 0;
  const end = range?.end ?? content.length;
  response.writeHead(record.status, {
    'content-type': path.endsWith('.json') ? 'application/json' : 'application/octet-stream',
    etag: etagOf(job),
    ...(canRange && { 'accept-ranges': 'bytes' }),
    ...(fault.mode !== 'short-body' && { 'content-length': end - start }),
    ...(range && { 'content-range': `bytes ${start}-${end - 1}/${content.length}` }),
  });
  await sendBody(job, content.subarray(start, end));
}

async function sendBody({ fault, record, response }: Answer, body: Uint8Array): Promise<void> {
  const isCut = ['drop', 'stall', 'short-body'].includes(fault.mode);
  const limit = isCut ? Math.floor(body.length * (fault.atFraction ?? 0.5)) : body.length;
  for (let offset = 0; offset < limit; offset += PIECE_BYTES) {
    const piece = body.subarray(offset, Math.min(offset + PIECE_BYTES, limit));
    if (response.destroyed) return;
    record.sentBytes += piece.length;
    response.write(piece);
    // A broken connection loses what its reader has not taken yet, and loopback is faster than
    // any reader: as on a real line, pieces come one after the other.
    if (fault.mode === 'slow' || fault.mode === 'drop') await delay(PAUSE_MS);
  }
  if (fault.mode === 'stall') return;
  if (fault.mode === 'drop') response.socket?.destroy();
  else response.end();
}

function contentOf({ bytes, fault, random }: Answer): Uint8Array {
  if (fault.mode !== 'etag-change' && fault.mode !== 'wrong-bytes') return bytes;
  if (fault.mode === 'etag-change') return bytes.map((byte) => byte ^ 0xff);
  const spoilt = new Uint8Array(bytes);
  const place = fault.atByte ?? Math.floor(random() * bytes.length);
  spoilt[place] = (spoilt[place] ?? 0) ^ 1;
  return spoilt;
}

function etagOf({ bytes, fault }: Answer): string {
  return `"${bytes.length}-${fault.mode === 'etag-change' ? 'new' : 'old'}"`;
}

function answerStatus(response: ServerResponse, record: RecordedRequest, status: number): void {
  record.status = status;
  response.writeHead(status).end();
}

function answerPage(response: ServerResponse, record: RecordedRequest): void {
  record.status = 200;
  response
    .writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
    .end('<!doctype html><title>Sign in</title>');
}

function parseRange(
  header: string | null,
  length: number,
): { readonly start: number; readonly end: number } | null {
  const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(header ?? '') ?? [];
  if (start === undefined) return null;
  return { start: Number(start), end: end ? Math.min(Number(end) + 1, length) : length };
}

function headerText(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' ? value : null;
}
