import type { Precision } from '../../src/types.ts';
import { createWorkerCall } from '../worker-client.ts';
import type { FidelitySamples } from './samples.ts';

declare global {
  /** What the Node side calls. */
  var measureFidelity: (precision: Precision) => Promise<FidelitySamples>;
  var isReady: boolean;
}

globalThis.measureFidelity = async (precision) => {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  const call = createWorkerCall(worker);
  try {
    return await call<FidelitySamples>('measure', precision);
  } finally {
    worker.terminate();
  }
};

globalThis.isReady = true;
