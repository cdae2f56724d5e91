import { ModelError } from '../errors.ts';
import type {
  CatalogueEntry,
  DownloadProgress,
  Manifest,
  ModelAvailability,
  ShardStore,
  WeightSource,
} from '../types.ts';
import { createMemoryShardStore } from '../storage/shard-store.ts';
import { downloadModel, modelAvailability } from '../weights/download.ts';
import { openWeightSource } from '../weights/weight-source.ts';
import type { ShardWarning } from '../weights/weight-source.ts';
import { assertLicence } from './licence.ts';
import { createManifestShelf, modelFolder } from './manifest-shelf.ts';
import type { ManifestShelf } from './manifest-shelf.ts';
import type { SharedStore } from './open-store.ts';
import type { HostWarning } from './protocol.ts';

/** The models this origin offers, and what of them is on this device. */
export interface ModelLibrary {
  catalogue(signal?: AbortSignal): Promise<readonly CatalogueEntry[]>;
  availability(id: string, signal?: AbortSignal): Promise<ModelAvailability>;
  /** Whether the whole model is on this device. Asks no server. */
  isStored(id: string): Promise<boolean>;
  /**
   * Throws `ModelError` `licence-not-accepted` before the first byte of a model whose terms have to be
   * accepted and were not.
   */
  download(id: string, options: LibraryDownloadOptions): Promise<void>;
  /** The stored model, ready to be read. Throws `ModelError` `not-downloaded`: never downloads. */
  open(id: string, signal?: AbortSignal): Promise<WeightSource>;
  remove(id: string, signal?: AbortSignal): Promise<void>;
  close(): void;
}

export interface LibraryDownloadOptions {
  /** Asked when the manifest is known. */
  isLicenceAccepted(): boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

export interface ModelLibraryOptions {
  /** Absolute, with a slash at its end. */
  readonly baseUrl: string;
  readonly fetch: typeof fetch;
  /** Where files of this origin stay. */
  readonly store: SharedStore;
  onWarning(warning: HostWarning): void;
}

export function createModelLibrary(options: ModelLibraryOptions): ModelLibrary {
  // Local files are on this device already: nothing to download, nothing to keep.
  const isLocal = new URL(options.baseUrl).protocol === 'file:';
  return isLocal ? createLocalLibrary(options) : createStoredLibrary(options);
}

/** Models in a folder of this device, read straight from there. */
function createLocalLibrary({ baseUrl, fetch }: ModelLibraryOptions): ModelLibrary {
  const memory = createMemoryShardStore();
  const shelf = createManifestShelf({ baseUrl, fetch, store: async () => memory });
  return {
    catalogue: shelf.catalogue,
    async availability(id, signal) {
      await shelf.newest(id, signal);
      return 'ready';
    },
    isStored: async () => true,
    async download(id, { signal }) {
      await shelf.newest(id, signal);
    },
    async open(id, signal) {
      const manifest = await shelf.newest(id, signal);
      const folder = modelFolder(baseUrl, id);
      return openWeightSource({
        manifest,
        baseUrl: folder,
        store: memory,
        fetch,
        keepShards: false,
      });
    },
    async remove(id) {
      throw new ModelError(
        'no-source',
        `The model "${id}" is read from ${baseUrl}: delete its folder there.`,
        { details: { modelId: id } },
      );
    },
    close: () => memory.close(),
  };
}

/** Models from a server, kept in this browser. */
function createStoredLibrary(options: ModelLibraryOptions): ModelLibrary {
  const { baseUrl, fetch, onWarning } = options;
  const openOnce = options.store.open;
  const shelf = createManifestShelf({ baseUrl, fetch, store: openOnce });

  async function completeHere(id: string): Promise<Manifest | null> {
    const store = await openOnce();
    const stored = await shelf.stored(id);
    if (stored === null) return null;
    return (await modelAvailability(stored, store)) === 'ready' ? stored : null;
  }

  /** What was complete last time is good enough: the second start needs no network. */
  async function completeManifest(id: string, signal?: AbortSignal): Promise<Manifest> {
    const stored = await completeHere(id);
    if (stored !== null) return stored;
    const store = await openOnce();
    const newest = await shelf.newest(id, signal);
    if ((await modelAvailability(newest, store)) !== 'ready') throw notDownloaded(newest);
    return newest;
  }

  return {
    catalogue: shelf.catalogue,
    async availability(id, signal) {
      // What is complete here needs no network to be known: it may be slow, or a captive portal.
      if ((await completeHere(id)) !== null) return 'ready';
      return modelAvailability(await shelf.newest(id, signal), await openOnce());
    },
    isStored: async (id) => (await completeHere(id)) !== null,
    async download(id, { signal, onProgress, isLicenceAccepted }) {
      const manifest = await shelf.newest(id, signal);
      const store = await openOnce();
      // What is complete here was accepted when it was downloaded.
      const isHere = (await modelAvailability(manifest, store)) === 'ready';
      if (!isHere) assertLicence(manifest, isLicenceAccepted());
      const folder = modelFolder(baseUrl, id);
      await downloadModel({ manifest, baseUrl: folder, store, signal, onProgress, fetch });
      await keepNewest(manifest, shelf, store);
    },
    async open(id, signal) {
      const manifest = await completeManifest(id, signal);
      const store = await openOnce();
      const folder = modelFolder(baseUrl, id);
      const tell = (warning: ShardWarning): void => onWarning(toHostWarning(id, warning));
      return openWeightSource({
        manifest,
        baseUrl: folder,
        store,
        fetch,
        // What memory holds goes to the engine: never two copies of it.
        keepShards: store.isLasting,
        onWarning: tell,
      });
    },
    async remove(id, signal) {
      const manifest = (await shelf.stored(id)) ?? (await shelf.newest(id, signal));
      const store = await openOnce();
      await store.deleteModel(manifest.sha256);
      await shelf.forget(id);
    },
    close: options.store.close,
  };
}

/** Remembers what was downloaded, and lets go of the weights it replaces. */
async function keepNewest(
  manifest: Manifest,
  shelf: ManifestShelf,
  store: ShardStore,
): Promise<void> {
  const previous = await shelf.stored(manifest.id);
  await shelf.keep(manifest);
  if (previous !== null && previous.sha256 !== manifest.sha256) {
    await store.deleteModel(previous.sha256);
  }
}

function toHostWarning(id: string, { type, index, error }: ShardWarning): HostWarning {
  const reason = error === null ? '' : ` ${error.message}`;
  const what = {
    'shard-damaged': 'was damaged in storage and is fetched again',
    'shard-missing': 'is missing in storage and is fetched again',
    'shard-not-stored': 'could not be stored and must be fetched again next time',
  }[type];
  return { code: type, message: `Part ${index} of the model "${id}" ${what}.${reason}` };
}

function notDownloaded(manifest: Manifest): ModelError {
  const megabytes = Math.ceil(manifest.sizeBytes / 1e6);
  return new ModelError(
    'not-downloaded',
    `The model "${manifest.id}" (${megabytes} MB) is not on this device. Ask the person, then call models.download('${manifest.id}').`,
    { details: { modelId: manifest.id, sizeBytes: manifest.sizeBytes } },
  );
}
