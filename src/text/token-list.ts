import { ModelError } from '../errors.ts';
import { metadataCount, metadataNumbers, metadataStrings } from './gguf-metadata.ts';
import type { GgufMetadata } from './gguf-metadata.ts';

/** The tokens of a model file by id, and what sort they are. */
export interface TokenList {
  readonly names: readonly string[];
  /** Control tokens and the unknown token: never part of text. */
  readonly special: ReadonlySet<number>;
  /** Found in text before anything is merged. */
  readonly userDefined: readonly number[];
  /** Stand for one byte each, named `<0x00>` to `<0xFF>`. */
  readonly bytes: readonly number[];
}

/** How one kind of tokenizer turns text into ids, special tokens aside, and ids into bytes. */
export interface TokenCoding {
  encode(text: string): number[];
  bytesOf(id: number): Uint8Array;
  /** Whether such models expect the start token where the file does not say. */
  readonly addsBos: boolean;
}

/** Token types of GGUF (`tokenizer.ggml.token_type`) that matter here. */
const TOKEN_UNKNOWN = 2;
const TOKEN_CONTROL = 3;
const TOKEN_USER_DEFINED = 4;
const TOKEN_BYTE = 6;

/** Throws `ModelError` `bad-format` where the metadata contradicts itself. */
export function readTokenList(metadata: GgufMetadata): TokenList {
  const names = metadataStrings(metadata, 'tokenizer.ggml.tokens');
  const typesKey = 'tokenizer.ggml.token_type';
  const types = metadata.has(typesKey) ? metadataNumbers(metadata, typesKey) : [];
  if (types.length !== 0 && types.length !== names.length) {
    throw contradiction(`${names.length} tokens but ${types.length} token types`);
  }
  const special = new Set<number>();
  const userDefined: number[] = [];
  const bytes: number[] = [];
  for (let id = 0; id < types.length; id += 1) {
    if (types[id] === TOKEN_CONTROL || types[id] === TOKEN_UNKNOWN) special.add(id);
    if (types[id] === TOKEN_USER_DEFINED) userDefined.push(id);
    if (types[id] === TOKEN_BYTE) bytes.push(id);
  }
  return { names, special, userDefined, bytes };
}

/** Id at `tokenizer.ggml.<name>`, checked; `null` where the file has none. */
export function optionalTokenId(
  metadata: GgufMetadata,
  name: string,
  tokens: TokenList,
): number | null {
  const key = `tokenizer.ggml.${name}`;
  if (!metadata.has(key)) return null;
  const id = metadataCount(metadata, key);
  if (id < tokens.names.length) return id;
  throw contradiction(`"${key}" names a token outside the vocabulary`);
}

export function contradiction(what: string): ModelError {
  return new ModelError(
    'bad-format',
    `The model file's vocabulary contradicts itself: ${what}. Get the file again.`,
  );
}
