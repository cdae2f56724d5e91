import { withMessages } from './ours.mjs';
import { callsOf } from './worker-calls.mjs';

export async function openOnnx(url) {
  const worker = new Worker(new URL('./onnx-worker.mjs', import.meta.url), { type: 'module' });
  return open(worker, url);
}

export async function openTransformers(folder) {
  const worker = new Worker(new URL('./transformers-worker.mjs', import.meta.url), {
    type: 'module',
  });
  return open(worker, folder);
}

async function open(worker, place) {
  const call = callsOf(worker);
  await call('load', place);
  return {
    prefill: (count) => call('prefill', count),
    decode: (count) => call('decode', count),
    async suggest({ ids, newTokens, firstWordTokens }) {
      const startedAt = performance.now();
      const suggested = await call('suggest', ids, { newTokens, firstWordTokens });
      return withMessages(suggested, performance.now() - startedAt);
    },
  };
}
