import { Tokenizer as BpeTokenizer } from '@huggingface/tokenizers';
import { createByteAlphabet } from './byte-alphabet.ts';
import { metadataString, metadataStrings } from './gguf-metadata.ts';
import type { GgufMetadata } from './gguf-metadata.ts';
import { preTokenizerFor } from './pre-tokenizer.ts';
import type { PreTokenizer } from './pre-tokenizer.ts';
import { contradiction } from './token-list.ts';
import type { TokenCoding, TokenList } from './token-list.ts';

/** Byte-level BPE, which files call "gpt2". Throws `ModelError` as `readTokenizer` says. */
export function createByteLevelCoding(metadata: GgufMetadata, tokens: TokenList): TokenCoding {
  const preTokenizer = preTokenizerFor(metadataString(metadata, 'tokenizer.ggml.pre'));
  const merges = metadataStrings(metadata, 'tokenizer.ggml.merges');
  const bpe = createBpe(tokens, merges, preTokenizer);
  return {
    encode: (text) => bpe.encode(text).ids,
    bytesOf: createBytesOf(tokens),
    addsBos: preTokenizer.addsBos,
  };
}

/** Special tokens stay out of the model: no text, merged however, can then become one. */
function createBpe(
  tokens: TokenList,
  merges: readonly string[],
  preTokenizer: PreTokenizer,
): BpeTokenizer {
  const vocab = Object.create(null) as Record<string, number>;
  tokens.names.forEach((name, id) => {
    if (!tokens.special.has(id)) vocab[name] = id;
  });
  const added = tokens.userDefined.map((id) => ({
    id,
    content: tokens.names[id],
    special: false,
    normalized: false,
  }));
  const model = {
    type: 'BPE',
    vocab,
    merges: merges.map((merge) => splitMerge(merge, vocab)),
    byte_fallback: false,
    ignore_merges: preTokenizer.ignoresMerges,
  };
  const description = {
    model,
    added_tokens: added.filter((token) => token.content !== ''),
    normalizer: null,
    pre_tokenizer: preTokenizer.config,
    post_processor: null,
    decoder: null,
  };
  return new BpeTokenizer(description, {});
}

function splitMerge(merge: string, vocab: Readonly<Record<string, number>>): [string, string] {
  const space = merge.indexOf(' ', 1);
  const first = merge.slice(0, space);
  const second = merge.slice(space + 1);
  if (space > 0 && vocab[first + second] !== undefined) return [first, second];
  throw contradiction('a merge that makes no token');
}

function createBytesOf(tokens: TokenList): TokenCoding['bytesOf'] {
  const alphabet = createByteAlphabet();
  const encoder = new TextEncoder();
  const spelled = new Set([...tokens.special, ...tokens.userDefined]);
  return (id) => {
    const name = tokens.names[id] ?? '';
    if (spelled.has(id)) return encoder.encode(name);
    const bytes = Array.from(name, (character) => alphabet.get(character));
    // Padding entries of a vocabulary are spelled out too.
    return bytes.includes(undefined) ? encoder.encode(name) : Uint8Array.from(bytes as number[]);
  };
}
