import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { createDecoder, type Decoder } from '../../../src/engines/wasm/decoder.ts';
import { createGgufReader } from '../../../src/engines/wasm/gguf.ts';
import { readModelConfig } from '../../../src/engines/wasm/model-config.ts';

async function decoderFor(contextLength: number): Promise<Decoder> {
  const bytes = await readFile(new URL('../../../models/fixture/tiny.gguf', import.meta.url));
  const { header } = createGgufReader(bytes.length).push(new Uint8Array(bytes))!;
  const config = readModelConfig(header.metadata, header.tensors);
  return createDecoder({ config, tensors: header.tensors, precision: 'exact', contextLength });
}

/** Bytes that one more slot takes, by how much memory grows over many. */
function slotBytes(decoder: Decoder): number {
  decoder.addSlot();
  const before = decoder.memoryBytes;
  const slots = 64;
  for (let slot = 0; slot < slots; slot++) decoder.addSlot();
  return (decoder.memoryBytes - before) / slots;
}

describe('keys and values', () => {
  it('are f32 up to 512 positions and f16 above', async () => {
    expect((await decoderFor(512)).cacheFormat).toBe('f32');
    expect((await decoderFor(513)).cacheFormat).toBe('f16');
  });

  it('of twice the positions take no more memory once they are f16', async () => {
    const short = slotBytes(await decoderFor(512));
    const long = slotBytes(await decoderFor(1024));
    expect(long / short).toBeGreaterThan(0.95);
    expect(long / short).toBeLessThan(1.05);
  });
});
