import { withMessages } from './ours.mjs';
import { callsOf } from './worker-calls.mjs';

export async function openOnnx(url) {
  const worker = new Worker(new URL('./onnx-worker.mjs', import.meta.url), { type: 'module' });
  const call = callsOf(worker);
  await call('load', url);
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
