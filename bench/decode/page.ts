import type { DecodeOptions, DecodeSamples } from './samples.ts';

declare global {
  /** What the Node side calls. */
  var measureDecode: (options: DecodeOptions) => Promise<DecodeSamples>;
}

/** Runs the whole measurement in one worker, as a page would run the engine. */
globalThis.measureDecode = (options) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data }: MessageEvent<DecodeSamples>) => {
      worker.terminate();
      resolve(data);
    });
    worker.addEventListener('error', (event) => {
      worker.terminate();
      reject(new Error(`The worker failed: ${event.message}`));
    });
    worker.postMessage(options);
  });
