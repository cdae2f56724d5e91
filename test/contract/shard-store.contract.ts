import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ShardStore } from '../../src/types.ts';

const SHA256 = 'a'.repeat(64);
const OTHER_SHA256 = 'b'.repeat(64);

/** What every shard store does. `open` gives an empty store of its own to each case. */
export function describeShardStore(name: string, open: () => Promise<ShardStore>): void {
  describe(`${name} shard store`, () => {
    let store: ShardStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    const put = (index: number, text: string, sha256 = SHA256): Promise<void> =>
      store.put({ sha256, index }, new Blob([text]));
    const read = async (index: number, sha256 = SHA256): Promise<string | undefined> =>
      (await store.get({ sha256, index }))?.text();

    it('has nothing at first', async () => {
      expect(await store.get({ sha256: SHA256, index: 0 })).toBeNull();
      expect(await store.list(SHA256)).toEqual([]);
    });

    it('gives back what was put', async () => {
      await put(0, 'first');
      expect(await read(0)).toBe('first');
    });

    it('keeps binary bytes as they are', async () => {
      const bytes = Uint8Array.from({ length: 10_000 }, (_, index) => (index * 7) % 256);
      await store.put({ sha256: SHA256, index: 3 }, new Blob([bytes]));
      const blob = await store.get({ sha256: SHA256, index: 3 });
      expect(new Uint8Array((await blob?.arrayBuffer()) ?? new ArrayBuffer(0))).toEqual(bytes);
    });

    it('replaces a shard', async () => {
      await put(0, 'bad');
      await put(0, 'good');
      expect(await read(0)).toBe('good');
      expect(await store.list(SHA256)).toEqual([0]);
    });

    it('lists indices in ascending numeric order', async () => {
      for (const index of [10, 2, 0, 9, 1]) await put(index, `shard ${index}`);
      expect(await store.list(SHA256)).toEqual([0, 1, 2, 9, 10]);
    });

    it('keeps models apart', async () => {
      await put(0, 'one');
      await put(0, 'other', OTHER_SHA256);
      await store.deleteModel(SHA256);
      expect(await store.list(SHA256)).toEqual([]);
      expect(await read(0, OTHER_SHA256)).toBe('other');
    });

    it('deletes one shard, and does not mind when it is not there', async () => {
      await put(0, 'zero');
      await put(1, 'one');
      await store.delete({ sha256: SHA256, index: 0 });
      await store.delete({ sha256: SHA256, index: 7 });
      await store.deleteModel(OTHER_SHA256);
      expect(await store.list(SHA256)).toEqual([1]);
    });

    it('takes many shards at once', async () => {
      const indices = Array.from({ length: 20 }, (_, index) => index);
      await Promise.all(indices.map((index) => put(index, `shard ${index}`)));
      expect(await store.list(SHA256)).toEqual(indices);
      expect(await read(13)).toBe('shard 13');
    });

    it('rejects calls after it was closed', async () => {
      store.close();
      store.close();
      const closed = { name: 'StorageError', code: 'connection-lost' };
      await expect(store.get({ sha256: SHA256, index: 0 })).rejects.toMatchObject(closed);
      await expect(put(0, 'late')).rejects.toMatchObject(closed);
      await expect(store.list(SHA256)).rejects.toMatchObject(closed);
    });
  });
}
