import type { CacheFormat } from '../../src/engines/wasm/decoder.ts';
import type { Precision } from '../../src/types.ts';
import { createWorkerCall } from '../worker-client.ts';
import type { FidelitySamples, LongSamples } from './samples.ts';

declare global {
  /** What the Node side calls. */
  var measureFidelity: (precision: Precision) => Promise<FidelitySamples>;
  var measureLong: (cacheFormat: CacheFormat) => Promise<LongSamples>;
  var isReady: boolean;
}

globalThis.measureFidelity = (precision) => callOnce<FidelitySamples>('measure', precision);
globalThis.measureLong = (cacheFormat) => callOnce<LongSamples>('measureLong', cacheFormat);

/** A worker of its own for each measure, so that memory does not add up. */
async function callOnce<T>(name: string, argument: string): Promise<T> {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  const call = createWorkerCall(worker);
  try {
    return await call<T>(name, argument);
  } finally {
    worker.terminate();
  }
}

globalThis.isReady = true;
