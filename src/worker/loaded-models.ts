import { EdgewiseError, EngineError } from '../errors.ts';
import type {
  Engine,
  EngineLoadOptions,
  LoadedModel,
  ModelInfo,
  ModelState,
  WeightSource,
} from '../types.ts';
import type { EngineTable } from './engine-table.ts';
import type { ModelLibrary } from './model-library.ts';
import { createSharedTask } from './shared-task.ts';
import type { SharedTask } from './shared-task.ts';

export interface CurrentModel {
  readonly id: string;
  readonly model: LoadedModel;
}

/** The one model in the engine's memory. */
export interface LoadedModels {
  current(): CurrentModel | null;
  /** Loads the model unless it is loaded; concurrent callers share one load. */
  load(id: string, signal?: AbortSignal): Promise<ModelInfo>;
  /** Takes the model out of memory, and tells whether it is still on this device. */
  unload(): Promise<void>;
  /** Gives up this one model, loaded or on its way, and waits until no load of it goes on. */
  forget(id: string): Promise<void>;
  /** Gives up a model whose engine failed, so that the next call loads it afresh. */
  discard(error: EngineError): void;
  /** Frees everything without a word. */
  close(): void;
}

export interface LoadedModelsOptions {
  readonly library: ModelLibrary;
  readonly engines: EngineTable;
  readonly engineOptions: Omit<EngineLoadOptions, 'signal'>;
  /** Waits until no run computes and keeps new ones back until the returned function is called. */
  quiesce(): Promise<() => void>;
  onState(id: string, state: ModelState): void;
}

export function createLoadedModels(options: LoadedModelsOptions): LoadedModels {
  const { library, onState } = options;
  const queue = createLoadQueue(loadNext);
  let current: CurrentModel | null = null;

  function drop(state: ModelState | null): void {
    const dropped = current;
    current = null;
    dropped?.model.dispose();
    if (dropped !== null && state !== null) onState(dropped.id, state);
  }

  async function dropToRest(): Promise<void> {
    const leaving = current;
    if (leaving === null) return;
    const state = await restingState(library, leaving.id);
    if (current === leaving) drop(state);
  }

  async function replace(id: string, signal: AbortSignal): Promise<ModelInfo> {
    const source = await library.open(id, signal);
    const resume = current === null ? () => undefined : await options.quiesce();
    try {
      await dropToRest();
      signal.throwIfAborted();
      const model = await loadModel(options, { id, source, signal });
      current = { id, model };
      onState(id, { status: 'ready', info: model.info });
      return model.info;
    } finally {
      resume();
    }
  }

  async function loadNext(id: string, signal: AbortSignal): Promise<ModelInfo> {
    try {
      return current?.id === id ? current.model.info : await replace(id, signal);
    } catch (error) {
      const failure = signal.aborted ? null : toLoadError(id, error);
      onState(id, await stateAfter(library, id, failure));
      throw failure ?? error;
    }
  }

  return {
    current: () => current,
    async load(id, signal) {
      signal?.throwIfAborted();
      return current?.id === id ? current.model.info : queue.load(id, signal);
    },
    async unload() {
      queue.cancel(new EngineError('closed', 'The model was unloaded while it was loading.'));
      await dropToRest();
    },
    async forget(id) {
      await queue.cancelOne(id, new EngineError('closed', `The model "${id}" was removed.`));
      if (current?.id === id) drop({ status: 'absent' });
    },
    discard: (error) => drop({ status: 'error', error }),
    close() {
      queue.cancel(new EngineError('closed', 'The runtime was closed.'));
      drop(null);
    },
  };
}

type Stock = Pick<ModelLibrary, 'isStored'>;

/** What a model is that no engine has. A store that fails must not keep it in memory. */
async function restingState(library: Stock, id: string): Promise<ModelState> {
  const isStored = await library.isStored(id).catch(() => false);
  return { status: isStored ? 'stored' : 'absent' };
}

/** A load that was given up, or of a model that is not here, is no error of the model. */
async function stateAfter(library: Stock, id: string, failure: Error | null): Promise<ModelState> {
  if (failure === null) return restingState(library, id);
  return isNotDownloaded(failure) ? { status: 'absent' } : { status: 'error', error: failure };
}

interface LoadJob {
  readonly id: string;
  readonly source: WeightSource;
  readonly signal: AbortSignal;
}

async function loadModel(
  { engines, engineOptions, onState }: LoadedModelsOptions,
  { id, source, signal }: LoadJob,
): Promise<LoadedModel> {
  onState(id, { status: 'loading' });
  const engine = await openEngine(engines, 'wasm');
  const model = await engine.load(source, { ...engineOptions, signal });
  if (signal.aborted) model.dispose();
  signal.throwIfAborted();
  return model;
}

interface LoadQueue {
  load(id: string, signal: AbortSignal | undefined): Promise<ModelInfo>;
  cancel(reason: Error): void;
  /** Ends the load of one model and waits until it has stopped. */
  cancelOne(id: string, reason: Error): Promise<void>;
}

/** One load at a time (two would need the memory of both), shared by all who want that model. */
function createLoadQueue(
  loadNext: (id: string, signal: AbortSignal) => Promise<ModelInfo>,
): LoadQueue {
  const tasks = new Map<string, SharedTask<ModelInfo, never>>();
  let previous: Promise<unknown> = Promise.resolve();

  function startTask(id: string): SharedTask<ModelInfo, never> {
    const task = createSharedTask<ModelInfo>((signal) => {
      const load = previous.then(() => loadNext(id, signal));
      previous = load.catch(() => undefined);
      return load;
    });
    tasks.set(id, task);
    return task;
  }

  return {
    load(id, signal) {
      const running = tasks.get(id);
      return (running?.isOpen() === true ? running : startTask(id)).join({ signal });
    },
    cancel(reason) {
      for (const task of tasks.values()) if (task.isOpen()) task.cancel(reason);
    },
    async cancelOne(id, reason) {
      const task = tasks.get(id);
      if (task?.isOpen() !== true) return;
      task.cancel(reason);
      await previous;
    },
  };
}

async function openEngine(engines: EngineTable, kind: Engine['kind']): Promise<Engine> {
  const open = engines[kind];
  if (open !== undefined) return open();
  throw new EngineError('load-failed', `This build has no engine "${kind}".`);
}

function isNotDownloaded(error: Error): boolean {
  return EdgewiseError.is(error) && error.code === 'not-downloaded';
}

/** Typed errors tell what to do already; the rest is an engine that could not start. */
function toLoadError(id: string, error: unknown): Error {
  if (EdgewiseError.is(error)) return error;
  return new EngineError(
    'load-failed',
    `The engine could not load the model "${id}". Try again; if it fails again, remove the model and download it anew.`,
    { details: { modelId: id }, cause: error, isRetryable: true },
  );
}
