import type { DownloadProgress, Manifest, ModelAvailability, ShardStore } from '../types.ts';
import { fetchShards, modelFileUrl, type TransferTiming } from './fetch-shards.ts';
import { hostOf } from './guarded-request.ts';
import { createProgressMeter, type ProgressMeter } from './progress-meter.ts';
import { shardSize } from './manifest.ts';

export interface DownloadOptions {
  readonly manifest: Manifest;
  /** Folder the model file is served from (or the manifest's own address). */
  readonly baseUrl: string | URL;
  /** Use `createSpillingShardStore` to go on in memory when the disk is full. */
  readonly store: ShardStore;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly fetch?: typeof fetch | undefined;
  readonly timing?: TransferTiming | undefined;
  /** Milliseconds from any fixed moment; default `performance.now`. */
  readonly now?: () => number;
}

/**
 * Brings every missing shard of a model into `store`, each verified before it is stored. Goes on
 * where an earlier download stopped. Throws `NetworkError`, `TimeoutError`, `ModelError` or
 * `StorageError`; an abort throws the signal's reason. What was stored stays.
 */
export async function downloadModel(options: DownloadOptions): Promise<void> {
  const { manifest, baseUrl, store, signal } = options;
  signal?.throwIfAborted();
  const missing = await missingShards(manifest, store);
  const meter = createMeter(options, missing);
  meter.report();
  if (missing.length === 0) return;
  await fetchShards({
    manifest,
    baseUrl,
    indices: missing,
    fetch: options.fetch,
    signal,
    timing: options.timing,
    onBytes: (bytes) => meter.add(bytes),
    onShard: ({ index, bytes }) => store.put({ sha256: manifest.sha256, index }, new Blob([bytes])),
  });
  meter.report();
}

/** How much of the model is stored. `ready` means complete; loading still checks every shard. */
export async function modelAvailability(
  manifest: Manifest,
  store: ShardStore,
): Promise<Exclude<ModelAvailability, 'unsupported'>> {
  const missing = await missingShards(manifest, store);
  if (missing.length === 0) return 'ready';
  return missing.length === manifest.shards.length ? 'absent' : 'partial';
}

async function missingShards(manifest: Manifest, store: ShardStore): Promise<number[]> {
  const stored = new Set(await store.list(manifest.sha256));
  return [...manifest.shards.keys()].filter((index) => !stored.has(index));
}

function createMeter(options: DownloadOptions, missing: readonly number[]): ProgressMeter {
  const { manifest, baseUrl, onProgress, now = () => performance.now() } = options;
  const missingBytes = missing.reduce((sum, index) => sum + shardSize(manifest, index), 0);
  return createProgressMeter({
    totalBytes: manifest.sizeBytes,
    doneBytes: manifest.sizeBytes - missingBytes,
    source: missing.length > 0 ? hostOf(modelFileUrl(manifest, baseUrl)) : 'this device',
    onProgress,
    now,
  });
}
