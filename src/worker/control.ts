import { EngineError } from '../errors.ts';
import type { DownloadProgress, ModelState } from '../types.ts';
import { isLicenceNotAccepted } from './licence.ts';
import type { LoadedModels } from './loaded-models.ts';
import type { ModelLibrary } from './model-library.ts';
import { isEnvelope } from './protocol.ts';
import type { Envelope, HostControl, ModelCall, StudentCall, WireResult } from './protocol.ts';
import { createSharedTask } from './shared-task.ts';
import type { SharedTask } from './shared-task.ts';
import type { StudentShelf } from './student-shelf.ts';
import { encodeError } from './wire-error.ts';

export interface Control {
  readonly calls: HostControl;
  /** Ends the call with this envelope, also when it has not arrived yet. */
  abort(call: Envelope): void;
}

export interface ControlOptions {
  readonly epoch: string;
  readonly library: ModelLibrary;
  readonly models: LoadedModels;
  readonly students: Pick<StudentShelf, 'open'>;
  onState(modelId: string, state: ModelState): void;
  onProgress(call: Envelope, progress: DownloadProgress): void;
}

type Download = SharedTask<null, DownloadProgress>;

/** What comlink exposes: each call answers with a result or an error as plain data. */
export function createControl(options: ControlOptions): Control {
  const { library, models } = options;
  const calls = createAbortableCalls(options.epoch);
  const downloads = createDownloads(options);

  return {
    abort: calls.abort,
    calls: {
      catalogue: (call) => calls.run(call, (signal) => library.catalogue(signal)),
      availability: (call) =>
        calls.run(call, async (signal) => {
          const isLoaded = models.current()?.id === modelIdOf(call);
          return isLoaded ? 'ready' : library.availability(modelIdOf(call), signal);
        }),
      download: (call) =>
        calls.run(call, (signal) => {
          const onReport = (progress: DownloadProgress): void => options.onProgress(call, progress);
          if (call.acceptLicence) downloads.acceptLicence(modelIdOf(call));
          return downloads.get(modelIdOf(call)).join({ signal, onReport });
        }),
      load: (call) => calls.run(call, (signal) => models.load(modelIdOf(call), signal)),
      unload: (call) =>
        calls.run(call, async () => {
          await models.unload();
          return null;
        }),
      remove: (call) =>
        calls.run(call, async (signal) => {
          const id = modelIdOf(call);
          // Whoever still stores shards of it would bring it back.
          await Promise.all([downloads.cancel(id), models.forget(id)]);
          await library.remove(id, signal);
          options.onState(id, { status: 'absent' });
          return null;
        }),
      student: (call) =>
        calls.run(call, async (signal) => {
          const { info } = await options.students.open(studentUrlOf(call), signal);
          return info;
        }),
    },
  };
}

interface AbortableCalls {
  run<Value>(
    call: Envelope,
    work: (signal: AbortSignal) => Promise<Value>,
  ): Promise<WireResult<Value>>;
  abort(call: Envelope): void;
}

/** Aborts of calls that have not arrived; the two ports keep no order between them. */
const MAX_EARLY_ABORTS = 64;

function createAbortableCalls(epoch: string): AbortableCalls {
  const running = new Map<string, AbortController>();
  const early = new Set<string>();
  const keyOf = ({ from, id }: Envelope): string => `${from} ${id}`;

  return {
    async run(call, work) {
      try {
        if (!isEnvelope(call) || call.epoch !== epoch)
          throw new TypeError('Not a call to this host.');
        const controller = new AbortController();
        if (early.delete(keyOf(call))) controller.abort();
        controller.signal.throwIfAborted();
        running.set(keyOf(call), controller);
        return { status: 'ok', value: await work(controller.signal) };
      } catch (error) {
        return { status: 'failed', error: encodeError(error) };
      } finally {
        running.delete(keyOf(call));
      }
    },
    abort(call) {
      const controller = running.get(keyOf(call));
      if (controller !== undefined) controller.abort();
      else early.add(keyOf(call));
      const [oldest] = early;
      if (early.size > MAX_EARLY_ABORTS && oldest !== undefined) early.delete(oldest);
    },
  };
}

/** One download per model, whoever asks, with the state of it for everybody. */
function createDownloads({ library, models, onState }: ControlOptions): {
  get(id: string): Download;
  /** Counts as long as this host lives: a download that was paused goes on without asking again. */
  acceptLicence(id: string): void;
  /** Ends the model's download and waits until nothing of it is written any more. */
  cancel(id: string): Promise<void>;
} {
  const tasks = new Map<string, Download>();
  const endings = new Map<string, Promise<unknown>>();
  const accepted = new Set<string>();

  async function download(
    id: string,
    signal: AbortSignal,
    report: (progress: DownloadProgress) => void,
  ): Promise<null> {
    // A loaded model stays `ready` while its missing shards are fetched.
    const tell = (state: ModelState): void => {
      if (models.current()?.id !== id) onState(id, state);
    };
    try {
      await library.download(id, {
        signal,
        isLicenceAccepted: () => accepted.has(id),
        onProgress(progress) {
          report(progress);
          tell({ status: 'downloading', progress });
        },
      });
      tell({ status: 'stored' });
      return null;
    } catch (error) {
      const isError = !signal.aborted && error instanceof Error && !isLicenceNotAccepted(error);
      tell(isError ? { status: 'error', error } : { status: 'absent' });
      throw error;
    }
  }

  function start(id: string): Download {
    const task = createSharedTask<null, DownloadProgress>((signal, report) => {
      const work = download(id, signal, report);
      endings.set(
        id,
        work.catch(() => undefined),
      );
      return work;
    });
    tasks.set(id, task);
    return task;
  }

  return {
    get(id) {
      const task = tasks.get(id);
      return task?.isOpen() === true ? task : start(id);
    },
    acceptLicence: (id) => void accepted.add(id),
    async cancel(id) {
      const task = tasks.get(id);
      if (task?.isOpen() === true) task.cancel(removed(id));
      await endings.get(id);
    },
  };
}

function removed(id: string): EngineError {
  return new EngineError('closed', `The model "${id}" was removed while it was on its way.`, {
    details: { modelId: id },
  });
}

function modelIdOf(call: ModelCall): string {
  if (typeof call.modelId === 'string' && call.modelId !== '') return call.modelId;
  throw new TypeError("Name a model: models.load('MODEL-ID').");
}

function studentUrlOf(call: StudentCall): string {
  if (typeof call.studentUrl === 'string' && call.studentUrl !== '') return call.studentUrl;
  throw new TypeError('Name the folder of a student.');
}
