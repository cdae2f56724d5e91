import { Worker } from 'node:worker_threads';
import { describe } from 'vitest';
import { decodeError, encodeError } from '../../src/worker/wire-error.ts';
import type { WireError } from '../../src/worker/wire-error.ts';
import { describeWire } from './wire.contract.ts';

describe('errors over a worker thread', () => {
  // Node 20 cannot run TypeScript in a thread, so the thread hands back what it got, twice cloned;
  // the round through real classes on the far side is in the browser test.
  describeWire(async (wire) => {
    const worker = new Worker(
      "require('node:worker_threads').parentPort.once('message', function (data) { this.postMessage(data); });",
      { eval: true },
    );
    try {
      const answer = new Promise<WireError>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      worker.postMessage(wire);
      return encodeError(decodeError(await answer));
    } finally {
      await worker.terminate();
    }
  });
});
