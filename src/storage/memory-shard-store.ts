import { StorageError } from '../errors.ts';
import type { ShardKey, ShardStore } from '../types.ts';

/** Keeps shards until it is closed: for tests, Node, and browsers that refuse storage. */
export function createMemoryShardStore(): ShardStore {
  const models = new Map<string, Map<number, Blob>>();
  let isClosed = false;

  async function open(): Promise<void> {
    if (isClosed) {
      throw new StorageError('connection-lost', 'This shard store is closed: open a new one.');
    }
  }

  return {
    isPersistent: false,
    async get({ sha256, index }: ShardKey) {
      await open();
      return models.get(sha256)?.get(index) ?? null;
    },
    async put({ sha256, index }, blob) {
      await open();
      const shards = models.get(sha256) ?? new Map<number, Blob>();
      models.set(sha256, shards.set(index, blob));
    },
    async delete({ sha256, index }) {
      await open();
      models.get(sha256)?.delete(index);
    },
    async list(sha256) {
      await open();
      return [...(models.get(sha256)?.keys() ?? [])].toSorted((a, b) => a - b);
    },
    async deleteModel(sha256) {
      await open();
      models.delete(sha256);
    },
    close() {
      isClosed = true;
      models.clear();
    },
  };
}
