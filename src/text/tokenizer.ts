/** Text to token ids and back to bytes, as the model file defines it. */
export interface Tokenizer {
  readonly vocabularySize: number;
  /** Ids that end an answer: end of sequence and end of turn. */
  readonly endIds: ReadonlySet<number>;
  /** Start-of-sequence id; `null` when the file has none. */
  readonly bosId: number | null;
  /** Whether the model expects `bosId` before raw text. `encode` never adds it by itself. */
  readonly addsBos: boolean;
  /**
   * Token ids of `text`. Special tokens written in the text (`<|im_start|>`) become plain characters
   * unless `allowSpecial`. Lone surrogates become U+FFFD.
   */
  encode(text: string, options?: { readonly allowSpecial?: boolean }): number[];
  /**
   * Bytes of one token, not always whole characters. Special tokens give their own spelling; ids
   * outside the vocabulary throw `RangeError`.
   */
  tokenBytes(id: number): Uint8Array;
  /** `true` for control tokens that never are text. */
  isSpecial(id: number): boolean;
}
