import { EdgewiseError } from '../errors.ts';
import type { CallOptions, Manifest, ShardKey, ShardStore, WeightSource } from '../types.ts';
import { fetchShards, type TransferTiming } from './fetch-shards.ts';
import { isShardIntact } from './verify.ts';

export interface WeightSourceOptions {
  readonly manifest: Manifest;
  /** Folder the model file is served from: damaged or missing shards are fetched from there. */
  readonly baseUrl: string | URL;
  readonly store: ShardStore;
  readonly fetch?: typeof fetch | undefined;
  readonly timing?: TransferTiming | undefined;
  /** A shard was damaged or missing and has been replaced, or could not be stored again. */
  readonly onWarning?: ((warning: ShardWarning) => void) | undefined;
  /**
   * `false` deletes each shard once it was read, so that a memory store and the engine never hold
   * the weights twice; a function says so for each shard. Default `true`.
   */
  readonly keepShards?: boolean | ((key: ShardKey) => boolean);
}

export interface ShardWarning {
  readonly type: 'shard-missing' | 'shard-damaged' | 'shard-not-stored';
  readonly index: number;
  readonly error: EdgewiseError | null;
}

/**
 * The stored model as an engine reads it. Each shard is hashed again on the way out; a bad or
 * missing one alone is fetched from the network, verified and stored. One shard is read ahead, so
 * that hashing overlaps the engine's work. `chunks` throws what fetching throws.
 */
export function openWeightSource(options: WeightSourceOptions): WeightSource {
  const { manifest } = options;
  return {
    sizeBytes: manifest.sizeBytes,
    sha256: manifest.sha256,
    chunks: (callOptions = {}) => readShards(options, callOptions),
  };
}

async function* readShards(
  options: WeightSourceOptions,
  { signal }: CallOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { manifest, store, keepShards = true } = options;
  const isKept = typeof keepShards === 'function' ? keepShards : () => keepShards;
  const stop = new AbortController();
  const forward = (): void => stop.abort(signal?.reason);
  signal?.addEventListener('abort', forward, { once: true });
  let next = startReading(0);

  function startReading(index: number): Promise<Uint8Array<ArrayBuffer>> {
    const reading = readShard(index, options, stop.signal);
    // Read ahead of its await: a failure is thrown there, not reported as unhandled here.
    reading.catch(() => undefined);
    return reading;
  }

  try {
    for (const index of manifest.shards.keys()) {
      signal?.throwIfAborted();
      const bytes = await next;
      if (index + 1 < manifest.shards.length) next = startReading(index + 1);
      yield bytes;
      const key = keyOf(manifest, index);
      if (!isKept(key)) await store.delete(key);
    }
  } finally {
    signal?.removeEventListener('abort', forward);
    stop.abort(new DOMException('The reader went away.', 'AbortError'));
  }
}

async function readShard(
  index: number,
  options: WeightSourceOptions,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const stored = await readStored(index, options);
  if (stored !== null) {
    if (await isShardIntact(options.manifest, index, stored)) return stored;
    options.onWarning?.({ type: 'shard-damaged', index, error: null });
  }
  return repairShard(index, options, signal);
}

/** The stored bytes, or `null` when there are none or the store cannot give them. */
async function readStored(
  index: number,
  { manifest, store, onWarning }: WeightSourceOptions,
): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    const blob = await store.get(keyOf(manifest, index));
    if (blob !== null) return new Uint8Array(await blob.arrayBuffer());
    onWarning?.({ type: 'shard-missing', index, error: null });
  } catch (error) {
    // A blob whose file is gone rejects when read; storage itself may be gone too.
    const reason = EdgewiseError.is(error) ? error : null;
    onWarning?.({ type: 'shard-missing', index, error: reason });
  }
  return null;
}

async function repairShard(
  index: number,
  options: WeightSourceOptions,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const { manifest, baseUrl, fetch, timing } = options;
  let repaired: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  await fetchShards({
    manifest,
    baseUrl,
    indices: [index],
    fetch,
    signal,
    timing,
    async onShard({ bytes }) {
      repaired = bytes;
      await storeAgain(index, bytes, options);
    },
  });
  return repaired;
}

/** Loading goes on without the disk: the bytes are verified and in hand. */
async function storeAgain(
  index: number,
  bytes: Uint8Array<ArrayBuffer>,
  { manifest, store, onWarning }: WeightSourceOptions,
): Promise<void> {
  try {
    await store.put(keyOf(manifest, index), new Blob([bytes]));
  } catch (error) {
    if (!EdgewiseError.is(error)) throw error;
    onWarning?.({ type: 'shard-not-stored', index, error });
  }
}

function keyOf(manifest: Manifest, index: number): ShardKey {
  return { sha256: manifest.sha256, index };
}
