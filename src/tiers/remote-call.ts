import type { Request } from '../types.ts';
import type { Deadlines } from './deadlines.ts';
import { badResponse, badStatus, tooLarge, unreachable, type RemoteCall } from './remote-error.ts';

/** One call on its way. */
export interface OpenCall extends RemoteCall {
  readonly request: Request;
  /** Fires on the caller's abort and on an expired deadline. */
  readonly signal: AbortSignal;
  readonly deadlines: Deadlines;
}

export interface SendOptions {
  readonly fetch: typeof fetch;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A whole answer or an error body; longer ones are not read to the end. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
const MAX_ERROR_BODY_BYTES = 64 * 1024;

/** Sends the request; gives the response once its status is good. */
export async function sendChat(call: OpenCall, options: SendOptions): Promise<Response> {
  const response = await fetchOnce(call, options);
  if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
    throw badResponse(call, 'redirects, which could send the text elsewhere');
  }
  if (response.ok) return response;
  throw badStatus(call, response, await readErrorBody(call, response));
}

/** Reads a body that is one JSON value. */
export async function readJson(call: OpenCall, response: Response): Promise<unknown> {
  const text = await readText(call, response, MAX_BODY_BYTES);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badResponse(call, 'sent JSON that cannot be read', withoutText(cause));
  }
}

/** Decodes a body piece by piece; a character split between two pieces comes whole. */
export async function* readPieces(call: OpenCall, response: Response): AsyncGenerator<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  const decoder = new TextDecoder();
  try {
    for (;;) {
      call.deadlines.onWait();
      const { done, value } = await reader.read();
      call.deadlines.onBytes();
      const text = done ? decoder.decode() : decoder.decode(value, { stream: true });
      if (text !== '') yield text;
      if (done) return;
    }
  } finally {
    // Closes the connection when the reader leaves early; a body that failed has nothing to close.
    reader.cancel().catch(() => undefined);
  }
}

/** A syntax error of JSON quotes what it read, which may be somebody's text. */
export function withoutText(cause: unknown): Error {
  return new Error(cause instanceof Error ? cause.name : 'SyntaxError');
}

async function fetchOnce(call: OpenCall, options: SendOptions): Promise<Response> {
  try {
    return await options.fetch(options.url, {
      method: 'POST',
      headers: {
        ...options.headers,
        'content-type': 'application/json',
        accept: 'text/event-stream, application/json',
      },
      body: JSON.stringify(options.body),
      signal: call.signal,
      redirect: 'manual',
      cache: 'no-store',
    });
  } catch (cause) {
    call.signal.throwIfAborted();
    throw unreachable(call, cause);
  }
}

async function readText(call: OpenCall, response: Response, limitBytes: number): Promise<string> {
  let text = '';
  for await (const piece of readPieces(call, response)) {
    text += piece;
    if (text.length > limitBytes) throw tooLarge(call, limitBytes);
  }
  return text;
}

/** The status counts even when the body that explains it cannot be read. */
async function readErrorBody(call: OpenCall, response: Response): Promise<unknown> {
  try {
    return JSON.parse(await readText(call, response, MAX_ERROR_BODY_BYTES));
  } catch {
    call.signal.throwIfAborted();
    return null;
  }
}
