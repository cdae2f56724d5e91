import { deleteDB, openDB } from 'idb';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openShardStore } from '../../src/storage/shard-store.ts';
import type { ShardStore } from '../../src/types.ts';
import { downloadModel, modelAvailability } from '../../src/weights/download.ts';
import { sha256Hex } from '../../src/weights/verify.ts';
import { openWeightSource, type ShardWarning } from '../../src/weights/weight-source.ts';
import { createLoopbackFetch, type LoopbackFetch } from '../helpers/fault-server-fetch.ts';
import { createFixtureModel } from '../helpers/fault-server-model.ts';

const model = await createFixtureModel({ sizeBytes: 1_000_000, shardBytes: 131_072 });
const { manifest } = model;
const baseUrl = new URL('/models/fixture/', location.href);
const timing = { retryDelayMs: 1 };

let name: string;
let store: ShardStore;
let server: LoopbackFetch;
beforeEach(async () => {
  name = `edgewise-test-${crypto.randomUUID()}`;
  store = await openShardStore({ databaseName: name });
  server = createLoopbackFetch(model.bytes);
});
afterEach(async () => {
  store.close();
  await deleteDB(name);
});

function download(signal?: AbortSignal): Promise<void> {
  return downloadModel({ manifest, baseUrl, store, timing, signal, fetch: server.fetch });
}

/** As a new page does after a reload or a killed tab. */
async function reopen(): Promise<void> {
  store.close();
  store = await openShardStore({ databaseName: name });
}

async function load(): Promise<{ sha256: string; warnings: ShardWarning[] }> {
  const warnings: ShardWarning[] = [];
  const onWarning = (warning: ShardWarning): void => void warnings.push(warning);
  const source = openWeightSource({
    manifest,
    baseUrl,
    store,
    timing,
    onWarning,
    fetch: server.fetch,
  });
  const bytes = new Uint8Array(source.sizeBytes);
  let offset = 0;
  for await (const chunk of source.chunks()) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  expect(offset).toBe(source.sizeBytes);
  return { sha256: await sha256Hex(bytes), warnings };
}

it('downloads once; the next visit loads without the network', async () => {
  await download();
  await reopen();
  expect(await modelAvailability(manifest, store)).toBe('ready');
  const before = server.ranges.length;
  await download();
  const { sha256, warnings } = await load();
  expect(sha256).toBe(manifest.sha256);
  expect(warnings).toEqual([]);
  expect(server.ranges).toHaveLength(before);
});

it('goes on at the missing shard after an abort and a reload', async () => {
  const stop = new AbortController();
  const reason = new Error('tab closed');
  const stored = store.put.bind(store);
  store.put = async (key, blob) => {
    await stored(key, blob);
    if (key.index === 2) stop.abort(reason);
  };
  await expect(download(stop.signal)).rejects.toBe(reason);
  await reopen();
  expect(await store.list(manifest.sha256)).toEqual([0, 1, 2]);
  expect(await modelAvailability(manifest, store)).toBe('partial');
  const before = server.sentBytes();
  await download();
  expect(server.ranges.at(-1)).toBe(`bytes=${3 * manifest.shardBytes}-${manifest.sizeBytes - 1}`);
  expect(server.sentBytes() - before).toBe(manifest.sizeBytes - 3 * manifest.shardBytes);
  expect((await load()).sha256).toBe(manifest.sha256);
});

it('goes on after broken connections', async () => {
  server.breakAfter(200_000);
  await expect(download()).resolves.toBeUndefined();
  expect(server.ranges.length).toBeGreaterThan(1);
  expect((await load()).sha256).toBe(manifest.sha256);
});

it('repairs a shard that rotted in storage, and loads it clean the next time', async () => {
  await download();
  const database = await openDB(name);
  const rotten = model.shard(3);
  rotten[77] = (rotten[77] ?? 0) ^ 0x10;
  await database.put('shards', new Blob([rotten]), [manifest.sha256, 3]);
  database.close();
  const before = server.sentBytes();
  const first = await load();
  expect(first.sha256).toBe(manifest.sha256);
  expect(first.warnings).toEqual([{ type: 'shard-damaged', index: 3, error: null }]);
  expect(server.sentBytes() - before).toBe(manifest.shardBytes);
  expect((await load()).warnings).toEqual([]);
});
