// onnxruntime-web, WASM, one thread, with a decode loop in JavaScript that keeps the cache as tensors
// and takes the best token of the logits.
import mjs from '@peer/onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasm from '@peer/onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import * as ort from '@peer/onnxruntime-web/ort.wasm.min.mjs';
import { answerCalls } from './worker-calls.mjs';

const LAYERS = 30;
const KV_HEADS = 3;
const HEAD_DIM = 64;

let session;
let past = {};
let position = 0;
let lastId = 1;
/** Tokens whose keys and values are in `past`, for typing. */
let pastIds = [];

function emptyPast() {
  const tensors = {};
  for (let layer = 0; layer < LAYERS; layer++) {
    for (const part of ['key', 'value']) {
      const dims = [1, KV_HEADS, 0, HEAD_DIM];
      tensors[`past_key_values.${layer}.${part}`] = new ort.Tensor(
        'float32',
        new Float32Array(0),
        dims,
      );
    }
  }
  return tensors;
}

async function run(ids) {
  const total = position + ids.length;
  const outputs = await session.run({
    input_ids: new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]),
    attention_mask: new ort.Tensor('int64', new BigInt64Array(total).fill(1n), [1, total]),
    ...past,
  });
  for (const name of Object.keys(past)) {
    past[name] = outputs[name.replace('past_key_values', 'present')];
  }
  position = total;
  const { data } = outputs.logits;
  lastId = 0;
  for (let id = 1; id < data.length; id++) if (data[id] > data[lastId]) lastId = id;
}

/** Cuts the cache back to `count` positions: its tensors are [1, heads, positions, width]. */
function keepPast(count) {
  if (count === position) return;
  for (const [name, tensor] of Object.entries(past)) {
    const kept = new Float32Array(KV_HEADS * count * HEAD_DIM);
    for (let head = 0; head < KV_HEADS; head++) {
      const start = head * position * HEAD_DIM;
      kept.set(tensor.data.subarray(start, start + count * HEAD_DIM), head * count * HEAD_DIM);
    }
    past[name] = new ort.Tensor('float32', kept, [1, KV_HEADS, count, HEAD_DIM]);
  }
  position = count;
}

async function suggest(ids, { newTokens, firstWordTokens }) {
  const startedAt = performance.now();
  let same = 0;
  while (same < ids.length - 1 && ids[same] === pastIds[same]) same += 1;
  keepPast(same);
  await run(ids.slice(same));
  pastIds = [...ids];
  let firstMs = 0;
  for (let count = 1; ; count++) {
    if (count === firstWordTokens) firstMs = performance.now() - startedAt;
    if (count === newTokens) break;
    pastIds.push(lastId);
    await run([lastId]);
  }
  return { firstMs, wholeMs: performance.now() - startedAt };
}

answerCalls({
  suggest,
  async load(url) {
    ort.env.wasm.wasmPaths = { mjs, wasm };
    ort.env.wasm.numThreads = 1;
    const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
    session = await ort.InferenceSession.create(bytes, { executionProviders: ['wasm'] });
    past = emptyPast();
  },
  async prefill(count) {
    past = emptyPast();
    position = 0;
    const ids = Array.from({ length: count }, () => Math.floor(Math.random() * 40_000) + 100);
    const startedAt = performance.now();
    await run(ids);
    return performance.now() - startedAt;
  },
  async decode(count) {
    const times = [];
    for (let index = 0; index < count; index++) {
      const startedAt = performance.now();
      await run([lastId]);
      times.push(performance.now() - startedAt);
    }
    return times;
  },
});
