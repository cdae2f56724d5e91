import type { ShardKey, ShardStore } from '../types.ts';
import { createMemoryShardStore } from '../storage/shard-store.ts';
import { createSpillingShardStore } from '../storage/spilling-shard-store.ts';
import type { HostWarning } from './protocol.ts';

export interface ModelStore extends ShardStore {
  /** Whether this shard outlives the page. */
  isLasting(key: ShardKey): boolean;
}

/** One store for everything of this origin, opened when it is first needed. */
export interface SharedStore {
  open(): Promise<ModelStore>;
  /** A store that was never opened has nothing to close. */
  close(): void;
}

/** `openStore` is asked once; when it rejects, files stay in memory and the page is told. */
export function createSharedStore(
  openStore: () => Promise<ShardStore>,
  onWarning: (warning: HostWarning) => void,
): SharedStore {
  let opening: Promise<ModelStore> | null = null;
  return {
    open: () => (opening ??= openStoreOrMemory(openStore, onWarning)),
    close: () => void opening?.then((store) => store.close()),
  };
}

/**
 * Opens the store for models. Never rejects: without storage, or once it is full, shards live in
 * memory until the page closes, and the page is told so.
 */
async function openStoreOrMemory(
  openStore: () => Promise<ShardStore>,
  onWarning: (warning: HostWarning) => void,
): Promise<ModelStore> {
  try {
    const store = createSpillingShardStore(await openStore(), (reason) =>
      onWarning({
        code: reason.code === 'quota-exceeded' ? 'storage-full' : 'storage-unavailable',
        message: `The rest of this model stays in memory and must be downloaded again next time. ${reason.message}`,
      }),
    );
    return { ...store, isLasting: (key) => store.isPersistent && !store.isSpilled(key) };
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    onWarning({
      code: 'storage-unavailable',
      message: `Models stay in memory and must be downloaded again next time. ${cause}`,
    });
    return { ...createMemoryShardStore(), isLasting: () => false };
  }
}
