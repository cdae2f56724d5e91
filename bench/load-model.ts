import { createDecoder } from '../src/engines/wasm/decoder.ts';
import type { CacheFormat, Decoder } from '../src/engines/wasm/decoder.ts';
import { createWasmEngine } from '../src/engines/wasm/engine.ts';
import { createGgufReader } from '../src/engines/wasm/gguf.ts';
import { readModelConfig } from '../src/engines/wasm/model-config.ts';
import type { EngineLoadOptions, LoadedModel, Precision } from '../src/types.ts';

/** As the download hands them on. */
const SHARD_BYTES = 4 * 1024 * 1024;

export async function fetchBytes(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} could not be read: HTTP ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** The whole model, with tokenizer and warm-up, as the worker of a page loads it. */
export function loadModel(bytes: Uint8Array, options: EngineLoadOptions): Promise<LoadedModel> {
  const source = { sizeBytes: bytes.length, sha256: '', chunks: () => inShards(bytes) };
  return createWasmEngine().load(source, options);
}

async function* inShards(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += SHARD_BYTES) {
    yield bytes.subarray(start, start + SHARD_BYTES);
  }
}

/** The engine below sessions and text, with one slot. */
export async function loadDecoder(
  bytes: Uint8Array,
  options: {
    readonly precision: Precision;
    readonly contextLength: number;
    readonly cacheFormat?: CacheFormat;
  },
): Promise<Decoder> {
  const start = createGgufReader(bytes.length).push(bytes);
  if (start === null) throw new Error('The model file ends inside its header.');
  const { metadata, tensors } = start.header;
  const config = readModelConfig(metadata, tensors);
  const decoder = await createDecoder({ config, tensors, ...options });
  const last = tensors.at(-1);
  decoder.writeWeights(start.rest.subarray(0, (last?.offset ?? 0) + (last?.sizeBytes ?? 0)));
  decoder.finishWeights();
  decoder.addSlot();
  return decoder;
}

/** Computes tokens from position 0 of the slot; leaves the logits of the last one. */
export function prefill(decoder: Decoder, tokens: readonly number[]): void {
  for (let at = 0; at < tokens.length; at += decoder.maxTokensPerCall) {
    const tile = tokens.slice(at, at + decoder.maxTokensPerCall);
    decoder.forward(0, at, tile, at + tile.length >= tokens.length);
  }
}
