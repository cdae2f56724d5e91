import { Worker } from 'node:worker_threads';

import type { LocalCommand, LocalReport, LocalThreadOptions } from './local-protocol.ts';

/** One engine in a thread of its own, seen from the relay. */
export interface LocalThread {
  send(command: LocalCommand): void;
  onReport(listener: (report: LocalReport) => void): void;
  /** Called once when the thread is gone, however it went. */
  onGone(listener: (cause: Error) => void): void;
  terminate(): Promise<void>;
}

export type StartLocalThread = (options: LocalThreadOptions) => LocalThread;

/** Starts the thread that ships with the package. */
export function startLocalThread(options: LocalThreadOptions): LocalThread {
  return wrapWorker(
    new Worker(new URL('../local-worker.js', import.meta.url), {
      workerData: options,
      name: 'edgewise-local',
    }),
  );
}

/** A worker that runs `local-worker.ts` as the relay sees it. */
export function wrapWorker(worker: Worker): LocalThread {
  // An idle engine must not keep the process alive; running requests do.
  worker.unref();
  return {
    send: (command) => worker.postMessage(command),
    onReport(listener) {
      worker.on('message', listener);
    },
    onGone(listener) {
      worker.once('error', listener);
      worker.once('exit', (code) => listener(new Error(`The thread ended with code ${code}.`)));
    },
    async terminate() {
      await worker.terminate();
    },
  };
}
