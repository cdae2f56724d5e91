/**
 * What the model said after some of a slot's tokens. While a word is typed the prompt stays as it is,
 * and mostly the model goes on as before: nothing has to be computed then.
 */
export interface KeptLogits {
  /** How many there can be. */
  readonly capacity: number;
  /** Logits after the first `length` tokens of the slot; `null` when they are not there. */
  find(length: number): Float32Array | null;
  /** Copies the logits after the first `length` tokens. Those after the fewest tokens go first. */
  keep(length: number, logits: Float32Array): void;
  /** Only the first `length` tokens of the slot are left. */
  cutTo(length: number): void;
}

interface Entry {
  length: number;
  readonly logits: Float32Array;
}

/** Keeps up to `capacity` of them; their memory is taken when it is first needed. */
export function createKeptLogits(capacity: number): KeptLogits {
  const entries: Entry[] = [];
  /** Length of an entry whose memory waits for its next use: it is the first to go. */
  const unused = -1;
  const at = (length: number): Entry | undefined =>
    entries.find((entry) => entry.length === length);

  function makeRoom(size: number): Entry {
    if (entries.length < capacity) {
      const added = { length: unused, logits: new Float32Array(size) };
      entries.push(added);
      return added;
    }
    return entries.reduce((least, entry) => (entry.length < least.length ? entry : least));
  }

  return {
    capacity,
    find: (length) => at(length)?.logits ?? null,
    keep(length, logits) {
      if (capacity === 0) return;
      const entry = at(length) ?? at(unused) ?? makeRoom(logits.length);
      entry.logits.set(logits);
      entry.length = length;
    },
    cutTo(length) {
      for (const entry of entries) if (entry.length > length) entry.length = unused;
    },
  };
}
