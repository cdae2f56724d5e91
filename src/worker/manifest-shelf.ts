import { EdgewiseError, ModelError, NetworkError, TimeoutError } from '../errors.ts';
import type { CatalogueEntry, Manifest, ShardStore } from '../types.ts';
import { fetchCatalogue, parseCatalogue } from '../weights/catalogue.ts';
import { fetchManifest, parseManifest } from '../weights/manifest.ts';
import { createNotes } from './notes.ts';

/** What the server says of its models, and what it said last: that works offline. */
export interface ManifestShelf {
  /** The models on offer; without network those of last time. */
  catalogue(signal?: AbortSignal): Promise<readonly CatalogueEntry[]>;
  /**
   * The server's manifest; without network that of the last download. Throws `ModelError`
   * `not-found`, listing the known models, when there is none of this id.
   */
  newest(id: string, signal?: AbortSignal): Promise<Manifest>;
  /** The manifest of the last complete download. */
  stored(id: string): Promise<Manifest | null>;
  keep(manifest: Manifest): Promise<void>;
  forget(id: string): Promise<void>;
}

export interface ManifestShelfOptions {
  /** Absolute, with a slash at its end. */
  readonly baseUrl: string;
  readonly fetch: typeof fetch;
  store(): Promise<ShardStore>;
}

/** Folder of one model, with a slash at its end. */
export function modelFolder(baseUrl: string, id: string): string {
  return new URL(`${encodeURIComponent(id)}/`, baseUrl).href;
}

export function createManifestShelf(options: ManifestShelfOptions): ManifestShelf {
  const { baseUrl, fetch } = options;
  const catalogueUrl = new URL('catalogue.json', baseUrl);
  const manifestUrl = (id: string): URL => new URL('manifest.json', modelFolder(baseUrl, id));

  const { keep, recall, forget } = createNotes(options.store);

  async function catalogue(signal?: AbortSignal): Promise<readonly CatalogueEntry[]> {
    try {
      const entries = await fetchCatalogue(catalogueUrl, { signal, fetch });
      await keep(catalogueUrl, entries);
      return entries;
    } catch (error) {
      return orThrow(
        isUnreachable(error) || isStranger(error)
          ? await recall(catalogueUrl, parseCatalogue)
          : null,
        error,
      );
    }
  }

  const stored = (id: string): Promise<Manifest | null> => recall(manifestUrl(id), parseManifest);

  return {
    catalogue,
    stored,
    async newest(id, signal) {
      try {
        return await fetchManifest(manifestUrl(id), { signal, fetch });
      } catch (error) {
        if (isUnreachable(error)) return orThrow(await stored(id), error);
        const last = isStranger(error) ? await stored(id) : null;
        if (last !== null) return last;
        // The server answered, with no manifest: perhaps because the id is wrong.
        if (EdgewiseError.is(error)) rejectUnknown(id, await catalogue(signal).catch(() => null));
        throw error;
      }
    },
    keep: (manifest) => keep(manifestUrl(manifest.id), manifest),
    forget: (id) => forget(manifestUrl(id)),
  };
}

/** Nobody answered: what was kept may stand in. */
function isUnreachable(error: unknown): boolean {
  return error instanceof TimeoutError || (error instanceof NetworkError && error.isRetryable);
}

/** Something else than the model's server answered, such as the log-in page of a network. */
function isStranger(error: unknown): boolean {
  return error instanceof ModelError && error.code === 'bad-manifest';
}

function orThrow<Value>(value: Value | null, error: unknown): Value {
  if (value === null) throw error;
  return value;
}

function rejectUnknown(id: string, known: readonly CatalogueEntry[] | null): void {
  if (known === null || known.some((entry) => entry.id === id)) return;
  const list = known.map((entry) => entry.id).join(', ');
  throw new ModelError(
    'not-found',
    `There is no model "${id}" here. Known models: ${list === '' ? 'none; run `npx --no-install edgewise pull` on the server' : list}.`,
    { details: { modelId: id, known: list } },
  );
}
