import { callsOf } from './worker-calls.mjs';

/** Our engine below sessions and text: as bare as the peers are timed. */
export async function openOurs(precision) {
  const worker = new Worker(new URL('./ours-worker.js', import.meta.url), { type: 'module' });
  const call = callsOf(worker);
  await call('load', '/files/model.gguf', precision);
  return {
    prefill: (count) => call('prefill', count),
    decode: (count) => call('decode', count),
  };
}
