import { ModelError, NetworkError } from '../errors.ts';
import { hostOf, requestGuarded } from './guarded-request.ts';

export interface FetchJsonOptions {
  readonly signal?: AbortSignal | undefined;
  readonly fetch?: typeof fetch;
  readonly idleTimeoutMs?: number;
}

/** A manifest of 16,384 shards is about 1.1 MB. */
const MAX_JSON_BYTES = 4 * 2 ** 20;

/**
 * Fetches a small JSON file. Throws `NetworkError` when there is none, `ModelError` `bad-manifest`
 * when the answer is not JSON (often a single-page app answering every address with its page).
 */
export async function fetchJson(url: string | URL, options: FetchJsonOptions): Promise<unknown> {
  const address = absoluteUrl(url);
  const response = await requestGuarded(address, options);
  try {
    if (response.status !== 200) throw statusError(address, response.status);
    const text = await readText(address, response.pieces);
    return parseJson(address, text);
  } finally {
    response.release();
  }
}

/** Relative addresses are taken from where the page or worker was loaded. */
export function absoluteUrl(url: string | URL): URL {
  return new URL(url, (globalThis.location as { readonly href: string } | undefined)?.href);
}

export function statusError(url: URL, status: number): NetworkError {
  const isRetryable = status === 408 || status === 429 || status >= 500;
  return new NetworkError(
    'http-status',
    `${hostOf(url)} answered ${status} for ${url.pathname}: ${isRetryable ? 'try again later' : 'check the address, or run `npx --no-install edgewise pull` on the server'}.`,
    { details: { host: url.host, path: url.pathname, status }, isRetryable },
  );
}

async function readText(url: URL, pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let sizeBytes = 0;
  let text = '';
  for await (const piece of pieces) {
    sizeBytes += piece.length;
    if (sizeBytes > MAX_JSON_BYTES) {
      throw new NetworkError(
        'too-large',
        `${url.pathname} is larger than ${MAX_JSON_BYTES} bytes.`,
      );
    }
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

function parseJson(url: URL, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const isPage = /^\s*</.test(text);
    throw new ModelError(
      'bad-manifest',
      `${url.pathname} is ${isPage ? 'a web page' : 'not JSON'}: run \`npx --no-install edgewise pull\` so that ${hostOf(url)} serves the model's files.`,
      { details: { host: url.host, path: url.pathname }, cause },
    );
  }
}
