import type { Tokenizer } from '../../../src/text/tokenizer.ts';

/** Ids of the special tokens of `createWordTokenizer`. */
export const END_ID = 0;
export const TEMPLATE_ID = 1;

/**
 * A byte-level tokenizer small enough to reason about: two special tokens, the 256 single bytes, and
 * the given words. Encodes greedily by the longest match, each word with the space before it.
 */
export function createWordTokenizer(words: readonly string[]): Tokenizer {
  const encoder = new TextEncoder();
  const bytes = [
    encoder.encode('<end>'),
    encoder.encode('<turn>'),
    ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
    ...words.map((word) => encoder.encode(word)),
  ];
  const plain = bytes.map((token, id) => ({ id, token })).slice(2);
  const longestFirst = plain.toSorted((a, b) => b.token.length - a.token.length);
  const encodeGroup = (text: string): number[] => {
    let rest = encoder.encode(text);
    const ids: number[] = [];
    while (rest.length > 0) {
      const { id, token } = longestFirst.find((entry) =>
        entry.token.every((byte, index) => rest[index] === byte),
      )!;
      ids.push(id);
      rest = rest.subarray(token.length);
    }
    return ids;
  };
  return {
    vocabularySize: bytes.length,
    endIds: new Set([END_ID]),
    bosId: null,
    addsBos: false,
    separatorId: null,
    encode: (text) =>
      (text.match(/ ?\p{L}[\p{L}\p{M}]*| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s/gu) ?? []).flatMap(
        encodeGroup,
      ),
    tokenBytes: (id) => bytes[id]!,
    isSpecial: (id) => id < 2,
  };
}

/** Id of a token by its text. */
export function idOf(tokenizer: Tokenizer, text: string): number {
  const wanted = [...new TextEncoder().encode(text)].join();
  for (let id = tokenizer.vocabularySize - 1; id >= 0; id--) {
    if (tokenizer.tokenBytes(id).join() === wanted) return id;
  }
  throw new Error(`no token "${text}"`);
}

export function textOf(tokenizer: Tokenizer, ids: readonly number[]): string {
  return new TextDecoder().decode(
    Uint8Array.from(ids.flatMap((id) => [...tokenizer.tokenBytes(id)])),
  );
}
