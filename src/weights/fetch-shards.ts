import { EdgewiseError, ModelError } from '../errors.ts';
import type { Manifest } from '../types.ts';
import { absoluteUrl } from './fetch-json.ts';
import { hostOf } from './guarded-request.ts';
import { RangeRefused, type ShardRun, type StreamedShard, streamShards } from './shard-stream.ts';
import { isShardIntact } from './verify.ts';

/** How patient the transfer is; the defaults suit people, tests shorten them. */
export interface TransferTiming {
  /** Silence that counts as a dead connection. Default 15,000. */
  readonly idleTimeoutMs?: number;
  /** Wait before the first retry; doubles each time up to 8 s. Default 500. */
  readonly retryDelayMs?: number;
}

export interface FetchShardsOptions {
  readonly manifest: Manifest;
  /** Folder (or any file in it) the model file is served from; relative to the page if not absolute. */
  readonly baseUrl: string | URL;
  /** Shards wanted, ascending. */
  readonly indices: readonly number[];
  readonly fetch?: typeof fetch | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timing?: TransferTiming | undefined;
  /** Gets each shard once, verified; the transfer waits for it. */
  onShard(shard: StreamedShard): Promise<void>;
  /** Bytes arrived, or taken back (negative) because they were bad or cut off. */
  onBytes?(bytes: number): void;
}

/** Tries in a row without one good shard before the failure is the caller's. */
const MAX_TRIES = 4;
const RETRY_DELAY_MS = 500;
const MAX_RETRY_DELAY_MS = 8_000;
/** A shard with wrong bytes is fetched once more: a line can garble, a wrong file stays wrong. */
const MAX_BAD_FETCHES = 2;

/**
 * Fetches shards, verified, over one connection at a time, and goes on where a broken one stopped.
 * Throws `NetworkError` or `TimeoutError` when the server stays out of reach, `ModelError`
 * `hash-mismatch` when it serves other bytes than the manifest promises, and the signal's reason.
 */
export async function fetchShards(options: FetchShardsOptions): Promise<void> {
  const transfer = createTransfer(options);
  let tries = 0;
  while (transfer.missing.size > 0) {
    options.signal?.throwIfAborted();
    const before = transfer.missing.size;
    try {
      await fetchRun(firstRun(transfer.missing), transfer);
      tries = 0;
    } catch (error) {
      if (error instanceof RangeRefused && transfer.useRange) {
        transfer.useRange = false;
        continue;
      }
      tries = transfer.missing.size < before ? 1 : tries + 1;
      if (!isRetryable(error) || tries >= MAX_TRIES) throw error;
      await wait(retryDelay(tries, options.timing), options.signal);
    }
  }
}

/** Address of the model file below `baseUrl`. */
export function modelFileUrl(manifest: Manifest, baseUrl: string | URL): URL {
  const folder = absoluteUrl(baseUrl);
  const isFile = folder.pathname.endsWith('.json');
  if (!isFile && !folder.pathname.endsWith('/')) folder.pathname += '/';
  return new URL(encodeURIComponent(manifest.file), folder);
}

interface Transfer {
  readonly options: FetchShardsOptions;
  readonly url: URL;
  readonly missing: Set<number>;
  readonly badFetches: Map<number, number>;
  useRange: boolean;
}

function createTransfer(options: FetchShardsOptions): Transfer {
  return {
    options,
    url: modelFileUrl(options.manifest, options.baseUrl),
    missing: new Set(options.indices),
    badFetches: new Map(),
    useRange: true,
  };
}

function firstRun(missing: ReadonlySet<number>): ShardRun {
  const [first = 0] = missing;
  let last = first;
  while (missing.has(last + 1)) last += 1;
  return { first, last };
}

async function fetchRun(run: ShardRun, transfer: Transfer): Promise<void> {
  const { manifest, fetch, signal, timing, onBytes } = transfer.options;
  let pendingBytes = 0;
  const stream = streamShards(run, {
    manifest,
    url: transfer.url,
    signal,
    useRange: transfer.useRange,
    wanted: transfer.missing,
    ...(fetch && { fetch }),
    ...(timing?.idleTimeoutMs !== undefined && { idleTimeoutMs: timing.idleTimeoutMs }),
    onBytes(bytes) {
      pendingBytes += bytes;
      onBytes?.(bytes);
    },
  });
  try {
    for await (const shard of stream) {
      if (await acceptShard(shard, transfer)) pendingBytes = 0;
      else break;
    }
  } finally {
    if (pendingBytes > 0) onBytes?.(-pendingBytes);
  }
}

/** Hands a good shard on. `false`: it was bad and is to be fetched again, alone. */
async function acceptShard(shard: StreamedShard, transfer: Transfer): Promise<boolean> {
  const { options, missing, badFetches } = transfer;
  if (await isShardIntact(options.manifest, shard.index, shard.bytes)) {
    options.signal?.throwIfAborted();
    await options.onShard(shard);
    missing.delete(shard.index);
    return true;
  }
  const count = (badFetches.get(shard.index) ?? 0) + 1;
  badFetches.set(shard.index, count);
  if (count >= MAX_BAD_FETCHES) throw hashMismatch(options.manifest, shard.index, transfer.url);
  return false;
}

function isRetryable(error: unknown): boolean {
  if (!EdgewiseError.is(error) || !error.isRetryable) return false;
  // The device knows that it is offline: waiting a few seconds more does not help.
  return error.details['isOffline'] !== true;
}

function retryDelay(tries: number, timing: TransferTiming | undefined): number {
  const base = timing?.retryDelayMs ?? RETRY_DELAY_MS;
  return Math.min(base * 2 ** (tries - 1), MAX_RETRY_DELAY_MS);
}

function wait(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, delayMs);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

function hashMismatch(manifest: Manifest, index: number, url: URL): ModelError {
  return new ModelError(
    'hash-mismatch',
    `${hostOf(url)} serves wrong bytes in shard ${index} of ${manifest.file} (fetched ${MAX_BAD_FETCHES} times): run \`npx --no-install edgewise pull\` again on the server.`,
    { details: { id: manifest.id, shard: index, host: url.host } },
  );
}
