// How long the next key waits for what it cancels: from an abort, while a prompt or words after it are
// computed, to the answer of a request that needs no computation. Through a worker's messages and turns.
import { withBenchPage } from './bench-page.mjs';
import { atMost, medianOf, quantileOf, rounded } from './report.mjs';

const SAMPLES = 300;

/** `cancelMsP99` may not be above the median time of one token, measured in the same page. */
export async function measureCancel(modelFile, texts) {
  const bench = { name: 'cancel', files: { 'model.gguf': modelFile } };
  const times = await withBenchPage(bench, async ({ openTab }) => {
    const { page } = await openTab();
    const options = { precision: 'fast', samples: SAMPLES, texts };
    return page.evaluate((given) => globalThis.measureCancel(given), options);
  });
  const cancelMsP99 = rounded(quantileOf(times.cancelMs, 0.99));
  const tokenMs = rounded(medianOf(times.tokenMs));
  return {
    figures: {
      cancelMs: rounded(medianOf(times.cancelMs)),
      cancelMsP99,
      cancelIdleMs: rounded(medianOf(times.idleMs)),
      cancelIdleMsP99: rounded(quantileOf(times.idleMs, 0.99)),
      tokenMs,
      tokenMsP99: rounded(quantileOf(times.tokenMs, 0.99)),
    },
    bars: [atMost('abort to a free engine, p99, ms (bar: one token)', cancelMsP99, tokenMs)],
  };
}
