import { callsOf } from './worker-calls.mjs';

/** Our engine below sessions and text: as bare as the peers are timed. */
export async function openOurs(precision) {
  const worker = new Worker(new URL('./ours-worker.js', import.meta.url), { type: 'module' });
  const call = callsOf(worker);
  const shape = await call('load', '/files/model.gguf', precision);
  return {
    shape,
    prefill: (count) => call('prefill', count),
    decode: (count) => call('decode', count),
  };
}

/** Our engine as a page uses it, with sessions and text. */
export async function openTyping(precision) {
  const worker = new Worker(new URL('./typing-worker.js', import.meta.url), { type: 'module' });
  const call = callsOf(worker);
  await call('load', '/files/model.gguf', precision);
  return {
    encode: (text) => call('encode', text),
    async suggest({ text, newTokens }) {
      const startedAt = performance.now();
      const suggested = await call('suggest', text, newTokens);
      return withMessages(suggested, performance.now() - startedAt);
    },
  };
}

/** Times inside a worker, and the messages to it and back that a page waits for as well. */
export function withMessages(suggested, elapsedMs) {
  const messagesMs = elapsedMs - suggested.wholeMs;
  return { ...suggested, firstMs: suggested.firstMs + messagesMs, wholeMs: elapsedMs };
}
