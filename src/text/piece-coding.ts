import { ModelError } from '../errors.ts';
import { metadataBoolean, metadataNumbers } from './gguf-metadata.ts';
import type { GgufMetadata } from './gguf-metadata.ts';
import { mergeByScore } from './score-merge.ts';
import type { ScoredVocabulary } from './score-merge.ts';
import { contradiction, optionalTokenId } from './token-list.ts';
import type { TokenCoding, TokenList } from './token-list.ts';
import { wordPattern } from './word-pattern.ts';

/** Stands for a space in the names of tokens (U+2581). */
const SPACE_MARK = '\u2581';
const BYTE_NAME = /^<0x([0-9A-F]{2})>$/;

/**
 * SentencePiece's BPE with byte fallback, which files call "llama". Throws `ModelError`:
 * `unsupported-architecture` for models that put a space before every text, `bad-format` where the
 * metadata contradicts itself.
 */
export function createPieceCoding(metadata: GgufMetadata, tokens: TokenList): TokenCoding {
  // Text would not come back as it went in, and token healing counts on that.
  if (metadataBoolean(metadata, 'tokenizer.ggml.add_space_prefix', true)) {
    throw new ModelError(
      'unsupported-architecture',
      "The model's tokenizer adds a space before every text, which is not supported. Choose another model.",
    );
  }
  return {
    encode: createEncode(tokens, readVocabulary(metadata, tokens)),
    bytesOf: createBytesOf(tokens),
    addsBos: true,
  };
}

function createEncode(tokens: TokenList, vocabulary: ScoredVocabulary): TokenCoding['encode'] {
  const userDefined = new Map<string, number>();
  for (const id of tokens.userDefined) userDefined.set(marked(tokens.names[id] ?? ''), id);
  userDefined.delete('');
  const pattern = wordPattern([...userDefined.keys()]);
  return (text) => {
    const pieces = pattern === null ? [marked(text)] : marked(text).split(pattern);
    return pieces.flatMap((piece) => userDefined.get(piece) ?? mergeByScore(piece, vocabulary));
  };
}

function readVocabulary(metadata: GgufMetadata, tokens: TokenList): ScoredVocabulary {
  const scores = metadataNumbers(metadata, 'tokenizer.ggml.scores');
  if (scores.length !== tokens.names.length) {
    throw contradiction(`${tokens.names.length} tokens but ${scores.length} scores`);
  }
  // No text, merged however, may become one of these.
  const hidden = new Set([...tokens.special, ...tokens.bytes]);
  const ids = new Map<string, number>();
  for (const [id, name] of tokens.names.entries()) if (!hidden.has(id)) ids.set(name, id);
  for (const id of tokens.userDefined) ids.set(marked(tokens.names[id] ?? ''), id);
  return {
    idOf: (text) => ids.get(text),
    scoreOf: (id) => scores[id] ?? Number.NEGATIVE_INFINITY,
    fallback: createFallback(metadata, tokens),
  };
}

function createFallback(metadata: GgufMetadata, tokens: TokenList): ScoredVocabulary['fallback'] {
  const byteIds = new Map<number, number>();
  for (const id of tokens.bytes) byteIds.set(byteOf(tokens.names[id] ?? ''), id);
  const unknown = optionalTokenId(metadata, 'unknown_token_id', tokens);
  if (byteIds.size < 256 && unknown === null) {
    throw contradiction('neither all bytes nor unknown text have a token');
  }
  const encoder = new TextEncoder();
  return (character) => {
    if (byteIds.size < 256) return unknown === null ? [] : [unknown];
    return Array.from(encoder.encode(character), (byte) => byteIds.get(byte) ?? 0);
  };
}

function createBytesOf(tokens: TokenList): TokenCoding['bytesOf'] {
  const encoder = new TextEncoder();
  const bytes = new Set(tokens.bytes);
  return (id) => {
    const name = tokens.names[id] ?? '';
    if (bytes.has(id)) return Uint8Array.of(byteOf(name));
    return encoder.encode(tokens.special.has(id) ? name : name.replaceAll(SPACE_MARK, ' '));
  };
}

function byteOf(name: string): number {
  const digits = BYTE_NAME.exec(name)?.[1];
  if (digits !== undefined) return Number.parseInt(digits, 16);
  throw contradiction(`the byte token "${name}" names no byte`);
}

function marked(text: string): string {
  return text.replaceAll(' ', SPACE_MARK);
}
