import { ModelError } from '../../errors.ts';
import { metadataCount, metadataNumber, metadataString } from '../../text/gguf-metadata.ts';
import type { GgufMetadata } from '../../text/gguf-metadata.ts';
import type { LlamaConfig, TensorInfo } from './decoder.ts';

/** Far above any model a browser can hold; keeps products of these numbers exact. */
const MAX_LAYERS = 512;
const MAX_WIDTH = 65_536;
const MAX_CONTEXT = 2 ** 24;
/** llama.cpp's value where a file names none. */
const DEFAULT_ROPE_BASE = 10_000;

/**
 * Shape of the model, with every tensor checked against it. Throws `ModelError`
 * `unsupported-architecture` for what this engine does not compute, `bad-format` for files that
 * contradict themselves.
 */
export function readLlamaConfig(
  metadata: GgufMetadata,
  tensors: readonly TensorInfo[],
): LlamaConfig {
  const architecture = metadataString(metadata, 'general.architecture');
  if (architecture !== 'llama') {
    throw unsupported(`its architecture is "${architecture}", and only "llama" is computed`);
  }
  refuseFeatures(metadata);
  const config = { ...readWidths(metadata), vocabularySize: readVocabularySize(tensors) };
  checkTensors(config, tensors);
  return config;
}

function readWidths(metadata: GgufMetadata): Omit<LlamaConfig, 'vocabularySize'> {
  const hidden = bounded(metadata, 'embedding_length', { max: MAX_WIDTH });
  const heads = bounded(metadata, 'attention.head_count', { max: MAX_WIDTH });
  const kvHeads = bounded(metadata, 'attention.head_count_kv', { max: MAX_WIDTH, fallback: heads });
  if (heads % kvHeads !== 0) {
    throw contradiction(`${heads} attention heads cannot share ${kvHeads} key-value heads`);
  }
  return {
    layers: bounded(metadata, 'block_count', { max: MAX_LAYERS }),
    hidden,
    heads,
    kvHeads,
    headDim: readHeadDim(metadata, hidden, heads),
    feedForward: bounded(metadata, 'feed_forward_length', { max: MAX_WIDTH * 16 }),
    contextLength: bounded(metadata, 'context_length', { max: MAX_CONTEXT }),
    ropeBase: positive(metadata, 'rope.freq_base', DEFAULT_ROPE_BASE),
    rmsEpsilon: positive(metadata, 'attention.layer_norm_rms_epsilon'),
  };
}

function readHeadDim(metadata: GgufMetadata, hidden: number, heads: number): number {
  if (!metadata.has('llama.attention.key_length') && hidden % heads !== 0) {
    throw contradiction(`${hidden} numbers cannot be split over ${heads} heads`);
  }
  const headDim = bounded(metadata, 'attention.key_length', {
    max: MAX_WIDTH,
    fallback: hidden / heads,
  });
  const valueDim = bounded(metadata, 'attention.value_length', {
    max: MAX_WIDTH,
    fallback: headDim,
  });
  if (valueDim !== headDim) throw unsupported('its keys and values differ in length');
  if (headDim % 2 !== 0) throw contradiction(`a head of ${headDim} numbers cannot be rotated`);
  const rotated = bounded(metadata, 'rope.dimension_count', { max: MAX_WIDTH, fallback: headDim });
  if (rotated !== headDim) throw unsupported('it rotates only a part of each head');
  return headDim;
}

/** What llama files may ask for and this engine does not compute: ignoring it would give wrong text. */
function refuseFeatures(metadata: GgufMetadata): void {
  const scaling = metadataString(metadata, 'llama.rope.scaling.type', 'none');
  if (scaling !== 'none') throw unsupported(`it scales positions ("${scaling}")`);
  refuseUnless(metadata, 'rope.scaling.factor', [0, 1]);
  refuseUnless(metadata, 'rope.scale_linear', [0, 1]);
  refuseUnless(metadata, 'attention.sliding_window', [0]);
  refuseUnless(metadata, 'expert_count', [0]);
  refuseUnless(metadata, 'attention.scale', [0]);
  refuseUnless(metadata, 'logit_scale', [0, 1]);
  refuseUnless(metadata, 'residual_scale', [0, 1]);
  refuseUnless(metadata, 'embedding_scale', [0, 1]);
  if (metadata.get('llama.attention.causal') === false) throw unsupported('it is not causal');
}

function refuseUnless(metadata: GgufMetadata, name: string, neutral: readonly number[]): void {
  const key = `llama.${name}`;
  if (!metadata.has(key) || neutral.includes(metadataNumber(metadata, key))) return;
  throw unsupported(`it sets "${key}"`);
}

function readVocabularySize(tensors: readonly TensorInfo[]): number {
  const embedding = tensors.find(({ name }) => name === 'token_embd.weight');
  if (embedding === undefined) throw contradiction('the tensor "token_embd.weight" is missing');
  return embedding.shape[1] ?? 1;
}

function checkTensors(config: LlamaConfig, tensors: readonly TensorInfo[]): void {
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

/** Names and shapes of a llama model; the contiguous dimension comes first, as in the file. */
function expectedShapes(config: LlamaConfig): ReadonlyMap<string, readonly number[]> {
  const { hidden, feedForward, vocabularySize } = config;
  const queries = config.heads * config.headDim;
  const keys = config.kvHeads * config.headDim;
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
  }
  return shapes;
}

interface Bound {
  readonly max: number;
  readonly fallback?: number;
}

function bounded(metadata: GgufMetadata, name: string, { max, fallback }: Bound): number {
  const key = `llama.${name}`;
  if (ArrayBuffer.isView(metadata.get(key)) || Array.isArray(metadata.get(key))) {
    throw unsupported(`"${key}" differs between layers`);
  }
  const value = metadataCount(metadata, key, fallback);
  if (value >= 1 && value <= max) return value;
  throw contradiction(`"${key}" is ${value}, 1 to ${max} may be`);
}

function positive(metadata: GgufMetadata, name: string, fallback?: number): number {
  const value = metadataNumber(metadata, `llama.${name}`, fallback);
  if (value > 0) return value;
  throw contradiction(`"llama.${name}" is ${value}, which must be above 0`);
}

function unsupported(reason: string): ModelError {
  return new ModelError(
    'unsupported-architecture',
    `This engine cannot run the model: ${reason}. Choose a model of plain Llama architecture.`,
  );
}

function contradiction(reason: string): ModelError {
  return new ModelError(
    'bad-format',
    `The model file contradicts itself: ${reason}. Get the file again, or another conversion.`,
  );
}
