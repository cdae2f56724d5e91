import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { TensorInfo } from '../../../src/engines/wasm/decoder.ts';
import { createGgufReader } from '../../../src/engines/wasm/gguf.ts';
import { readModelConfig } from '../../../src/engines/wasm/model-config.ts';
import { ModelError } from '../../../src/errors.ts';
import type { GgufValue } from '../../../src/text/gguf-metadata.ts';
import { loadDecoder } from './golden-run.ts';

const file = new Uint8Array(
  await readFile(new URL('../../../models/fixture/tiny-gemma.gguf', import.meta.url)),
);
const { metadata, tensors } = createGgufReader().push(file)!.header;

function read(
  changes: Readonly<Record<string, GgufValue | undefined>> = {},
  table: readonly TensorInfo[] = tensors,
): ReturnType<typeof readModelConfig> {
  const changed = new Map(metadata);
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) changed.delete(key);
    else changed.set(key, value);
  }
  return readModelConfig(changed, table);
}

function codeOf(action: () => unknown): string | null {
  try {
    action();
    return null;
  } catch (error) {
    return error instanceof ModelError ? error.code : String(error);
  }
}

describe('the config of a Gemma 3 model', () => {
  it('has its widths and what differs from Llama', () => {
    expect(read()).toMatchObject({
      layers: 7,
      hidden: 96,
      heads: 4,
      kvHeads: 1,
      headDim: 32,
      ropeBase: 1_000_000,
      style: {
        architecture: 'gemma3',
        embeddingScale: Math.sqrt(96),
        activation: 'gelu',
        rotation: 'halves',
        normsHeads: true,
        normsOutputs: true,
        local: { window: 24, ropeBase: 10_000, globalEvery: 6 },
      },
    });
  });

  it('takes the bases of Gemma 3 where the file names none', () => {
    expect(read({ 'gemma3.rope.freq_base': undefined }).ropeBase).toBe(1_000_000);
    expect(read({ 'gemma3.rope.freq_base_swa': 5000 }).style.local?.ropeBase).toBe(5000);
  });

  it.each<[string, Record<string, GgufValue | undefined>]>([
    ['scaled positions', { 'gemma3.rope.scaling.type': 'linear' }],
    ['a cap on its logits', { 'gemma3.final_logit_softcapping': 30 }],
    ['another architecture', { 'general.architecture': 'gemma2' }],
  ])('is refused with %s', (_, changes) => {
    expect(codeOf(() => read(changes))).toBe('unsupported-architecture');
  });

  it('is refused without a window or without one of its norms', () => {
    expect(codeOf(() => read({ 'gemma3.attention.sliding_window': undefined }))).toBe('bad-format');
    const fewer = tensors.filter(({ name }) => name !== 'blk.3.attn_q_norm.weight');
    expect(codeOf(() => read({}, fewer))).toBe('bad-format');
  });
});

describe('a Gemma 3 model in memory', () => {
  it('computes a token after a long text the same alone, in tiles and again', async () => {
    const decoder = await loadDecoder(file, 'exact');
    const tokens = Array.from({ length: 90 }, (_, index) => 20 + ((index * 37) % 600));
    const once = decoder.addSlot();
    const tiled = decoder.addSlot();
    for (const [at, token] of tokens.entries()) decoder.forward(once, at, [token], true);
    const alone = decoder.logits().slice();
    for (let at = 0; at < tokens.length; at += 9) {
      decoder.forward(tiled, at, tokens.slice(at, at + 9), true);
    }
    const together = decoder.logits();
    const errors = together.map((logit, id) => Math.abs(logit - (alone[id] ?? Number.NaN)));
    expect(Math.max(...errors)).toBeLessThan(1e-3);
    decoder.forward(tiled, 89, tokens.slice(89), true);
    expect([...decoder.logits()]).toEqual([...alone].map((_, id) => expect.closeTo(alone[id]!, 3)));
  });
});
