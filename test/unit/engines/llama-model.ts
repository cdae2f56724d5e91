import type { TensorInfo } from '../../../src/engines/wasm/decoder.ts';
import type { GgufValue } from '../../../src/text/gguf-metadata.ts';

/** Metadata of a small but possible Llama model. */
export function llamaMetadata(
  overrides: Readonly<Record<string, GgufValue | undefined>> = {},
): ReadonlyMap<string, GgufValue> {
  const values: Record<string, GgufValue | undefined> = {
    'general.architecture': 'llama',
    'llama.block_count': 2,
    'llama.context_length': 2048,
    'llama.embedding_length': 64,
    'llama.feed_forward_length': 96,
    'llama.attention.head_count': 4,
    'llama.attention.head_count_kv': 2,
    'llama.attention.layer_norm_rms_epsilon': 1e-5,
    'llama.rope.freq_base': 100_000,
    'llama.rope.dimension_count': 16,
    ...overrides,
  };
  const map = new Map<string, GgufValue>();
  for (const [key, value] of Object.entries(values)) if (value !== undefined) map.set(key, value);
  return map;
}

/** Tensor table that fits `llamaMetadata()`: 64 wide, 2 layers, 4 heads of 16, 2 of them for keys. */
export function llamaTensors(): TensorInfo[] {
  const shapes: [string, number[]][] = [
    ['token_embd.weight', [64, 100]],
    ['output_norm.weight', [64]],
  ];
  for (const layer of [0, 1]) {
    shapes.push(
      [`blk.${layer}.attn_norm.weight`, [64]],
      [`blk.${layer}.attn_q.weight`, [64, 64]],
      [`blk.${layer}.attn_k.weight`, [64, 32]],
      [`blk.${layer}.attn_v.weight`, [64, 32]],
      [`blk.${layer}.attn_output.weight`, [64, 64]],
      [`blk.${layer}.ffn_norm.weight`, [64]],
      [`blk.${layer}.ffn_gate.weight`, [64, 96]],
      [`blk.${layer}.ffn_up.weight`, [64, 96]],
      [`blk.${layer}.ffn_down.weight`, [96, 64]],
    );
  }
  return shapes.map(([name, shape]) => tensor(name, shape));
}

export function tensor(name: string, shape: readonly number[]): TensorInfo {
  const sizeBytes = shape.reduce((product, dimension) => product * dimension, 4);
  return { name, type: 'F32', shape, offset: 0, sizeBytes };
}
