import type { Tokenizer } from '../../text/tokenizer.ts';

/** Looks tokens up by their bytes, for token healing. Built once per model. */
export interface Vocabulary {
  /**
   * Plain tokens whose bytes start with `prefix` (equality too), ascending; blank ones left out. The
   * array is shared: do not write to it.
   */
  startingWith(prefix: Uint8Array): Uint32Array;
  /** The longest plain token that `bytes` starts with; `null` when there is none. */
  longestStartOf(bytes: Uint8Array): number | null;
  /** All tokens but those of white space alone, ascending. End tokens are among them. */
  readonly notBlank: Uint32Array;
}

const SPACE = 0x20;

/**
 * Tokens are grouped by their first two bytes with a counting sort: building takes a few
 * milliseconds for 49,000 tokens, a full sort ten times that, and one group is quick to search.
 */
export function createVocabulary(tokenizer: Tokenizer): Vocabulary {
  const size = tokenizer.vocabularySize;
  const bytesOf = Array.from({ length: size }, (_, id) => tokenizer.tokenBytes(id));
  const isBlank = bytesOf.map(isWhiteSpace);
  const groups = groupByStart(bytesOf, tokenizer);
  const find = (prefix: Uint8Array): Uint32Array => {
    const found = groups
      .range(prefix)
      .filter((id) => isBlank[id] !== true && startsWith(bytesOf[id], prefix));
    // Those that share two bytes stand in order.
    return prefix.length > 1 ? found : found.toSorted();
  };
  // Two tokens in three start with a space, and so does each word that is typed: to find and sort them
  // takes milliseconds. All lists together name each token once.
  const afterOneByte = new Map([[SPACE, find(Uint8Array.of(SPACE))]]);
  return {
    startingWith(prefix) {
      const [byte] = prefix;
      if (byte === undefined || prefix.length > 1) return find(prefix);
      const known = afterOneByte.get(byte) ?? find(prefix);
      afterOneByte.set(byte, known);
      return known;
    },
    longestStartOf(bytes) {
      let longest: number | null = null;
      let length = 0;
      for (const id of groups.candidatesFor(bytes)) {
        const token = bytesOf[id] ?? bytes;
        if (token.length <= length || !startsWith(bytes, token)) continue;
        longest = id;
        length = token.length;
      }
      return longest;
    },
    notBlank: Uint32Array.from(
      Array.from(bytesOf.keys()).filter((id) => isBlank[id] !== true || tokenizer.endIds.has(id)),
    ),
  };
}

interface Groups {
  /** Ids whose first bytes agree with the first two of `prefix`. */
  range(prefix: Uint8Array): Uint32Array;
  /** Ids that `bytes` may start with. */
  candidatesFor(bytes: Uint8Array): Iterable<number>;
}

function groupByStart(bytesOf: readonly Uint8Array[], tokenizer: Tokenizer): Groups {
  const isPlain = (id: number): boolean =>
    (bytesOf[id]?.length ?? 0) > 0 && !tokenizer.isSpecial(id);
  // Key: first byte times 257, plus 0 for one-byte tokens or the second byte + 1.
  const starts = new Uint32Array(256 * 257 + 1);
  for (const [id, bytes] of bytesOf.entries()) if (isPlain(id)) starts[keyOf(bytes) + 1]! += 1;
  for (let key = 1; key < starts.length; key++) starts[key]! += starts[key - 1] ?? 0;
  const next = starts.slice();
  const ids = new Uint32Array(starts.at(-1) ?? 0);
  for (const [id, bytes] of bytesOf.entries()) if (isPlain(id)) ids[next[keyOf(bytes)]!++] = id;
  const between = (from: number, to: number): Uint32Array => ids.slice(starts[from], starts[to]);
  return {
    range(prefix) {
      if (prefix.length === 0) return ids.slice();
      const key = keyOf(prefix);
      return between(key, prefix.length === 1 ? key + 257 : key + 1);
    },
    candidatesFor(bytes) {
      if (bytes.length === 0) return [];
      const single = keyOf(bytes.subarray(0, 1));
      const longer = bytes.length === 1 ? [] : between(keyOf(bytes), keyOf(bytes) + 1);
      return [...between(single, single + 1), ...longer];
    },
  };
}

function keyOf(bytes: Uint8Array): number {
  const second = bytes[1];
  return (bytes[0] ?? 0) * 257 + (second === undefined ? 0 : second + 1);
}

function startsWith(bytes: Uint8Array | undefined, prefix: Uint8Array): boolean {
  if (bytes === undefined || bytes.length < prefix.length) return false;
  for (let index = 0; index < prefix.length; index++) {
    if (bytes[index] !== prefix[index]) return false;
  }
  return true;
}

function isWhiteSpace(bytes: Uint8Array): boolean {
  const first = bytes[0];
  if (first === undefined) return false;
  if (first < 0x80) return bytes.every((byte) => byte === SPACE || (byte >= 0x09 && byte <= 0x0d));
  // Only these bytes start a white space character beyond ASCII; decoding all tokens would be slow.
  const mayBeSpace = first === 0xc2 || first === 0xe1 || first === 0xe2 || first === 0xe3;
  return mayBeSpace && new TextDecoder().decode(bytes).trim() === '';
}
