/// <reference lib="webworker" />
import type { Decoder } from '../../src/engines/wasm/decoder.ts';
import type { Precision } from '../../src/types.ts';
import { fetchBytes, loadDecoder, prefill } from '../load-model.ts';
import { answerCalls } from '../worker-client.ts';
import { readShape } from './shape.ts';

const CONTEXT_LENGTH = 512;

let decoder: Decoder;
let position = 0;
let lastId = 1;

answerCalls({
  async load(url: string, precision: Precision) {
    const bytes = await fetchBytes(url);
    decoder = await loadDecoder(bytes, { precision, contextLength: CONTEXT_LENGTH });
    return readShape(bytes);
  },
  prefill(count: number) {
    const tokens = Array.from({ length: count }, () => Math.floor(Math.random() * 40_000) + 100);
    const startedAt = performance.now();
    prefill(decoder, tokens);
    lastId = decoder.pick().id;
    position = count;
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
});
