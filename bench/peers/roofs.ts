import type { Precision } from '../../src/types.ts';
import { createWorkerCall } from '../worker-client.ts';

/** Reading and multiplying and nothing else, on a thread of its own. */
export interface Roofs {
  /** Times of some passes over the bytes of one token. */
  readMs(): Promise<number[]>;
  /** Billions of multiply-adds a second in the arithmetic of this precision, some times over. */
  gigaMacs(precision: Precision): Promise<number[]>;
  /** Calls under way never end. */
  close(): void;
}

/** What one thread can do at most, for the bytes that a token of the model reads. */
export async function openRoofs(bytesPerToken: number): Promise<Roofs> {
  const worker = new Worker(new URL('./roofs-worker.js', import.meta.url), { type: 'module' });
  const call = createWorkerCall(worker);
  await call('load', bytesPerToken);
  return {
    readMs: () => call('readMs'),
    gigaMacs: (precision) => call('gigaMacs', precision),
    close: () => worker.terminate(),
  };
}
