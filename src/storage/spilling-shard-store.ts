import type { EdgewiseError } from '../errors.ts';
import type { ShardKey, ShardStore } from '../types.ts';
import { createMemoryShardStore } from './memory-shard-store.ts';
import { toStorageError } from './storage-failure.ts';

export interface SpillingShardStore extends ShardStore {
  /** Whether this shard is in memory, because the disk refused it. */
  isSpilled(key: ShardKey): boolean;
}

/**
 * `store`, until it refuses a shard (full disk, lost connection): from then on new shards stay in
 * memory, so that the model works this time. The disk is tried again only after a model was deleted,
 * which frees space: hence no loop. `onSpill` is called with the reason, once until then.
 */
export function createSpillingShardStore(
  store: ShardStore,
  onSpill: (reason: EdgewiseError) => void,
): SpillingShardStore {
  const memory = createMemoryShardStore();
  const spilled = new Set<string>();
  let hasSpilled = false;

  async function drop(key: ShardKey): Promise<void> {
    spilled.delete(nameOf(key));
    await memory.delete(key);
  }

  return {
    isPersistent: store.isPersistent,
    isSpilled: (key) => spilled.has(nameOf(key)),
    async get(key) {
      return (await memory.get(key)) ?? store.get(key);
    },
    async put(key, blob) {
      if (!hasSpilled) {
        try {
          await store.put(key, blob);
          await drop(key);
          return;
        } catch (error) {
          hasSpilled = true;
          onSpill(toStorageError(error, 'store a shard'));
        }
      }
      await memory.put(key, blob);
      spilled.add(nameOf(key));
    },
    async delete(key) {
      await drop(key);
      await store.delete(key);
    },
    async list(sha256) {
      const indices = new Set([...(await memory.list(sha256)), ...(await store.list(sha256))]);
      return [...indices].toSorted((a, b) => a - b);
    },
    async deleteModel(sha256) {
      for (const index of await memory.list(sha256)) await drop({ sha256, index });
      await store.deleteModel(sha256);
      hasSpilled = false;
    },
    close() {
      memory.close();
      store.close();
    },
  };
}

function nameOf({ sha256, index }: ShardKey): string {
  return `${sha256}/${index}`;
}
