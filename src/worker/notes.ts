import type { ShardKey, ShardStore } from '../types.ts';

/** Small JSON values that stay in the browser, by the address they came from. */
export interface Notes {
  keep(url: URL, value: unknown): Promise<void>;
  /** What was kept, or `null`; `parse` throws for what it does not know. */
  recall<Value>(url: URL, parse: (value: unknown) => Value): Promise<Value | null>;
  forget(url: URL): Promise<void>;
}

/** Notes lie in the store of the files they describe. */
export function createNotes(openStore: () => Promise<ShardStore>): Notes {
  return {
    async keep(url, value) {
      const store = await openStore();
      await store.put(noteKey(url), new Blob([JSON.stringify(value)]));
    },
    async recall(url, parse) {
      const store = await openStore();
      const blob = await store.get(noteKey(url));
      return blob === null ? null : readNote(await blob.text(), parse);
    },
    async forget(url) {
      const store = await openStore();
      await store.deleteModel(noteKey(url).sha256);
    },
  };
}

/** A name that no hash can have. */
function noteKey(url: URL): ShardKey {
  return { sha256: `note ${url.href}`, index: 0 };
}

/** A damaged note is as good as none: the server is asked again. */
function readNote<Value>(text: string, parse: (value: unknown) => Value): Value | null {
  try {
    return parse(JSON.parse(text));
  } catch {
    return null;
  }
}
