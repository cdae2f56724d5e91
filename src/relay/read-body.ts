import { RelayError, invalidRequest } from './relay-error.ts';

/**
 * The request's JSON body, never more than `limitBytes` of it in memory.
 * @throws RelayError 415 (not JSON by its headers), 413 (too large), 400 (not JSON)
 */
export async function readJsonBody(request: Request, limitBytes: number): Promise<unknown> {
  refuseOtherContent(request.headers);
  const bytes = await readLimited(request.body, limitBytes);
  if (bytes === null) throw tooLarge(limitBytes);
  return parseJson(bytes);
}

/**
 * Everything a stream holds, or `null` as soon as it holds more than `limitBytes`; the stream is
 * cancelled then. Counts what arrives, whatever a Content-Length header claims.
 */
export async function readLimited(
  body: ReadableStream<Uint8Array> | null,
  limitBytes: number,
): Promise<Uint8Array | null> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concatenate(chunks, sizeBytes);
    sizeBytes += value.byteLength;
    if (sizeBytes > limitBytes) {
      await reader.cancel();
      return null;
    }
    chunks.push(value);
  }
}

// Anything but JSON could be sent cross-origin without a preflight.
function refuseOtherContent(headers: Headers): void {
  const contentType = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  const encoding = headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (contentType === 'application/json' && encoding === 'identity') return;
  throw new RelayError(
    'bad-content-type',
    'Send the body as uncompressed JSON with the header "Content-Type: application/json".',
    { status: 415, type: 'invalid_request_error' },
  );
}

function tooLarge(limitBytes: number): RelayError {
  return new RelayError(
    'body-too-large',
    `The body is larger than ${limitBytes} bytes. Send less text, or raise "bodyLimitBytes" in the relay.`,
    { status: 413, type: 'invalid_request_error', details: { limitBytes } },
  );
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // No cause: V8's message quotes the body.
    throw invalidRequest('bad-json', 'The body is not valid JSON in UTF-8.');
  }
}

function concatenate(chunks: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const all = new Uint8Array(sizeBytes);
  let offset = 0;
  for (const chunk of chunks) {
    all.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return all;
}
