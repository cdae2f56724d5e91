// @huggingface/transformers on the same ONNX file from local files, through `generate`: WASM, one thread.
import mjs from '@peer/transformers-onnx/ort-wasm-simd-threaded.asyncify.mjs?url';
import wasm from '@peer/transformers-onnx/ort-wasm-simd-threaded.asyncify.wasm?url';
import { AutoModelForCausalLM, DynamicCache, Tensor, env } from '@peer/transformers';
import { answerCalls } from './worker-calls.mjs';

let model;
/** Ids so far, the last of which is not in the cache yet. */
let ids = [];
let cache = null;

function tensorOf(values) {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
}

/** Continues `ids`; gives the time of each token since the call. */
async function generate(count) {
  const startedAt = performance.now();
  const times = [];
  const given = tensorOf(ids);
  const { sequences, past_key_values: past } = await model.generate({
    inputs: given,
    attention_mask: tensorOf(ids.map(() => 1)),
    max_new_tokens: count,
    do_sample: false,
    return_dict_in_generate: true,
    ...(cache !== null && { past_key_values: cache }),
    // The prompt comes first.
    streamer: { put: () => times.push(performance.now() - startedAt), end() {} },
  });
  ids = Array.from(sequences.data, Number);
  cache = past;
  return times.slice(1);
}

/** There is no call to cut a cache back, but caches can be made of slices of its tensors. */
function keepCache(count) {
  const entries = {};
  for (const [name, tensor] of Object.entries(cache)) {
    entries[name] = tensor.slice(null, null, [0, count], null);
  }
  cache = new DynamicCache(entries);
}

answerCalls({
  async load(folder) {
    env.allowRemoteModels = false;
    env.allowLocalModels = true;
    env.localModelPath = '/files/';
    env.useBrowserCache = false;
    env.useWasmCache = false;
    env.backends.onnx.wasm.wasmPaths = { mjs, wasm };
    env.backends.onnx.wasm.numThreads = 1;
    model = await AutoModelForCausalLM.from_pretrained(folder, { dtype: 'q8', device: 'wasm' });
  },
  async prefill(count) {
    cache = null;
    ids = Array.from({ length: count }, () => Math.floor(Math.random() * 40_000) + 100);
    const [ms] = await generate(1);
    return ms;
  },
  async decode(count) {
    const times = await generate(count);
    return times.map((ms, index) => ms - (times[index - 1] ?? 0));
  },
  async suggest(wanted, { newTokens, firstWordTokens }) {
    const startedAt = performance.now();
    let same = 0;
    while (same < wanted.length - 1 && wanted[same] === ids[same]) same += 1;
    if (cache !== null) {
      if (same === 0) cache = null;
      else keepCache(Math.min(same, cache.get_seq_length()));
    }
    ids = [...wanted];
    const cutMs = performance.now() - startedAt;
    const times = await generate(newTokens);
    return { firstMs: cutMs + times[firstWordTokens - 1], wholeMs: cutMs + times.at(-1) };
  },
});
