import { createGgufReader } from '../../src/engines/wasm/gguf.ts';
import { readModelConfig } from '../../src/engines/wasm/model-config.ts';

const FLOAT_BYTES = 4;

/** What one token costs at the least. */
export interface Shape {
  /** Every matrix once, the head too; an embedding beside a separate head is only looked up. */
  readonly weightBytes: number;
  readonly kvBytesPerPosition: number;
  /** Multiply-adds in the layers, which is what a prompt costs; the head is not in it. */
  readonly layerMacsPerToken: number;
}

export function readShape(bytes: Uint8Array): Shape {
  const reader = createGgufReader(bytes.length);
  const { tensors, metadata } = reader.push(bytes)?.header ?? reader.end();
  const hasHead = tensors.some(({ name }) => name === 'output.weight');
  const read = tensors.filter(({ name }) => !(hasHead && name === 'token_embd.weight'));
  const { layers, kvHeads, headDim } = readModelConfig(metadata, tensors);
  const inLayers = tensors.filter(({ name, shape }) => name.startsWith('blk.') && shape.length > 1);
  return {
    weightBytes: read.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    kvBytesPerPosition: 2 * layers * kvHeads * headDim * FLOAT_BYTES,
    layerMacsPerToken: inLayers.reduce(
      (sum, { shape: [columns = 0, rows = 0] }) => sum + columns * rows,
      0,
    ),
  };
}
