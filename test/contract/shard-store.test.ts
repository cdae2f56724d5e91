import * as fakeIndexedDb from 'fake-indexeddb';
import { createMemoryShardStore } from '../../src/storage/memory-shard-store.ts';
import { openShardStore } from '../../src/storage/shard-store.ts';
import { createSpillingShardStore } from '../../src/storage/spilling-shard-store.ts';
import { describeShardStore } from './shard-store.contract.ts';

// idb recognises objects by the classes it finds in the global scope.
Object.assign(globalThis, fakeIndexedDb);

let databases = 0;

// The real browser runs the same cases in test/browser/storage-shard-store.test.ts.
describeShardStore('simulated IndexedDB', () =>
  openShardStore({ databaseName: `contract-${(databases += 1)}` }),
);
describeShardStore('memory', async () => createMemoryShardStore());
describeShardStore('spilling', async () =>
  createSpillingShardStore(createMemoryShardStore(), () => undefined),
);
describeShardStore('spilled', async () => {
  const full = { ...createMemoryShardStore(), put: () => Promise.reject(new Error('full')) };
  return createSpillingShardStore(full, () => undefined);
});
