import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import type { ShardKey, ShardStore } from '../types.ts';
import { type ConnectionEvents, createDatabase } from './database.ts';

export { createMemoryShardStore } from './memory-shard-store.ts';
export type { ShardStore } from '../types.ts';

export interface ShardStoreOptions {
  /** Database name; default `edgewise-weights`. Tests use their own. */
  readonly databaseName?: string;
}

interface WeightsSchema extends DBSchema {
  shards: { key: [sha256: string, index: number]; value: Blob };
}

type Connection = IDBPDatabase<WeightsSchema>;

const DATABASE_NAME = 'edgewise-weights';
const DATABASE_VERSION = 1;

/**
 * Opens this origin's shards in IndexedDB. Rejects with `StorageError` `unavailable` where the
 * browser gives no storage and `blocked` when another tab holds an older version: use
 * `createMemoryShardStore()` then, and tell the page. A full disk rejects `put` with `quota-exceeded`.
 */
export async function openShardStore(options: ShardStoreOptions = {}): Promise<ShardStore> {
  const name = options.databaseName ?? DATABASE_NAME;
  const database = createDatabase<Connection>({ name, open: (events) => connect(name, events) });
  // One read proves that the store works, so that callers can fall back before they rely on it.
  await database.run('open the model storage', (connection) => connection.count('shards'));

  return {
    isPersistent: true,
    get: (key) =>
      database.run(
        'read a shard',
        async (connection) => (await connection.get('shards', idOf(key))) ?? null,
      ),
    put: (key, blob) =>
      database.run('store a shard', (connection) => putShard(connection, key, blob)),
    delete: (key) =>
      database.run('delete a shard', (connection) => connection.delete('shards', idOf(key))),
    list: (sha256) =>
      database.run('list shards', async (connection) => {
        const keys = await connection.getAllKeys('shards', rangeOf(sha256));
        return keys.map(([, index]) => index);
      }),
    deleteModel: (sha256) =>
      database.run('delete a model', (connection) => connection.delete('shards', rangeOf(sha256))),
    close: () => database.close(),
  };
}

async function connect(name: string, events: ConnectionEvents): Promise<Connection> {
  return openDB<WeightsSchema>(name, DATABASE_VERSION, {
    upgrade(connection) {
      connection.createObjectStore('shards');
    },
    blocked: () => events.onBlocked(),
    blocking(_version, _blockedVersion, event) {
      // A newer page wants to upgrade: let it; the next call here reopens.
      (event.target as IDBDatabase).close();
      events.onLost();
    },
    terminated: () => events.onLost(),
  });
}

/** A request's success is not a commit: over quota the put succeeds and the transaction aborts. */
async function putShard(connection: Connection, key: ShardKey, blob: Blob): Promise<void> {
  // Relaxed: a shard lost to a power cut is found missing or damaged on load and fetched again.
  const transaction = connection.transaction('shards', 'readwrite', { durability: 'relaxed' });
  await Promise.all([transaction.store.put(blob, idOf(key)), transaction.done]);
}

function idOf({ sha256, index }: ShardKey): [string, number] {
  return [sha256, index];
}

function rangeOf(sha256: string): IDBKeyRange {
  return IDBKeyRange.bound([sha256, 0], [sha256, Number.MAX_SAFE_INTEGER]);
}
