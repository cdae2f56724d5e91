import type { Manifest } from '../types.ts';
import {
  badManifest,
  parseCatalogueEntry,
  readCount,
  readRecord,
  readSha256,
} from './catalogue.ts';
import { fetchJson, type FetchJsonOptions } from './fetch-json.ts';

/** Larger shards would make one failed check waste too much, and need too large a buffer. */
const MAX_SHARD_BYTES = 64 * 2 ** 20;
/** 64 GiB in 4 MiB shards. */
const MAX_SHARDS = 16_384;

/**
 * Reads a model's `manifest.json`. Throws `NetworkError` when it cannot be fetched and `ModelError`
 * `bad-manifest` when the answer is something else, such as a web page.
 */
export async function fetchManifest(
  url: string | URL,
  options: FetchJsonOptions = {},
): Promise<Manifest> {
  return parseManifest(await fetchJson(url, options));
}

/** Checks a manifest and everything later code relies on. Throws `ModelError` `bad-manifest`. */
export function parseManifest(value: unknown): Manifest {
  const record = readRecord(value, 'manifest');
  if (record['version'] !== 1) throw badManifest('version', '1, the only version this page knows');
  const entry = parseCatalogueEntry(record);
  const shardBytes = readCount(record, 'shardBytes', MAX_SHARD_BYTES);
  const shards = record['shards'];
  const count = Math.ceil(entry.sizeBytes / shardBytes);
  if (!Array.isArray(shards) || count > MAX_SHARDS || shards.length !== count) {
    throw badManifest('shards', `a list of ${Math.min(count, MAX_SHARDS)} SHA-256 values`);
  }
  const hashes = shards.map((hash, index) => readSha256(hash, `shards[${index}]`));
  return { ...entry, version: 1, shardBytes, shards: hashes };
}

/** Where the shard begins in the file. */
export function shardStart(manifest: Manifest, index: number): number {
  return index * manifest.shardBytes;
}

/** Bytes in the shard: `shardBytes`, except for the last. */
export function shardSize(manifest: Manifest, index: number): number {
  const start = shardStart(manifest, index);
  return Math.min(manifest.shardBytes, manifest.sizeBytes - start);
}
