import { ModelError } from '../../errors.ts';
import { metadataCount, metadataNumber } from '../../text/gguf-metadata.ts';
import type { GgufMetadata } from '../../text/gguf-metadata.ts';
import type { DecoderConfig, TensorInfo } from './decoder.ts';

/** Far above any model a browser can hold; keeps products of these numbers exact. */
const MAX_LAYERS = 512;
const MAX_WIDTH = 65_536;
const MAX_CONTEXT = 2 ** 24;
/** llama.cpp's value where a file names none. */
const DEFAULT_ROPE_BASE = 10_000;

/** Reads the numbers of one architecture, whose name their keys start with. */
export interface ConfigReader {
  /** Whole number from 1 to `max`. Throws `ModelError`. */
  bounded(name: string, options: { readonly max: number; readonly fallback?: number }): number;
  /** Number above 0. Throws `ModelError`. */
  positive(name: string, fallback?: number): number;
  has(name: string): boolean;
  /** Throws `unsupported-architecture` when the file sets `name` to anything but these. */
  refuseUnless(name: string, neutral: readonly number[]): void;
}

export type Widths = Omit<DecoderConfig, 'vocabularySize' | 'style'>;

export function createConfigReader(metadata: GgufMetadata, architecture: string): ConfigReader {
  const keyOf = (name: string): string => `${architecture}.${name}`;
  return {
    bounded(name, { max, fallback }) {
      const key = keyOf(name);
      if (ArrayBuffer.isView(metadata.get(key)) || Array.isArray(metadata.get(key))) {
        throw unsupported(`"${key}" differs between layers`);
      }
      const value = metadataCount(metadata, key, fallback);
      if (value >= 1 && value <= max) return value;
      throw contradiction(`"${key}" is ${value}, 1 to ${max} may be`);
    },
    positive(name, fallback) {
      const key = keyOf(name);
      const value = metadataNumber(metadata, key, fallback);
      if (value > 0) return value;
      throw contradiction(`"${key}" is ${value}, which must be above 0`);
    },
    has: (name) => metadata.has(keyOf(name)),
    refuseUnless(name, neutral) {
      const key = keyOf(name);
      if (!metadata.has(key) || neutral.includes(metadataNumber(metadata, key))) return;
      throw unsupported(`it sets "${key}"`);
    },
  };
}

/** What every architecture here has, under the same names. */
export function readWidths(reader: ConfigReader): Widths {
  const hidden = reader.bounded('embedding_length', { max: MAX_WIDTH });
  const heads = reader.bounded('attention.head_count', { max: MAX_WIDTH });
  const kvHeads = reader.bounded('attention.head_count_kv', { max: MAX_WIDTH, fallback: heads });
  if (heads % kvHeads !== 0) {
    throw contradiction(`${heads} attention heads cannot share ${kvHeads} key-value heads`);
  }
  return {
    layers: reader.bounded('block_count', { max: MAX_LAYERS }),
    hidden,
    heads,
    kvHeads,
    headDim: readHeadDim(reader, hidden, heads),
    feedForward: reader.bounded('feed_forward_length', { max: MAX_WIDTH * 16 }),
    contextLength: reader.bounded('context_length', { max: MAX_CONTEXT }),
    ropeBase: reader.positive('rope.freq_base', DEFAULT_ROPE_BASE),
    rmsEpsilon: reader.positive('attention.layer_norm_rms_epsilon'),
  };
}

export function readVocabularySize(tensors: readonly TensorInfo[]): number {
  const embedding = tensors.find(({ name }) => name === 'token_embd.weight');
  if (embedding === undefined) throw contradiction('the tensor "token_embd.weight" is missing');
  return embedding.shape[1] ?? 1;
}

/** Checks every tensor of the file against the names and shapes that the config gives. */
export function checkTensors(config: DecoderConfig, tensors: readonly TensorInfo[]): void {
  const expected = expectedShapes(config);
  const found = new Set<string>();
  for (const { name, shape } of tensors) {
    const wanted = expected.get(name);
    if (wanted === undefined) throw unsupported(`it has the tensor "${name}"`);
    if (shape.join() !== wanted.join()) {
      const shapes = `${shape.join(' x ')} instead of ${wanted.join(' x ')}`;
      throw contradiction(`tensor "${name}" is ${shapes}`);
    }
    found.add(name);
  }
  for (const name of expected.keys()) {
    // Without a head of its own the model uses the embedding for it.
    if (name !== 'output.weight' && !found.has(name)) {
      throw contradiction(`the tensor "${name}" is missing`);
    }
  }
}

export function unsupported(reason: string): ModelError {
  return new ModelError(
    'unsupported-architecture',
    `This engine cannot run the model: ${reason}. Choose a model of plain Llama or Gemma 3 architecture.`,
  );
}

function contradiction(reason: string): ModelError {
  return new ModelError(
    'bad-format',
    `The model file contradicts itself: ${reason}. Get the file again, or another conversion.`,
  );
}

function readHeadDim(reader: ConfigReader, hidden: number, heads: number): number {
  if (!reader.has('attention.key_length') && hidden % heads !== 0) {
    throw contradiction(`${hidden} numbers cannot be split over ${heads} heads`);
  }
  const headDim = reader.bounded('attention.key_length', {
    max: MAX_WIDTH,
    fallback: hidden / heads,
  });
  const valueDim = reader.bounded('attention.value_length', { max: MAX_WIDTH, fallback: headDim });
  if (valueDim !== headDim) throw unsupported('its keys and values differ in length');
  if (headDim % 2 !== 0) throw contradiction(`a head of ${headDim} numbers cannot be rotated`);
  const rotated = reader.bounded('rope.dimension_count', { max: MAX_WIDTH, fallback: headDim });
  if (rotated !== headDim) throw unsupported('it rotates only a part of each head');
  return headDim;
}

/** Names and shapes of a model; the contiguous dimension comes first, as in the file. */
function expectedShapes(config: DecoderConfig): ReadonlyMap<string, readonly number[]> {
  const { hidden, feedForward, vocabularySize, headDim, style } = config;
  const queries = config.heads * headDim;
  const keys = config.kvHeads * headDim;
  const shapes = new Map<string, readonly number[]>([
    ['token_embd.weight', [hidden, vocabularySize]],
    ['output_norm.weight', [hidden]],
    ['output.weight', [hidden, vocabularySize]],
  ]);
  for (let layer = 0; layer < config.layers; layer++) {
    const block = `blk.${layer}`;
    shapes.set(`${block}.attn_norm.weight`, [hidden]);
    shapes.set(`${block}.attn_q.weight`, [hidden, queries]);
    shapes.set(`${block}.attn_k.weight`, [hidden, keys]);
    shapes.set(`${block}.attn_v.weight`, [hidden, keys]);
    shapes.set(`${block}.attn_output.weight`, [queries, hidden]);
    shapes.set(`${block}.ffn_norm.weight`, [hidden]);
    shapes.set(`${block}.ffn_gate.weight`, [hidden, feedForward]);
    shapes.set(`${block}.ffn_up.weight`, [hidden, feedForward]);
    shapes.set(`${block}.ffn_down.weight`, [feedForward, hidden]);
    if (style.normsHeads) {
      shapes.set(`${block}.attn_q_norm.weight`, [headDim]);
      shapes.set(`${block}.attn_k_norm.weight`, [headDim]);
    }
    if (style.normsOutputs) {
      shapes.set(`${block}.post_attention_norm.weight`, [hidden]);
      shapes.set(`${block}.post_ffw_norm.weight`, [hidden]);
    }
  }
  return shapes;
}
