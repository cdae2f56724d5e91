import { deleteDB, openDB } from 'idb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openShardStore } from '../../src/storage/shard-store.ts';
import { createSpillingShardStore } from '../../src/storage/spilling-shard-store.ts';
import type { ShardStore } from '../../src/types.ts';
import { describeShardStore } from '../contract/shard-store.contract.ts';

const SHA256 = 'c'.repeat(64);
const names: string[] = [];

function newName(): string {
  const name = `edgewise-test-${crypto.randomUUID()}`;
  names.push(name);
  return name;
}

afterEach(async () => {
  for (const name of names.splice(0)) await deleteDB(name);
});

describeShardStore('IndexedDB', () => openShardStore({ databaseName: newName() }));

describe('IndexedDB shard store', () => {
  let name: string;
  let store: ShardStore;
  beforeEach(async () => {
    name = newName();
    store = await openShardStore({ databaseName: name });
  });
  afterEach(() => store.close());

  const put = (index: number, part: BlobPart = 'bytes'): Promise<void> =>
    store.put({ sha256: SHA256, index }, new Blob([part]));

  it('keeps shards for the next visit', async () => {
    await put(4);
    store.close();
    store = await openShardStore({ databaseName: name });
    expect(store.isPersistent).toBe(true);
    expect(await store.list(SHA256)).toEqual([4]);
    expect(await (await store.get({ sha256: SHA256, index: 4 }))?.text()).toBe('bytes');
  });

  it('lets another tab delete the database at once, and works on afterwards', async () => {
    await put(0);
    await deleteDB(name, {
      blocked: () => {
        throw new Error('The store held on to its connection.');
      },
    });
    expect(await store.list(SHA256)).toEqual([]);
    await put(1);
    expect(await store.list(SHA256)).toEqual([1]);
  });

  it('reopens a connection that died while it was used', async () => {
    const original = IDBDatabase.prototype.transaction;
    let deaths = 2;
    IDBDatabase.prototype.transaction = function dying(...options) {
      if (deaths-- > 0) this.close();
      return original.apply(this, options);
    };
    try {
      await put(2);
      expect(deaths).toBeLessThan(0);
    } finally {
      IDBDatabase.prototype.transaction = original;
    }
    expect(await store.list(SHA256)).toEqual([2]);
  });

  it('is unavailable where the browser refuses storage', async () => {
    const original = IDBFactory.prototype.open;
    IDBFactory.prototype.open = () => {
      throw new DOMException('Access is denied.', 'SecurityError');
    };
    try {
      const opening = openShardStore({ databaseName: newName() });
      await expect(opening).rejects.toMatchObject({ name: 'StorageError', code: 'unavailable' });
    } finally {
      IDBFactory.prototype.open = original;
    }
  });

  it('is unavailable to an old page when a newer one has changed the database', async () => {
    store.close();
    const newer = await openDB(name, 99);
    newer.close();
    await expect(openShardStore({ databaseName: name })).rejects.toMatchObject({
      code: 'unavailable',
    });
  });
});

describe('a put that succeeds in a transaction that aborts', () => {
  const originalPut = IDBObjectStore.prototype.put;
  afterEach(() => {
    IDBObjectStore.prototype.put = originalPut;
  });

  /** As the browser does when the disk is full: `success` fires, then the transaction aborts. */
  function abortAfterSuccess(): string[] {
    const events: string[] = [];
    IDBObjectStore.prototype.put = function aborting(...options) {
      const request = originalPut.apply(this, options);
      request.addEventListener('success', () => {
        events.push('success');
        this.transaction.abort();
      });
      return request;
    };
    return events;
  }

  it('counts as failed, is not stored, and makes the rest go to memory', async () => {
    const store = await openShardStore({ databaseName: newName() });
    const key = { sha256: SHA256, index: 0 };
    const events = abortAfterSuccess();
    await expect(store.put(key, new Blob(['lost']))).rejects.toMatchObject({
      name: 'StorageError',
      code: 'write-failed',
    });
    expect(events).toEqual(['success']);
    expect(await store.get(key)).toBeNull();

    const reasons: string[] = [];
    const spilling = createSpillingShardStore(store, ({ code }) => reasons.push(code));
    await spilling.put(key, new Blob(['kept']));
    await spilling.put({ sha256: SHA256, index: 1 }, new Blob(['kept too']));
    expect(reasons).toEqual(['write-failed']);
    expect(await spilling.list(SHA256)).toEqual([0, 1]);
    expect(await store.list(SHA256)).toEqual([]);
    spilling.close();
  });
});
