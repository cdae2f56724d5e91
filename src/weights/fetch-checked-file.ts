import { ModelError } from '../errors.ts';
import { statusError, type FetchJsonOptions } from './fetch-json.ts';
import { requestGuarded } from './guarded-request.ts';
import { sha256Hex } from './verify.ts';

/** What a small file must be. */
export interface FileFacts {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/**
 * Fetches a file that fits in memory and checks it. Throws `NetworkError` when it cannot be fetched,
 * `ModelError` `size-mismatch` or `hash-mismatch` when the server has another one.
 */
export async function fetchCheckedFile(
  url: URL,
  facts: FileFacts,
  options: FetchJsonOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const response = await requestGuarded(url, options);
  try {
    if (response.status !== 200) throw statusError(url, response.status);
    const bytes = await readBytes(url, response.pieces, facts.sizeBytes);
    if (!(await isIntact(bytes, facts))) throw mismatch(url, 'hash-mismatch');
    return bytes;
  } finally {
    response.release();
  }
}

/** Whether these are exactly the bytes that were promised. */
export async function isIntact(
  bytes: Uint8Array<ArrayBuffer>,
  { sizeBytes, sha256 }: FileFacts,
): Promise<boolean> {
  return bytes.length === sizeBytes && (await sha256Hex(bytes)) === sha256;
}

async function readBytes(
  url: URL,
  pieces: AsyncIterable<Uint8Array>,
  sizeBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(sizeBytes);
  let at = 0;
  for await (const piece of pieces) {
    if (at + piece.length > sizeBytes) throw mismatch(url, 'size-mismatch');
    bytes.set(piece, at);
    at += piece.length;
  }
  if (at !== sizeBytes) throw mismatch(url, 'size-mismatch');
  return bytes;
}

function mismatch(url: URL, code: 'hash-mismatch' | 'size-mismatch'): ModelError {
  return new ModelError(
    code,
    `${url.pathname} is not the file its description promises: publish both together again.`,
    { details: { path: url.pathname } },
  );
}
