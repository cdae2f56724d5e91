import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

import { connect } from '../worker/connect.ts';
import { createLocalHost } from './local-host.ts';
import type { LocalThreadOptions } from './upstreams/local-protocol.ts';

// Entry of the thread: the host of this package on this thread, for the relay that started it.

/** Positions per request: a page's prompt and answer. The default model needs 46 kB for each. */
const CONTEXT_LENGTH = 2048;
/** Two requests at once, more wait their turn; the third slot is kept for keystrokes by the host. */
const MAX_SLOTS = 3;

const { modelsDir, modelId } = workerData as LocalThreadOptions;
const connection = connect({
  baseUrl: pathToFileURL(path.resolve(modelsDir) + path.sep),
  inProcess: true,
  contextLength: CONTEXT_LENGTH,
  maxSlots: MAX_SLOTS,
});
const run = createLocalHost({
  connection,
  modelId,
  report: (report) => parentPort?.postMessage(report),
});
parentPort?.on('message', run);
