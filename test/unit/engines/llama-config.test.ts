import { describe, expect, it } from 'vitest';
import { LLAMA_STYLE, readLlamaConfig } from '../../../src/engines/wasm/llama-config.ts';
import { ModelError } from '../../../src/errors.ts';
import type { GgufValue } from '../../../src/text/gguf-metadata.ts';
import { llamaMetadata, llamaTensors, tensor } from './llama-model.ts';

function errorOf(action: () => unknown): ModelError {
  try {
    action();
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('readLlamaConfig', () => {
  it('reads the shape of a model with a tied head', () => {
    expect(readLlamaConfig(llamaMetadata(), llamaTensors())).toEqual({
      layers: 2,
      hidden: 64,
      heads: 4,
      kvHeads: 2,
      headDim: 16,
      feedForward: 96,
      vocabularySize: 100,
      contextLength: 2048,
      ropeBase: 100_000,
      rmsEpsilon: 1e-5,
      style: LLAMA_STYLE,
    });
  });

  it('accepts a head of its own and heads narrower than the hidden size', () => {
    const metadata = llamaMetadata({
      'llama.attention.key_length': 8,
      'llama.attention.value_length': 8,
      'llama.rope.dimension_count': 8,
    });
    const tensors = [...llamaTensors(), tensor('output.weight', [64, 100])].map((entry) => {
      if (/attn_[kv]/u.test(entry.name)) return tensor(entry.name, [64, 16]);
      if (entry.name.includes('attn_q')) return tensor(entry.name, [64, 32]);
      return entry.name.includes('attn_output') ? tensor(entry.name, [32, 64]) : entry;
    });
    expect(readLlamaConfig(metadata, tensors).headDim).toBe(8);
  });

  it('falls back to the defaults of llama.cpp', () => {
    const metadata = llamaMetadata({
      'llama.attention.head_count_kv': undefined,
      'llama.rope.freq_base': undefined,
      'llama.rope.dimension_count': undefined,
    });
    const tensors = llamaTensors().map((entry) =>
      /attn_[kv]/u.test(entry.name) ? tensor(entry.name, [64, 64]) : entry,
    );
    expect(readLlamaConfig(metadata, tensors)).toMatchObject({ kvHeads: 4, ropeBase: 10_000 });
  });

  it.each<[string, Record<string, GgufValue>]>([
    ['another architecture', { 'general.architecture': 'qwen3' }],
    ['scaled positions', { 'llama.rope.scaling.type': 'yarn' }],
    ['a scaling factor', { 'llama.rope.scaling.factor': 8 }],
    ['a sliding window', { 'llama.attention.sliding_window': 4096 }],
    ['experts', { 'llama.expert_count': 8 }],
    ['an attention scale', { 'llama.attention.scale': 0.5 }],
    ['a logit scale', { 'llama.logit_scale': 0.0625 }],
    ['attention to both sides', { 'llama.attention.causal': false }],
    ['partly rotated heads', { 'llama.rope.dimension_count': 8 }],
    ['values of another length', { 'llama.attention.value_length': 8 }],
    ['heads that differ by layer', { 'llama.attention.head_count_kv': new Int32Array([2, 4]) }],
    ['widths that differ by layer', { 'llama.feed_forward_length': [96, 64] }],
  ])('refuses %s as an unsupported architecture', (_, overrides) => {
    const error = errorOf(() => readLlamaConfig(llamaMetadata(overrides), llamaTensors()));
    expect(error.code).toBe('unsupported-architecture');
  });

  it.each<[string, Record<string, GgufValue>]>([
    ['no layers', { 'llama.block_count': 0 }],
    ['4 billion layers', { 'llama.block_count': 2 ** 32 - 1 }],
    ['half a head', { 'llama.attention.head_count': 3 }],
    ['heads that cannot share', { 'llama.attention.head_count_kv': 3 }],
    ['a width as text', { 'llama.embedding_length': '64' }],
    ['a negative rope base', { 'llama.rope.freq_base': -1 }],
    ['no epsilon', { 'llama.attention.layer_norm_rms_epsilon': 0 }],
    ['an epsilon that is no number', { 'llama.attention.layer_norm_rms_epsilon': Number.NaN }],
    ['more layers than tensors', { 'llama.block_count': 3 }],
    ['another width than its tensors', { 'llama.feed_forward_length': 128 }],
  ])('refuses %s as a bad file', (_, overrides) => {
    const error = errorOf(() => readLlamaConfig(llamaMetadata(overrides), llamaTensors()));
    expect(error.code).toBe('bad-format');
  });

  it('names a missing, a misshapen and an unknown tensor', () => {
    const tensors = llamaTensors();
    const missing = tensors.filter(({ name }) => name !== 'blk.1.ffn_up.weight');
    expect(errorOf(() => readLlamaConfig(llamaMetadata(), missing)).message).toMatch(
      /blk\.1\.ffn_up\.weight.*missing/u,
    );
    const swapped = tensors.map((entry) =>
      entry.name === 'blk.0.ffn_down.weight' ? tensor(entry.name, [64, 96]) : entry,
    );
    expect(errorOf(() => readLlamaConfig(llamaMetadata(), swapped)).message).toMatch(
      /blk\.0\.ffn_down\.weight.*64 x 96 instead of 96 x 64/u,
    );
    const biased = [...tensors, tensor('blk.0.attn_q.bias', [64])];
    const error = errorOf(() => readLlamaConfig(llamaMetadata(), biased));
    expect(error).toMatchObject({ code: 'unsupported-architecture' });
    expect(error.message).toContain('blk.0.attn_q.bias');
    expect(
      errorOf(() =>
        readLlamaConfig(llamaMetadata(), [...tensors, tensor('rope_freqs.weight', [8])]),
      ).code,
    ).toBe('unsupported-architecture');
  });

  it('needs an embedding', () => {
    expect(errorOf(() => readLlamaConfig(llamaMetadata(), [])).message).toContain(
      'token_embd.weight',
    );
  });
});
