import { EngineError } from '../errors.ts';
import { openShardStore } from '../storage/shard-store.ts';
import type { EngineLoadOptions, ModelState, ShardStore } from '../types.ts';
import type { Host } from './carrier.ts';
import { createClassifications } from './classifications.ts';
import type { Classifications } from './classifications.ts';
import { createClients } from './clients.ts';
import type { Clients } from './clients.ts';
import { createControl } from './control.ts';
import type { Control } from './control.ts';
import { ENGINES } from './engine-table.ts';
import type { EngineTable } from './engine-table.ts';
import { canFetchFiles, fetchFile } from './file-fetch.ts';
import type { RunRequest } from './job-list.ts';
import { createLoadedModels } from './loaded-models.ts';
import { createModelLibrary } from './model-library.ts';
import { createSharedStore } from './open-store.ts';
import { parsePageMessage } from './protocol.ts';
import type {
  Envelope,
  GenerateRequest,
  HostWarning,
  StartOptions,
  WireModelState,
  PageMessage,
} from './protocol.ts';
import { createRuns } from './runs.ts';
import type { Runs } from './runs.ts';
import { createStudentShelf } from './student-shelf.ts';
import { encodeError } from './wire-error.ts';

export interface HostOptions extends StartOptions {
  /** Messages of another epoch are ignored. */
  readonly epoch: string;
  /** Default: the engines of this package, each loaded when first used. */
  readonly engines?: EngineTable | undefined;
  /** Default: IndexedDB, and memory where there is none. */
  readonly openStore?: (() => Promise<ShardStore>) | undefined;
  /** Default: the platform's; for a `file:` base URL one that reads local files (Node). */
  readonly fetch?: typeof fetch | undefined;
  /** Longest wait for one step of an engine that computes elsewhere. Default 60,000. */
  readonly stepTimeoutMs?: number | undefined;
}

/**
 * Owns the engine, the loaded model and every run on it, for any number of pages; in a worker or
 * on the page's own thread, which it cannot tell apart.
 */
export function createHost(options: HostOptions): Host {
  const { epoch, baseUrl } = options;
  const clients = createClients(epoch);
  const onState = (modelId: string, state: ModelState): void =>
    clients.broadcast({ type: 'state', modelId, state: encodeState(state) });

  const onWarning = (warning: HostWarning): void => clients.broadcast({ type: 'warning', warning });

  const fetch = options.fetch ?? chooseFetch(baseUrl);
  const store = createSharedStore(options.openStore ?? openShardStore, onWarning);
  const library = createModelLibrary({ baseUrl, fetch, store, onWarning });
  const models = createLoadedModels({
    library,
    engines: options.engines ?? ENGINES,
    engineOptions: engineOptions(options),
    quiesce: () => runs.quiesce(),
    onState,
  });
  const runs: Runs = createRuns({
    current: models.current,
    load: (modelId) => models.load(modelId),
    discard: models.discard,
    stepTimeoutMs: options.stepTimeoutMs,
  });
  const students = createStudentShelf({ fetch, openStore: store.open });
  const control = createControl({
    epoch,
    students,
    library,
    models,
    onState,
    onProgress: (call, progress) => clients.reply(call, { type: 'progress', progress }),
  });
  const classifications = createClassifications(students, clients);

  return {
    control: control.calls,
    attach(port, from, hasLock) {
      clients.add(from, port);
      listen(port, { epoch, clients, runs, classifications, control });
      clients.reply({ from, id: 0 }, { type: 'ready', hasLock });
    },
    close() {
      runs.failAll(new EngineError('closed', 'The runtime was closed.'));
      models.close();
      library.close();
      clients.close();
    },
  };
}

interface Served {
  readonly epoch: string;
  readonly clients: Clients;
  readonly runs: Runs;
  readonly classifications: Classifications;
  readonly control: Control;
}

function listen(port: MessagePort, served: Served): void {
  port.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    const message = parsePageMessage(data);
    if (message?.epoch === served.epoch) receive(message, served);
  });
  port.start();
}

function receive(message: PageMessage, { clients, runs, classifications, control }: Served): void {
  switch (message.type) {
    case 'ping':
      clients.reply(message, { type: 'pong' });
      return;
    case 'generate':
      runs.submit(toRun(message, message.request, clients));
      return;
    case 'classify':
      classifications.submit(message, message.request);
      return;
    case 'abort':
      if (runs.abort(callKey(message)) || classifications.abort(message)) return;
      control.abort(message);
  }
}

function toRun(call: Envelope, request: GenerateRequest, clients: Clients): RunRequest {
  return {
    key: callKey(call),
    // Two pages may use the same name for a session of their own.
    sessionId: `${call.from} ${request.sessionId}`,
    request,
    onStep: (step) => clients.reply(call, { type: 'step', step }),
    onError: (error) => clients.reply(call, { type: 'error', error: encodeError(error) }),
  };
}

function callKey({ from, id }: Envelope): string {
  return `${from} ${id}`;
}

function encodeState(state: ModelState): WireModelState {
  return state.status === 'error' ? { status: 'error', error: encodeError(state.error) } : state;
}

function engineOptions(options: HostOptions): Omit<EngineLoadOptions, 'signal'> {
  const { precision, contextLength, maxSlots } = options;
  return {
    ...(precision === undefined ? {} : { precision }),
    ...(contextLength === undefined ? {} : { contextLength }),
    ...(maxSlots === undefined ? {} : { maxSlots }),
  };
}

function chooseFetch(baseUrl: string): typeof fetch {
  if (new URL(baseUrl).protocol === 'file:' && canFetchFiles()) return fetchFile;
  // Looked up at each call, so that a page's later wrapper counts; and never with a foreign `this`.
  return (input, init) => globalThis.fetch(input, init);
}
