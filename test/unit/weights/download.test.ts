import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StorageError } from '../../../src/errors.ts';
import { createMemoryShardStore } from '../../../src/storage/memory-shard-store.ts';
import { createSpillingShardStore } from '../../../src/storage/spilling-shard-store.ts';
import type { DownloadProgress, ShardStore } from '../../../src/types.ts';
import {
  downloadModel,
  type DownloadOptions,
  modelAvailability,
} from '../../../src/weights/download.ts';
import { sha256Hex } from '../../../src/weights/verify.ts';
import { createFixtureModel, createRandom } from '../../helpers/fault-server-model.ts';
import { type Fault, type FaultServer, startFaultServer } from '../../helpers/fault-server.ts';

const model = await createFixtureModel();
const { manifest } = model;
const shardCount = manifest.shards.length;
const timing = { idleTimeoutMs: 200, retryDelayMs: 1 };

let server: FaultServer;
let store: ShardStore;
beforeEach(async () => {
  server = await startFaultServer({ files: { 'models/fixture.gguf': model.bytes } });
  store = createMemoryShardStore();
});
afterEach(() => server.close());

function download(options: Partial<DownloadOptions> = {}): Promise<void> {
  return downloadModel({ manifest, baseUrl: `${server.url}models`, store, timing, ...options });
}

/** A clock so fast that progress is reported for every piece. */
function everyStep(): () => number {
  let clockMs = 0;
  return () => (clockMs += 200);
}

/** The stored indices; fails when a stored shard is not what the manifest promises. */
async function storedShards(from: ShardStore = store): Promise<number[]> {
  const indices = await from.list(manifest.sha256);
  for (const index of indices) {
    const blob = await from.get({ sha256: manifest.sha256, index });
    const bytes = new Uint8Array((await blob?.arrayBuffer()) ?? new ArrayBuffer(0));
    expect(await sha256Hex(bytes)).toBe(manifest.shards[index]);
  }
  return indices;
}

const allShards = Array.from({ length: shardCount }, (_, index) => index);

