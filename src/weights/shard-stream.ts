import { ModelError, NetworkError } from '../errors.ts';
import type { Manifest } from '../types.ts';
import { statusError } from './fetch-json.ts';
import { type GuardedResponse, hostOf, requestGuarded } from './guarded-request.ts';
import { shardSize, shardStart } from './manifest.ts';

/** A run of neighbouring shards, both ends included. */
export interface ShardRun {
  readonly first: number;
  readonly last: number;
}

export interface ShardStreamOptions {
  readonly manifest: Manifest;
  /** Address of the model file. */
  readonly url: URL;
  readonly fetch?: typeof fetch;
  readonly signal?: AbortSignal | undefined;
  readonly idleTimeoutMs?: number;
  /** `false` asks for the whole file, for servers that mishandle ranges. */
  readonly useRange: boolean;
  /** Shards still missing; on a whole-file answer all of them are taken, not only the run. */
  readonly wanted: ReadonlySet<number>;
  /** Called as bytes of wanted shards arrive. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

export interface StreamedShard {
  readonly index: number;
  /** Unverified; the right length. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The server cannot serve this range: ask for the whole file instead. */
export class RangeRefused extends Error {
  override readonly name = 'RangeRefused';
}

/**
 * Streams `run` over one connection, cut into shards. Each shard comes whole out of a single
 * answer: bytes of two answers, which may be two versions of the file, are never joined, so no
 * `If-Range` is needed (that header would also cost a preflight across origins).
 *
 * A server that ignores the range sends the file from its start; what lies before `run` is skipped.
 */
export async function* streamShards(
  run: ShardRun,
  options: ShardStreamOptions,
): AsyncGenerator<StreamedShard, void, undefined> {
  const response = await requestRun(run, options);
  try {
    const isWhole = checkAnswer(run, response, options);
    const pieces = isWhole
      ? skipBytes(response.pieces, shardStart(options.manifest, run.first))
      : response.pieces;
    const last = isWhole ? Math.max(...options.wanted) : run.last;
    yield* cutShards({ first: run.first, last }, pieces, options);
  } finally {
    response.release();
  }
}

function requestRun(run: ShardRun, options: ShardStreamOptions): Promise<GuardedResponse> {
  const { manifest, url, fetch, signal, idleTimeoutMs, useRange } = options;
  const end = shardStart(manifest, run.last) + shardSize(manifest, run.last) - 1;
  return requestGuarded(url, {
    ...(fetch && { fetch }),
    ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
    ...(useRange && { headers: { Range: `bytes=${shardStart(manifest, run.first)}-${end}` } }),
    signal,
  });
}

/** Whether the answer is the whole file rather than the run. Throws when it is neither. */
function checkAnswer(
  run: ShardRun,
  response: GuardedResponse,
  { manifest, url, useRange }: ShardStreamOptions,
): boolean {
  const { status, headers } = response;
  if (status === 416 && useRange) throw new RangeRefused();
  if (status !== 200 && !(status === 206 && useRange)) throw statusError(url, status);
  if (/^text\/html\b/i.test(headers.get('content-type') ?? '')) throw pageError(url);
  if (status === 206) checkContentRange(run, headers.get('content-range'), manifest);
  return status === 200;
}

function checkContentRange(run: ShardRun, header: string | null, manifest: Manifest): void {
  // Across origins the header is hidden unless exposed; the shard hashes judge then.
  if (header === null) return;
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header) ?? [];
  if (total !== undefined && total !== '*' && Number(total) !== manifest.sizeBytes) {
    throw new ModelError(
      'size-mismatch',
      `The server's ${manifest.file} has ${total} bytes, its manifest says ${manifest.sizeBytes}: run \`npx --no-install edgewise pull\` again on the server.`,
      {
        details: { id: manifest.id, totalBytes: Number(total), expectedBytes: manifest.sizeBytes },
      },
    );
  }
  if (Number(start) !== shardStart(manifest, run.first)) throw new RangeRefused();
}

async function* skipBytes(
  pieces: AsyncIterable<Uint8Array>,
  count: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = count;
  for await (const piece of pieces) {
    const skipped = Math.min(left, piece.length);
    left -= skipped;
    if (skipped < piece.length) yield piece.subarray(skipped);
  }
}

async function* cutShards(
  run: ShardRun,
  pieces: AsyncIterable<Uint8Array>,
  { manifest, url, wanted, onBytes }: ShardStreamOptions,
): AsyncGenerator<StreamedShard, void, undefined> {
  let index = run.first;
  let shard = new Uint8Array(shardSize(manifest, index));
  let filled = 0;
  for await (const piece of pieces) {
    let rest = piece;
    while (rest.length > 0) {
      const part = rest.subarray(0, shard.length - filled);
      shard.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
      const isWanted = wanted.has(index);
      if (isWanted) onBytes?.(part.length);
      if (filled < shard.length) break;
      if (isWanted) yield { index, bytes: shard };
      if (index === run.last) return;
      index += 1;
      shard = new Uint8Array(shardSize(manifest, index));
      filled = 0;
    }
  }
  // A chunked body that ends early is no error to the browser, and padding it would be one.
  throw new NetworkError(
    'truncated',
    `${hostOf(url)} ended ${manifest.file} too early: try again.`,
    {
      details: { host: url.host, id: manifest.id, shard: index },
      isRetryable: true,
    },
  );
}

function pageError(url: URL): NetworkError {
  return new NetworkError(
    'bad-response',
    `${hostOf(url)} answered with a web page instead of model weights: sign in to the network, or check that ${url.pathname} is served.`,
    { details: { host: url.host, path: url.pathname } },
  );
}
