import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StorageError } from '../../../src/errors.ts';
import { createMemoryShardStore } from '../../../src/storage/memory-shard-store.ts';
import type { ShardStore } from '../../../src/types.ts';
import { downloadModel } from '../../../src/weights/download.ts';
import {
  openWeightSource,
  type ShardWarning,
  type WeightSourceOptions,
} from '../../../src/weights/weight-source.ts';
import { createFixtureModel } from '../../helpers/fault-server-model.ts';
import { type FaultServer, startFaultServer } from '../../helpers/fault-server.ts';

const model = await createFixtureModel({ sizeBytes: 12_500, shardBytes: 2048 });
const { manifest } = model;
const timing = { idleTimeoutMs: 200, retryDelayMs: 1 };
const keyOf = (index: number) => ({ sha256: manifest.sha256, index });

let server: FaultServer;
let store: ShardStore;
let warnings: ShardWarning[];
beforeEach(async () => {
  server = await startFaultServer({ files: { 'fixture.gguf': model.bytes } });
  store = createMemoryShardStore();
  warnings = [];
  await downloadModel({ manifest, baseUrl: server.url, store, timing });
});
afterEach(() => server.close());

function open(options: Partial<WeightSourceOptions> = {}) {
  const onWarning = (warning: ShardWarning): void => void warnings.push(warning);
  return openWeightSource({ manifest, baseUrl: server.url, store, timing, onWarning, ...options });
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const bytes: number[] = [];
  for await (const chunk of chunks) bytes.push(...chunk);
  return Uint8Array.from(bytes);
}

describe('openWeightSource', () => {
  it('gives every byte once, in order, without the network', async () => {
    const before = server.requests.length;
    const source = open();
    expect(source).toMatchObject({ sizeBytes: manifest.sizeBytes, sha256: manifest.sha256 });
    expect(await collect(source.chunks())).toEqual(model.bytes);
    expect(server.requests).toHaveLength(before);
    expect(warnings).toEqual([]);
  });

  it('can be read twice', async () => {
    const source = open();
    await collect(source.chunks());
    expect(await collect(source.chunks())).toEqual(model.bytes);
  });

  it.each([
    ['one flipped bit', (bytes: Uint8Array<ArrayBuffer>) => bytes.with(5, (bytes[5] ?? 0) ^ 1)],
    ['a zero tail', (bytes: Uint8Array<ArrayBuffer>) => bytes.fill(0, bytes.length / 2)],
    ['a byte too few', (bytes: Uint8Array<ArrayBuffer>) => bytes.slice(1)],
    ['nothing in it', () => new Uint8Array(0)],
  ])('repairs a stored shard with %s, and that one alone', async (_name, spoil) => {
    await store.put(keyOf(2), new Blob([spoil(model.shard(2))]));
    const before = server.sentBytes();
    expect(await collect(open().chunks())).toEqual(model.bytes);
    expect(server.sentBytes() - before).toBe(manifest.shardBytes);
    expect(warnings).toEqual([{ type: 'shard-damaged', index: 2, error: null }]);
    warnings = [];
    await collect(open().chunks());
    expect(warnings).toEqual([]);
  });

  it('fetches a missing shard, also from a server without ranges', async () => {
    server.setFault({ mode: 'range-ignored' });
    await store.delete(keyOf(6));
    expect(await collect(open().chunks())).toEqual(model.bytes);
    expect(warnings).toEqual([{ type: 'shard-missing', index: 6, error: null }]);
  });

  it('reads around a shard whose blob the browser lost', async () => {
    const broken: ShardStore = {
      ...store,
      async get(key) {
        if (key.index !== 3) return store.get(key);
        const blob = new Blob([]);
        blob.arrayBuffer = () => Promise.reject(new DOMException('gone', 'NotReadableError'));
        return blob;
      },
    };
    expect(await collect(open({ store: broken }).chunks())).toEqual(model.bytes);
    expect(warnings).toEqual([{ type: 'shard-missing', index: 3, error: null }]);
  });

  it('loads although storage refuses the repaired shard', async () => {
    await store.delete(keyOf(0));
    const full: ShardStore = {
      ...store,
      put: () => Promise.reject(new StorageError('quota-exceeded', 'full')),
    };
    expect(await collect(open({ store: full }).chunks())).toEqual(model.bytes);
    expect(warnings.map(({ type }) => type)).toEqual(['shard-missing', 'shard-not-stored']);
  });

  it('yields no unverified byte when a damaged shard cannot be repaired', async () => {
    await store.put(keyOf(1), new Blob([model.shard(2)]));
    server.setFault({ mode: 'wrong-bytes', atByte: manifest.shardBytes + 1 });
    const seen: Uint8Array[] = [];
    const reading = (async () => {
      for await (const chunk of open().chunks()) seen.push(chunk);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'hash-mismatch', details: { shard: 1 } });
    expect(seen).toEqual([model.shard(0)]);
  });

  it('says that it is offline when a shard is missing and the server is gone', async () => {
    await store.delete(keyOf(0));
    const gone = await startFaultServer({ files: {} });
    await gone.close();
    await expect(collect(open({ baseUrl: gone.url }).chunks())).rejects.toMatchObject({
      code: 'offline',
    });
  });

  it('stops with the signal’s reason, before and between chunks', async () => {
    const reason = new Error('unloaded');
    const early = open().chunks({ signal: AbortSignal.abort(reason) });
    await expect(collect(early)).rejects.toBe(reason);
    const stop = new AbortController();
    const reading = (async () => {
      for await (const chunk of open().chunks({ signal: stop.signal })) {
        expect(chunk).toEqual(model.shard(0));
        stop.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
  });

  it('stops fetching when its reader leaves', async () => {
    await store.delete(keyOf(1));
    server.setFault({ mode: 'stall', atFraction: 0 });
    for await (const chunk of open({ timing: { idleTimeoutMs: 60_000 } }).chunks()) {
      expect(chunk).toEqual(model.shard(0));
      break;
    }
    // The stalled request was given up: closing the server would otherwise wait for it.
    server.setFault({ mode: 'none' });
    expect(await collect(open().chunks())).toEqual(model.bytes);
  });

  it('reads one shard ahead and no more', async () => {
    const read: number[] = [];
    const watching: ShardStore = {
      ...store,
      get: (key) => {
        read.push(key.index);
        return store.get(key);
      },
    };
    const chunks = open({ store: watching }).chunks()[Symbol.asyncIterator]();
    await chunks.next();
    expect(read).toEqual([0, 1]);
    await chunks.next();
    expect(read).toEqual([0, 1, 2]);
    await chunks.return?.();
  });

  it('empties the store while it reads when asked to hold the weights once only', async () => {
    expect(await collect(open({ keepShards: false }).chunks())).toEqual(model.bytes);
    expect(await store.list(manifest.sha256)).toEqual([]);
  });
});
