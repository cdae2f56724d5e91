import type { EngineRequest, EngineStep, Precision } from '../../src/types.ts';
import type { PageMessage, WorkerMessage } from './messages.ts';

interface CancelOptions {
  readonly precision: Precision;
  readonly samples: number;
  /** Whatever is typed after them makes prompts that share nothing. */
  readonly texts: readonly string[];
}

interface CancelTimes {
  /** From an abort to the answer of a request that needs no computation. */
  readonly cancelMs: readonly number[];
  /** The same where nothing had to be aborted. */
  readonly idleMs: readonly number[];
  /** From one token to the next. */
  readonly tokenMs: readonly number[];
}

declare global {
  var measureCancel: (options: CancelOptions) => Promise<CancelTimes>;
  var isReady: boolean;
}

/** A session whose prompt is known: it gets its answer as soon as the engine is free. */
const PROBE: EngineRequest = {
  sessionId: 'probe',
  input: { kind: 'prefix', before: 'Good morning ' },
  maxTokens: 1,
  isPromptOnly: true,
};
const TOKENS = 64;

globalThis.measureCancel = async ({ precision, samples, texts }) => {
  const host = await openHost(precision);
  const cancelMs: number[] = [];
  const idleMs: number[] = [];
  await host.finish(PROBE);
  for (let index = 0; index < samples; index++) {
    idleMs.push(await timed(() => host.finish(PROBE)));
    // Two of three meet the prompt of a new text, one the words after it.
    const before = `${index} ${texts[index % texts.length] ?? ''}`;
    const request = { ...PROBE, sessionId: 'field', input: { kind: 'prefix', before } } as const;
    if (index % 3 === 2) await host.finish(request);
    const abort = host.begin({ ...request, isPromptOnly: false, maxTokens: TOKENS });
    await delay(5 + Math.random() * 50);
    cancelMs.push(
      await timed(() => {
        abort();
        return host.finish(PROBE);
      }),
    );
  }
  const tokenMs = await timeTokens(host, texts[0] ?? '');
  host.close();
  return { cancelMs, idleMs, tokenMs };
};

interface Host {
  /** Starts a run; calls `onStep` until it is aborted by the function it gives. */
  begin(request: EngineRequest, onStep?: (step: EngineStep) => void): () => void;
  /** Runs to the end. */
  finish(request: EngineRequest): Promise<void>;
  close(): void;
}

async function openHost(precision: Precision): Promise<Host> {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  const listeners = new Map<string, (step: EngineStep) => void>();
  const send = (message: PageMessage): void => worker.postMessage(message);
  let count = 0;
  await new Promise<void>((resolve, reject) => {
    worker.addEventListener('error', ({ message }) => reject(new Error(message)));
    worker.addEventListener('message', ({ data }: MessageEvent<WorkerMessage>) => {
      if (data.type === 'loaded') resolve();
      else if (data.type === 'error') reject(new Error(data.text));
      else listeners.get(data.key)?.(data.step);
    });
    send({ type: 'load', url: '/files/model.gguf', precision });
  });
  const begin: Host['begin'] = (request, onStep = () => undefined) => {
    count += 1;
    const key = `run ${count}`;
    listeners.set(key, onStep);
    send({ type: 'submit', key, request });
    return () => {
      listeners.delete(key);
      send({ type: 'abort', key });
    };
  };
  return {
    begin,
    finish: (request) =>
      new Promise((resolve) => {
        begin(request, (step) => step.type === 'end' && resolve());
      }),
    close: () => worker.terminate(),
  };
}

async function timeTokens(host: Host, before: string): Promise<readonly number[]> {
  const times: number[] = [];
  let lastAt: number | null = null;
  await new Promise<void>((resolve) => {
    const input = { kind: 'prefix', before } as const;
    host.begin({ sessionId: 'tokens', input, maxTokens: TOKENS }, (step) => {
      const now = performance.now();
      if (step.type === 'token' && lastAt !== null) times.push(now - lastAt);
      if (step.type === 'token') lastAt = now;
      if (step.type === 'end') resolve();
    });
  });
  return times;
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

globalThis.isReady = true;
