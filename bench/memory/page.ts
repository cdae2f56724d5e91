import type { Precision } from '../../src/types.ts';
import { createWorkerCall } from '../worker-client.ts';
import { measures } from './measures.ts';

interface MemoryOptions {
  readonly name: 'engineReadyMs' | 'modelReadyMs' | 'slots' | 'generate' | 'cycles';
  readonly precision: Precision;
  readonly values?: readonly number[];
  /** Default: the worker, where engines run. */
  readonly place?: 'page' | 'worker';
}

declare global {
  /** What the Node side calls: the model's bytes are there before the measure begins. */
  var measureMemory: (options: MemoryOptions) => Promise<unknown>;
  var isReady: boolean;
}

const MODEL = '/files/model.gguf';

globalThis.measureMemory = ({ name, precision, values = [], place = 'worker' }) =>
  place === 'page' ? measureHere(name, precision, values) : measureThere(name, precision, values);

async function measureHere(name: string, precision: Precision, values: readonly number[]) {
  const calls: Readonly<Record<string, (...values: never[]) => Promise<unknown>>> = measures;
  await measures.fetch(MODEL);
  return calls[name]?.(...([precision, ...values] as never[]));
}

async function measureThere(name: string, precision: Precision, values: readonly number[]) {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  const call = createWorkerCall(worker);
  try {
    await call('fetch', MODEL);
    return await call(name, precision, ...values);
  } finally {
    worker.terminate();
  }
}

globalThis.isReady = true;