describe('downloadModel', () => {
  it('stores every shard verified, over one request', async () => {
    await download();
    expect(await storedShards()).toEqual(allShards);
    expect(server.requests.map(({ status }) => status)).toEqual([206]);
    expect(server.sentBytes()).toBe(manifest.sizeBytes);
  });

  it('fetches only what is missing', async () => {
    await download();
    const before = server.sentBytes();
    await store.delete({ sha256: manifest.sha256, index: 1 });
    await store.delete({ sha256: manifest.sha256, index: 4 });
    await download();
    expect(await storedShards()).toEqual(allShards);
    expect(server.sentBytes() - before).toBe(2 * manifest.shardBytes);
  });

  it('asks the network for nothing when all is stored', async () => {
    await download();
    const progress: DownloadProgress[] = [];
    await download({ onProgress: (step) => progress.push(step) });
    expect(server.requests).toHaveLength(1);
    expect(progress).toEqual([
      expect.objectContaining({ doneBytes: manifest.sizeBytes, source: 'this device' }),
    ]);
  });

  it('streams from a server without ranges and keeps what is stored', async () => {
    server.setFault({ mode: 'range-ignored' });
    await store.put({ sha256: manifest.sha256, index: 2 }, new Blob([model.shard(2)]));
    await store.put({ sha256: manifest.sha256, index: 5 }, new Blob([model.shard(5)]));
    await download();
    expect(await storedShards()).toEqual(allShards);
    expect(server.requests.map(({ status }) => status)).toEqual([200]);
  });

  it.each<[string, Fault]>([
    ['dropped at 10 %', { mode: 'drop', atFraction: 0.1, times: 1 }],
    ['dropped at 50 %', { mode: 'drop', atFraction: 0.5, times: 1 }],
    ['dropped at 99 %', { mode: 'drop', atFraction: 0.99, times: 1 }],
    ['cut short without an error', { mode: 'short-body', times: 1 }],
    ['stalled', { mode: 'stall', atFraction: 0.6, times: 1 }],
    ['reset before the answer', { mode: 'reset', times: 1 }],
    ['answered 503', { mode: 'status', status: 503, times: 1 }],
    ['answered with one wrong bit', { mode: 'wrong-bytes', times: 1 }],
    ['refused with 416', { mode: 'range-416', times: 1 }],
    ['answered slowly', { mode: 'slow' }],
  ])('completes when the connection is %s', async (_name, fault) => {
    server.setFault(fault);
    await download();
    expect(await storedShards()).toEqual(allShards);
  });

  it.each([0.1, 0.5, 0.99])('wastes at most one shard when dropped at %f', async (atFraction) => {
    server.setFault({ mode: 'drop', atFraction, times: 1 });
    await download();
    expect(server.sentBytes()).toBeLessThanOrEqual(manifest.sizeBytes + manifest.shardBytes);
  });

  it('goes on as long as each connection brings a shard', async () => {
    server.setFault({ mode: 'drop', atFraction: 0.4 });
    await expect(download()).rejects.toMatchObject({ code: 'truncated' });
    // 40 % of 7, 5 and 4 shards hold 2, 1 and 1 whole ones; 40 % of the rest holds none.
    expect(await storedShards()).toEqual([0, 1, 2, 3]);
    expect(server.requests).toHaveLength(6);
  });

  it.each<[string, Fault, object]>([
    [
      'stalls for ever',
      { mode: 'stall', atFraction: 0 },
      { code: 'idle-timeout', isRetryable: true },
    ],
    ['answers with a page', { mode: 'html' }, { code: 'bad-response', isRetryable: false }],
    [
      'has no such file',
      { mode: 'status', status: 404 },
      { code: 'http-status', isRetryable: false },
    ],
    [
      'stays overloaded',
      { mode: 'status', status: 503 },
      { code: 'http-status', isRetryable: true },
    ],
    ['always ends early', { mode: 'short-body', atFraction: 0.1 }, { code: 'truncated' }],
  ])('ends in a typed error when the server %s', async (_name, fault, expected) => {
    server.setFault(fault);
    await expect(download()).rejects.toMatchObject(expected);
    expect(await storedShards()).toEqual([]);
  });

  it('says that it cannot reach a server that is gone', async () => {
    const gone = await startFaultServer({ files: {} });
    await gone.close();
    await expect(download({ baseUrl: gone.url })).rejects.toMatchObject({
      name: 'NetworkError',
      code: 'offline',
      isRetryable: true,
    });
  });

  it('fetches a bad shard once more, then names it', async () => {
    server.setFault({ mode: 'wrong-bytes', atByte: 3 * manifest.shardBytes + 7 });
    await expect(download()).rejects.toMatchObject({
      name: 'ModelError',
      code: 'hash-mismatch',
      details: { shard: 3 },
    });
    expect(await storedShards()).toEqual([0, 1, 2]);
    expect(server.requests).toHaveLength(2);
  });

  it('never mixes two versions of the file', async () => {
    server.setFault({ mode: 'drop', atFraction: 0.5, times: 1 });
    let isChanged = false;
    const changing = download({
      now: everyStep(),
      onProgress: ({ doneBytes }) => {
        if (doneBytes === 0 || isChanged) return;
        isChanged = true;
        server.setFault({ mode: 'etag-change' });
      },
    });
    await expect(changing).rejects.toMatchObject({ code: 'hash-mismatch' });
    const stored = await storedShards();
    expect(stored.length).toBeGreaterThan(0);
    expect(stored.length).toBeLessThan(shardCount);
  });

  it('refuses a file of another size before reading it', async () => {
    const other = await startFaultServer({ files: { 'fixture.gguf': model.bytes.slice(1) } });
    await expect(download({ baseUrl: other.url })).rejects.toMatchObject({ code: 'size-mismatch' });
    await other.close();
  });

  it('stops at once on abort, keeps what is stored and resumes', async () => {
    server.setFault({ mode: 'stall', atFraction: 0.5, times: 1 });
    const stop = new AbortController();
    const reason = new Error('paused');
    const paused = download({
      signal: stop.signal,
      timing: { idleTimeoutMs: 60_000 },
      now: everyStep(),
      onProgress: ({ doneBytes }) => {
        if (doneBytes > manifest.shardBytes) stop.abort(reason);
      },
    });
    await expect(paused).rejects.toBe(reason);
    expect(await modelAvailability(manifest, store)).toBe('partial');
    const kept = (await storedShards()).length;
    const before = server.sentBytes();
    await download();
    expect(await storedShards()).toEqual(allShards);
    expect(server.sentBytes() - before).toBe(manifest.sizeBytes - kept * manifest.shardBytes);
  });

  it('stops while it waits for a retry', async () => {
    server.setFault({ mode: 'status', status: 503 });
    const stop = new AbortController();
    const reason = new Error('closed');
    const waiting = download({ signal: stop.signal, timing: { retryDelayMs: 60_000 } });
    while (server.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    setImmediate(() => stop.abort(reason));
    await expect(waiting).rejects.toBe(reason);
  });

  it('reports bytes that only count verified or arriving ones, and ends at the total', async () => {
    server.setFault({ mode: 'drop', atFraction: 0.5, times: 1 });
    const steps: DownloadProgress[] = [];
    await download({ onProgress: (step) => steps.push(step), now: everyStep() });
    expect(steps[0]?.doneBytes).toBe(0);
    expect(steps.at(-1)?.doneBytes).toBe(manifest.sizeBytes);
    expect(steps.every(({ doneBytes }) => doneBytes <= manifest.sizeBytes)).toBe(true);
    expect(steps.at(-1)?.source).toBe(new URL(server.url).host);
  });
});

describe('downloadModel on failing storage', () => {
  /** Refuses every put from the k-th on, or only the k-th. */
  function failingStore(inner: ShardStore, k: number, isForEver: boolean): ShardStore {
    let puts = 0;
    return {
      ...inner,
      put: (key, blob) => {
        puts += 1;
        const fails = isForEver ? puts >= k : puts === k;
        return fails
          ? Promise.reject(new StorageError('quota-exceeded', 'full'))
          : inner.put(key, blob);
      },
    };
  }

  it('ends in quota-exceeded without asking again and again', async () => {
    const full = failingStore(store, 3, true);
    await expect(download({ store: full })).rejects.toMatchObject({ code: 'quota-exceeded' });
    expect(await storedShards()).toEqual([0, 1]);
    expect(server.requests).toHaveLength(1);
  });

  it.each(allShards.flatMap((k) => [true, false].map((isForEver) => [k + 1, isForEver] as const)))(
    'completes in memory when put %i fails (for ever: %s), and says so once',
    async (k, isForEver) => {
      const reasons: string[] = [];
      const spilling = createSpillingShardStore(failingStore(store, k, isForEver), ({ code }) =>
        reasons.push(code),
      );
      await download({ store: spilling });
      expect(await storedShards(spilling)).toEqual(allShards);
      expect(reasons).toEqual(['quota-exceeded']);
      expect(await storedShards()).toHaveLength(k - 1);
    },
  );
});

describe('downloadModel under random faults', () => {
  const modes: Fault['mode'][] = [
    'drop',
    'reset',
    'stall',
    'short-body',
    'range-416',
    'range-ignored',
    'wrong-bytes',
    'status',
  ];

  it.each(Array.from({ length: 24 }, (_, seed) => seed))(
    'ends ready with seed %i',
    async (seed) => {
      const random = createRandom(seed);
      for (let round = 0; round < 3; round++) {
        const mode = modes[Math.floor(random() * modes.length)] ?? 'drop';
        server.setFault({ mode, atFraction: random(), times: 1 });
        // A round may end in an error; what it stored is sound and the next round goes on from it.
        await download({ timing: { idleTimeoutMs: 50, retryDelayMs: 0 } }).catch(() => undefined);
        await storedShards();
      }
      server.setFault({ mode: 'none' });
      await download();
      expect(await storedShards()).toEqual(allShards);
    },
  );
});

describe('modelAvailability', () => {
  it('goes from absent over partial to ready', async () => {
    expect(await modelAvailability(manifest, store)).toBe('absent');
    await store.put({ sha256: manifest.sha256, index: 0 }, new Blob([model.shard(0)]));
    expect(await modelAvailability(manifest, store)).toBe('partial');
    await download();
    expect(await modelAvailability(manifest, store)).toBe('ready');
  });
});
