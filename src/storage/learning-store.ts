import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import { StorageError } from '../errors.ts';
import { type ConnectionEvents, createDatabase } from './database.ts';

/** What was stored, and which version of it: two tabs must not overwrite each other unseen. */
export interface StoredLearning {
  /** As it was saved; whoever reads it checks it, as it may come from an older page or be damaged. */
  readonly state: unknown;
  /** 1 for the first save of a key, one more with each. */
  readonly revision: number;
}

/** Where learning states stay between visits, one per model and task. */
export interface LearningStore {
  /** `false`: everything is gone when the page closes. */
  readonly isPersistent: boolean;
  /** `null` when nothing was saved under this key. */
  load(key: string): Promise<StoredLearning | null>;
  /**
   * Saves plain JSON and gives its revision; resolves when it is really stored. `revision` is that of
   * the state it was made from, 0 for a new one. Rejects with `StorageError`: `conflict` when another
   * tab saved in between (load, and go on from there), `quota-exceeded` on a full disk: what was
   * stored before is still there then.
   */
  save(key: string, stored: StoredLearning): Promise<number>;
  delete(key: string): Promise<void>;
  /** Every key, in order. */
  keys(): Promise<string[]>;
  /** Later calls reject with `StorageError` `connection-lost`. */
  close(): void;
}

export interface LearningStoreOptions {
  /** Database name; default `edgewise-learning`. Tests use their own. */
  readonly databaseName?: string;
}

interface LearningSchema extends DBSchema {
  states: { key: string; value: StoredLearning };
}

type Connection = IDBPDatabase<LearningSchema>;

const DATABASE_NAME = 'edgewise-learning';
const DATABASE_VERSION = 1;

/**
 * Opens this origin's learning states in IndexedDB. Rejects with `StorageError` `unavailable` where
 * the browser gives no storage: use `createMemoryLearningStore()` then.
 */
export async function openLearningStore(
  options: LearningStoreOptions = {},
): Promise<LearningStore> {
  const name = options.databaseName ?? DATABASE_NAME;
  const database = createDatabase<Connection>({ name, open: (events) => connect(name, events) });
  // One read proves that the store works, so that callers can fall back before they rely on it.
  await database.run('open the learning storage', (connection) => connection.count('states'));

  return {
    isPersistent: true,
    load: (key) =>
      database.run('read what was learnt', async (connection) => {
        const stored = await connection.get('states', key);
        return stored ?? null;
      }),
    save: (key, stored) =>
      database.run('store what was learnt', (connection) => saveState(connection, key, stored)),
    delete: (key) =>
      database.run('delete what was learnt', (connection) => connection.delete('states', key)),
    keys: () =>
      database.run('list what was learnt', (connection) => connection.getAllKeys('states')),
    close: () => database.close(),
  };
}

/** Keeps states until it is closed: for tests, Node, and browsers that refuse storage. */
export function createMemoryLearningStore(): LearningStore {
  const states = new Map<string, StoredLearning>();
  let isClosed = false;

  async function open(): Promise<void> {
    if (!isClosed) return;
    throw new StorageError('connection-lost', 'This learning store is closed: open a new one.');
  }

  return {
    isPersistent: false,
    async load(key) {
      await open();
      return structuredClone(states.get(key) ?? null);
    },
    async save(key, stored) {
      await open();
      const next = nextRevision(states.get(key), stored);
      states.set(key, structuredClone({ ...stored, revision: next }));
      return next;
    },
    async delete(key) {
      await open();
      states.delete(key);
    },
    async keys() {
      await open();
      return [...states.keys()].toSorted();
    },
    close() {
      isClosed = true;
      states.clear();
    },
  };
}

async function connect(name: string, events: ConnectionEvents): Promise<Connection> {
  return openDB<LearningSchema>(name, DATABASE_VERSION, {
    upgrade(connection) {
      connection.createObjectStore('states');
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

/** One transaction reads and writes, so that no other tab comes in between. */
async function saveState(
  connection: Connection,
  key: string,
  stored: StoredLearning,
): Promise<number> {
  const transaction = connection.transaction('states', 'readwrite');
  // Also when the put is refused: an aborted transaction nobody waits for is an unhandled rejection.
  const done = transaction.done.then(
    () => null,
    (error: unknown) => ({ error }),
  );
  const next = nextRevision(await transaction.store.get(key), stored);
  await transaction.store.put({ ...stored, revision: next }, key);
  // A request's success is not a commit: over quota the put succeeds and the transaction aborts.
  const failure = await done;
  if (failure !== null) throw failure.error;
  return next;
}

function nextRevision(present: StoredLearning | undefined, { revision }: StoredLearning): number {
  if ((present?.revision ?? 0) === revision) return revision + 1;
  throw new StorageError(
    'conflict',
    'Another tab has learnt in between: load its state and go on from there.',
    { isRetryable: true },
  );
}
