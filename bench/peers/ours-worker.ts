/// <reference lib="webworker" />
import { createDecoder } from '../../src/engines/wasm/decoder.ts';
import type { Decoder } from '../../src/engines/wasm/decoder.ts';
import { createGgufReader } from '../../src/engines/wasm/gguf.ts';
import { readModelConfig } from '../../src/engines/wasm/model-config.ts';
import type { Precision } from '../../src/types.ts';

const CONTEXT_LENGTH = 512;

let decoder: Decoder;
let position = 0;
let lastId = 1;

const calls: Readonly<Record<string, (...values: never[]) => unknown>> = {
  async load(url: string, precision: Precision) {
    const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
    const start = createGgufReader(bytes.length).push(bytes);
    if (start === null) throw new Error('The model file ends inside its header.');
    const { metadata, tensors } = start.header;
    const config = readModelConfig(metadata, tensors);
    decoder = await createDecoder({ config, tensors, precision, contextLength: CONTEXT_LENGTH });
    decoder.writeWeights(start.rest);
    decoder.finishWeights();
    decoder.addSlot();
  },
  prefill(count: number) {
    const tokens = Array.from({ length: count }, () => Math.floor(Math.random() * 40_000) + 100);
    const startedAt = performance.now();
    for (position = 0; position < count; position += decoder.maxTokensPerCall) {
      const tile = tokens.slice(position, position + decoder.maxTokensPerCall);
      decoder.forward(0, position, tile, position + tile.length === count);
    }
    position = count;
    lastId = decoder.pick().id;
    return performance.now() - startedAt;
  },
  decode(count: number) {
    const times: number[] = [];
    for (let index = 0; index < count; index++) {
      const startedAt = performance.now();
      decoder.forward(0, position, [lastId], true);
      lastId = decoder.pick().id;
      position += 1;
      times.push(performance.now() - startedAt);
    }
    return times;
  },
};

self.addEventListener('message', async ({ data }: MessageEvent<[string, ...never[]]>) => {
  const [name, ...values] = data;
  try {
    self.postMessage({ value: await calls[name]?.(...values) });
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
});
