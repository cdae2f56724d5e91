/// <reference lib="webworker" />
// The host's own turns around our engine, with a model whose bytes are at hand.
import { createRuns } from '../../src/worker/runs.ts';
import type { Runs } from '../../src/worker/runs.ts';
import { fetchBytes, loadModel } from '../load-model.ts';
import type { PageMessage, WorkerMessage } from './messages.ts';

const CONTEXT_LENGTH = 512;

let runs: Runs | null = null;

self.addEventListener('message', ({ data }: MessageEvent<PageMessage>) => {
  if (data.type === 'load') void load(data);
  else if (data.type === 'abort') runs?.abort(data.key);
  else {
    const { key, request } = data;
    runs?.submit({
      key,
      sessionId: request.sessionId,
      request: { ...request, modelId: 'model', priority: 'keystroke' },
      onStep: (step) => send({ type: 'step', key, step }),
      onError: (error) => send({ type: 'error', text: String(error) }),
    });
  }
});

async function load({ url, precision }: Extract<PageMessage, { type: 'load' }>): Promise<void> {
  try {
    const options = { precision, contextLength: CONTEXT_LENGTH, maxSlots: 2 };
    const model = await loadModel(await fetchBytes(url), options);
    runs = createRuns({
      current: () => ({ id: 'model', model }),
      load: () => Promise.resolve(),
      discard: (error) => send({ type: 'error', text: String(error) }),
    });
    send({ type: 'loaded' });
  } catch (error) {
    send({ type: 'error', text: String(error) });
  }
}

function send(message: WorkerMessage): void {
  self.postMessage(message);
}
