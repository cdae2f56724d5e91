import type { Tokenizer } from './tokenizer.ts';

/** Turns a stream of token ids into text. */
export interface Detokenizer {
  /**
   * Text that became certain with this token; empty while a character is incomplete. Special tokens
   * make no text: they end an incomplete character.
   */
  push(id: number): string;
  /** The stream is over: an incomplete character at its end becomes U+FFFD. May be used again. */
  flush(): string;
}

/**
 * Detokeniser for one stream. Never gives half a character; bytes that cannot be UTF-8 become
 * U+FFFD as soon as that is certain.
 */
export function createDetokenizer(
  tokenizer: Pick<Tokenizer, 'isSpecial' | 'tokenBytes'>,
): Detokenizer {
  // A byte order mark is text here: it came out of the model.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return {
    push(id) {
      if (tokenizer.isSpecial(id)) return decoder.decode();
      return decoder.decode(tokenizer.tokenBytes(id), { stream: true });
    },
    flush: () => decoder.decode(),
  };
}
