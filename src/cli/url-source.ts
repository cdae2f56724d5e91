import { setTimeout as delay } from 'node:timers/promises';
import { EdgewiseError, NetworkError } from '../errors.ts';
import { statusError } from '../weights/fetch-json.ts';
import { type GuardedResponse, requestGuarded } from '../weights/guarded-request.ts';
import { createProgressMeter, type ProgressMeter } from '../weights/progress-meter.ts';
import type { ModelWriter } from './model-writer.ts';
import type { SourceContext } from './source-reader.ts';

/** Broken connections in a row, without a new byte, before the next source is tried. */
const MAX_TRIES = 4;
const RETRY_DELAY_MS = 1_000;

/**
 * Downloads `url` into `writer` and goes on where a broken connection stopped, provided the server
 * still has the same file (`If-Range`). Throws `NetworkError` or `TimeoutError`.
 */
export async function readUrlSource(
  url: URL,
  writer: ModelWriter,
  context: SourceContext,
): Promise<void> {
  const download: Download = { url, writer, context, validator: null, meter: null };
  let tries = 0;
  for (;;) {
    const before = writer.sizeBytes;
    try {
      await readOnce(download);
      return;
    } catch (error) {
      context.signal.throwIfAborted();
      tries = writer.sizeBytes > before ? 1 : tries + 1;
      if (!isWorthRetrying(error, writer) || tries >= MAX_TRIES) throw error;
      context.report.line(`  ${error.message} (try ${tries + 1} of ${MAX_TRIES})`);
      const waitMs = (context.retryDelayMs ?? RETRY_DELAY_MS) * 2 ** (tries - 1);
      await delay(waitMs, undefined, { signal: context.signal });
    }
  }
}

/** A host that cannot be reached at all is left for the next source at once. */
function isWorthRetrying(error: unknown, writer: ModelWriter): error is EdgewiseError {
  if (!EdgewiseError.is(error) || !error.isRetryable) return false;
  return error.code !== 'offline' || writer.sizeBytes > 0;
}

interface Download {
  readonly url: URL;
  readonly writer: ModelWriter;
  readonly context: SourceContext;
  /** Strong ETag of the version the bytes so far belong to. */
  validator: string | null;
  meter: ProgressMeter | null;
}

async function readOnce(download: Download): Promise<void> {
  const { url, writer, context } = download;
  const response = await request(download);
  try {
    const totalBytes = await prepare(download, response);
    download.meter ??= createProgressMeter({
      totalBytes: totalBytes ?? 0,
      doneBytes: writer.sizeBytes,
      source: url.host,
      onProgress: (progress) => context.report.progress(progress),
      now: () => performance.now(),
    });
    for await (const piece of response.pieces) {
      await writer.write(piece);
      download.meter.add(piece.length);
    }
    if (totalBytes !== null && writer.sizeBytes < totalBytes) throw tooShort(download, totalBytes);
  } finally {
    response.release();
  }
}

async function request(download: Download): Promise<GuardedResponse> {
  const { url, writer, context, validator } = download;
  const canResume = writer.sizeBytes > 0 && validator !== null;
  const headers = canResume
    ? { Range: `bytes=${writer.sizeBytes}-`, 'If-Range': validator }
    : undefined;
  return requestGuarded(url, {
    signal: context.signal,
    ...(headers && { headers }),
    ...(context.fetch && { fetch: context.fetch }),
    ...(context.idleTimeoutMs !== undefined && { idleTimeoutMs: context.idleTimeoutMs }),
  });
}

/** Checks what the server sends and gives the size of the whole file, if known. */
async function prepare(download: Download, response: GuardedResponse): Promise<number | null> {
  const { url, writer, context } = download;
  const { status, headers } = response;
  if (status !== 200 && status !== 206) throw statusError(url, status);
  if (/^text\/html\b/i.test(headers.get('content-type') ?? '')) {
    throw new NetworkError(
      'bad-response',
      `${url.host} answered with a web page instead of a model file.`,
      { details: { host: url.host } },
    );
  }
  const isContinued =
    status === 206 && headers.get('content-range')?.startsWith(`bytes ${writer.sizeBytes}-`);
  if (!isContinued && writer.sizeBytes > 0) {
    download.meter?.add(-writer.sizeBytes);
    await writer.restart();
  }
  const etag = headers.get('etag');
  download.validator = etag?.startsWith('"') ? etag : null;
  return context.expectedBytes ?? announcedBytes(response, writer.sizeBytes);
}

function announcedBytes({ headers }: GuardedResponse, doneBytes: number): number | null {
  const length = headers.get('content-length');
  const isEncoded = headers.has('content-encoding');
  return length === null || isEncoded ? null : doneBytes + Number(length);
}

function tooShort({ url, writer }: Download, totalBytes: number): NetworkError {
  return new NetworkError(
    'truncated',
    `${url.host} sent ${writer.sizeBytes} of ${totalBytes} bytes.`,
    { details: { host: url.host, totalBytes }, isRetryable: true },
  );
}
