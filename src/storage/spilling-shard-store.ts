import type { EdgewiseError } from '../errors.ts';
import type { ShardStore } from '../types.ts';
import { createMemoryShardStore } from './memory-shard-store.ts';
import { toStorageError } from './storage-failure.ts';

/**
 * `store`, until it refuses a shard (full disk, lost connection): from then on new shards stay in
 * memory, so that the model works this time. It does not try the disk again, hence cannot loop.
 * `onSpill` is called once with the reason.
 */
export function createSpillingShardStore(
  store: ShardStore,
  onSpill: (reason: EdgewiseError) => void,
): ShardStore {
  const memory = createMemoryShardStore();
  let hasSpilled = false;

  return {
    isPersistent: store.isPersistent,
    async get(key) {
      return (await memory.get(key)) ?? store.get(key);
    },
    async put(key, blob) {
      if (!hasSpilled) {
        try {
          await store.put(key, blob);
          await memory.delete(key);
          return;
        } catch (error) {
          hasSpilled = true;
          onSpill(toStorageError(error, 'store a shard'));
        }
      }
      await memory.put(key, blob);
    },
    async delete(key) {
      await memory.delete(key);
      await store.delete(key);
    },
    async list(sha256) {
      const indices = new Set([...(await memory.list(sha256)), ...(await store.list(sha256))]);
      return [...indices].toSorted((a, b) => a - b);
    },
    async deleteModel(sha256) {
      await memory.deleteModel(sha256);
      await store.deleteModel(sha256);
    },
    close() {
      memory.close();
      store.close();
    },
  };
}
