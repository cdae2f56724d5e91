import type { DecoderConfig } from './decoder.ts';

/** Tokens one forward call takes: two tiles of 8, about 60 ms on a slow laptop, so that typing can interrupt. */
export const TOKENS_PER_CALL = 16;

/** Bytes of quantised activations per column and token, the two scales of a block included. */
const INT8_BYTES_PER_COLUMN = 40 / 32;
const INT16_BYTES_PER_COLUMN = 72 / 32;

/** Byte offsets of everything a forward pass writes, besides the KV cache. */
export interface ScratchLayout {
  readonly angles: number;
  /** The same with the base of local layers; nothing is there when the model has none. */
  readonly localAngles: number;
  readonly hidden: number;
  readonly normed: number;
  readonly query: number;
  readonly key: number;
  readonly value: number;
  readonly attended: number;
  readonly gate: number;
  readonly up: number;
  readonly projected: number;
  readonly scores: number;
  /** Quantised input of 4-bit and of 8-bit matrices. */
  readonly quantized4: number;
  readonly quantized8: number;
  readonly logits: number;
  /** Vocabulary rounded up to whole groups of 8. */
  readonly paddedVocabulary: number;
  readonly pick: number;
  readonly end: number;
}

/** Lays the scratch areas out one after another from `base`. */
export function layOutScratch(
  config: DecoderConfig,
  contextLength: number,
  base: number,
): ScratchLayout {
  const queryWidth = config.heads * config.headDim;
  const keyWidth = config.kvHeads * config.headDim;
  const widest = Math.max(config.hidden, config.feedForward, queryWidth);
  const paddedVocabulary = Math.ceil(config.vocabularySize / 8) * 8;
  const take = allocator(base);
  const rows = (width: number): number => take(TOKENS_PER_CALL * width * 4);
  return {
    angles: take(contextLength * config.headDim * 4),
    localAngles: take(config.style.local === null ? 0 : contextLength * config.headDim * 4),
    hidden: rows(config.hidden),
    normed: rows(config.hidden),
    query: rows(queryWidth),
    key: rows(keyWidth),
    value: rows(keyWidth),
    attended: rows(queryWidth),
    gate: rows(config.feedForward),
    up: rows(config.feedForward),
    projected: rows(config.hidden),
    scores: take(2 * (contextLength + 16) * 4),
    quantized4: take(
      TOKENS_PER_CALL * widest * Math.max(INT8_BYTES_PER_COLUMN, INT16_BYTES_PER_COLUMN),
    ),
    quantized8: take(TOKENS_PER_CALL * widest * INT16_BYTES_PER_COLUMN),
    logits: take(paddedVocabulary * 4),
    paddedVocabulary,
    pick: take(16),
    end: take(0),
  };
}

function allocator(base: number): (bytes: number) => number {
  let next = align(base);
  return (bytes) => {
    const offset = next;
    next = align(offset + bytes);
    return offset;
  };
}

function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}
