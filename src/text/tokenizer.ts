import { ModelError } from '../errors.ts';
import { createByteLevelCoding } from './byte-level-coding.ts';
import { metadataBoolean, metadataString } from './gguf-metadata.ts';
import type { GgufMetadata } from './gguf-metadata.ts';
import { createPieceCoding } from './piece-coding.ts';
import { optionalTokenId, readTokenList } from './token-list.ts';
import type { TokenCoding, TokenList } from './token-list.ts';
import { wordPattern } from './word-pattern.ts';

/** Text to token ids and back to bytes, as the model file defines it. */
export interface Tokenizer {
  readonly vocabularySize: number;
  /** Ids that end an answer: end of sequence, end of turn, end of text. */
  readonly endIds: ReadonlySet<number>;
  /** Start-of-sequence id; `null` when the file has none. */
  readonly bosId: number | null;
  /** Whether the model expects `bosId` before raw text. `encode` never adds it by itself. */
  readonly addsBos: boolean;
  /**
   * What the model saw between two texts while it was trained, so that a text that begins does not
   * read like the middle of one; `null` where the vocabulary has no such token.
   */
  readonly separatorId: number | null;
  /**
   * Token ids of `text`. Special tokens written in the text (`<|im_start|>`) become plain characters
   * unless `allowSpecial`. Lone surrogates become U+FFFD.
   */
  encode(text: string, options?: { readonly allowSpecial?: boolean }): number[];
  /**
   * Bytes of one token, not always whole characters. Special tokens give their own spelling. The
   * array is shared: do not write to it. Ids outside the vocabulary throw `RangeError`.
   */
  tokenBytes(id: number): Uint8Array;
  /** `true` for control tokens, which never are text. */
  isSpecial(id: number): boolean;
}

/** Control tokens that end an answer whatever `eos_token_id` says: a chat model may use either. */
const END_NAMES = [
  '<|endoftext|>',
  '<|im_end|>',
  '<|end_of_text|>',
  '<|eot_id|>',
  '<|eom_id|>',
  '<end_of_turn>',
];
const END_KEYS = ['eos_token_id', 'eot_token_id', 'eom_token_id'];

/**
 * Builds the tokenizer a GGUF file describes: byte-level BPE or SentencePiece's BPE. Takes about a
 * third of a second for 49,000 tokens of the one or 262,000 of the other. Throws `ModelError`:
 * `unsupported-architecture` for another kind of tokenizer, `bad-format` where the metadata
 * contradicts itself.
 */
export function readTokenizer(metadata: GgufMetadata): Tokenizer {
  const createCoding = codingFor(metadataString(metadata, 'tokenizer.ggml.model'));
  const tokens = readTokenList(metadata);
  const coding = createCoding(metadata, tokens);
  const bosId = optionalTokenId(metadata, 'bos_token_id', tokens);
  const addsBos = metadataBoolean(
    metadata,
    'tokenizer.ggml.add_bos_token',
    coding.addsBos && bosId !== null,
  );
  return {
    vocabularySize: tokens.names.length,
    endIds: readEndIds(metadata, tokens),
    bosId,
    addsBos: addsBos && bosId !== null,
    separatorId: separatorOf(tokens),
    encode: createEncode(tokens, coding),
    tokenBytes: createTokenBytes(tokens, coding),
    isSpecial: (id) => tokens.special.has(id),
  };
}

function codingFor(kind: string): (metadata: GgufMetadata, tokens: TokenList) => TokenCoding {
  if (kind === 'gpt2') return createByteLevelCoding;
  if (kind === 'llama') return createPieceCoding;
  throw new ModelError(
    'unsupported-architecture',
    `The model's tokenizer "${kind}" is not supported; byte-level BPE ("gpt2") and SentencePiece ` +
      '("llama") are. Choose another model.',
    { details: { tokenizer: kind } },
  );
}

/** The separator of the GPT-2 family and what followed it. */
const SEPARATOR_NAME = '<|endoftext|>';

function separatorOf(tokens: TokenList): number | null {
  const id = tokens.names.indexOf(SEPARATOR_NAME);
  return tokens.special.has(id) ? id : null;
}

function readEndIds(metadata: GgufMetadata, tokens: TokenList): ReadonlySet<number> {
  const ids = new Set<number>();
  for (const key of END_KEYS) {
    const id = optionalTokenId(metadata, key, tokens);
    if (id !== null) ids.add(id);
  }
  for (const id of tokens.special) if (END_NAMES.includes(tokens.names[id] ?? '')) ids.add(id);
  return ids;
}

function createEncode(tokens: TokenList, coding: TokenCoding): Tokenizer['encode'] {
  const specialIds = new Map<string, number>();
  for (const id of tokens.special) specialIds.set(tokens.names[id] ?? '', id);
  specialIds.delete('');
  const pattern = wordPattern([...specialIds.keys()]);
  const encodePlain = (text: string): number[] => (text === '' ? [] : coding.encode(text));
  return (text, options) => {
    const whole = text.replace(/\p{Surrogate}/gu, '\ufffd');
    if (pattern === null || options?.allowSpecial !== true) return encodePlain(whole);
    return whole.split(pattern).flatMap((piece) => specialIds.get(piece) ?? encodePlain(piece));
  };
}

function createTokenBytes(tokens: TokenList, coding: TokenCoding): Tokenizer['tokenBytes'] {
  const known: Uint8Array[] = [];
  return (id) => {
    if (tokens.names[id] === undefined) throw new RangeError(`There is no token ${id}.`);
    return (known[id] ??= coding.bytesOf(id));
  };
}
