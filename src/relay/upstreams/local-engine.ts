import { EngineError } from '../../errors.ts';
import { RelayError } from '../relay-error.ts';
import type { LocalReport, LocalRequest, LocalThreadOptions } from './local-protocol.ts';
import type { LocalThread, StartLocalThread } from './local-thread.ts';

/** What a run reports: which model answers, then its steps. */
export type LocalEvent = Exclude<LocalReport, { readonly type: 'error' }>;

/** The engine behind a thread. Starts it with the first call, and anew after a crash. */
export interface LocalEngine {
  /** Ends after the `end` step. Abort throws the signal's reason and stops the engine. */
  generate(request: LocalRequest, signal: AbortSignal): AsyncGenerator<LocalEvent, void, void>;
  close(): Promise<void>;
}

export function createLocalEngine(
  options: LocalThreadOptions,
  startThread: StartLocalThread,
): LocalEngine {
  let link: ThreadLink | null = null;
  let lastId = 0;

  function openLink(): ThreadLink {
    if (link?.isGone()) link = null;
    link ??= linkThread(startThread(options));
    return link;
  }

  return {
    async *generate(request, signal) {
      signal.throwIfAborted();
      lastId += 1;
      yield* run(openLink(), { id: lastId, request, signal });
    },
    async close() {
      await link?.close();
    },
  };
}

interface ThreadLink {
  readonly thread: LocalThread;
  readonly runs: Map<number, Inbox>;
  isGone(): boolean;
  close(): Promise<void>;
}

interface Run {
  readonly id: number;
  readonly request: LocalRequest;
  readonly signal: AbortSignal;
}

async function* run(
  { thread, runs }: ThreadLink,
  { id, request, signal }: Run,
): AsyncGenerator<LocalEvent, void, void> {
  const inbox = createInbox();
  runs.set(id, inbox);
  const onAbort = (): void => inbox.fail(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  thread.send({ type: 'generate', id, request });
  let isEnded = false;
  try {
    while (!isEnded) {
      const event = await inbox.next();
      isEnded = event.type === 'step' && event.step.type === 'end';
      yield event;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Still listed: neither ended nor failed there, so the engine must be told.
    if (runs.delete(id) && !isEnded) thread.send({ type: 'abort', id });
  }
}

function linkThread(thread: LocalThread): ThreadLink {
  const runs = new Map<number, Inbox>();
  let isGone = false;

  function loseAll(error: Error): void {
    isGone = true;
    for (const inbox of runs.values()) inbox.fail(error);
    runs.clear();
  }

  thread.onReport((report) => {
    const inbox = runs.get(report.id);
    if (report.type !== 'error') return inbox?.push(report);
    runs.delete(report.id);
    inbox?.fail(restoreError(report.error));
  });
  thread.onGone((cause) => loseAll(crashed(cause)));
  return {
    thread,
    runs,
    isGone: () => isGone,
    async close() {
      loseAll(closed());
      await thread.terminate();
    },
  };
}

interface Inbox {
  push(event: LocalEvent): void;
  /** Reading throws this at once; what is queued is dropped. The first failure counts. */
  fail(error: unknown): void;
  next(): Promise<LocalEvent>;
}

/** Events for one reader that reads one at a time. */
function createInbox(): Inbox {
  const queue: LocalEvent[] = [];
  let failure: { readonly error: unknown } | null = null;
  let wake: () => void = () => {};
  return {
    push(event) {
      queue.push(event);
      wake();
    },
    fail(error) {
      failure ??= { error };
      wake();
    },
    async next() {
      for (;;) {
        if (failure) throw failure.error;
        const event = queue.shift();
        if (event) return event;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

function restoreError(plain: Extract<LocalReport, { type: 'error' }>['error']): RelayError {
  const { code, message, place, ...options } = plain;
  return new RelayError(code, message, { ...options, details: { place } });
}

function crashed(cause: Error): EngineError {
  const message =
    'The thread that runs the local model stopped. Repeat the call: it starts a new one.';
  return new EngineError('worker-crashed', message, { cause, isRetryable: true });
}

function closed(): EngineError {
  return new EngineError('closed', 'The relay is closing. Try again when it runs.', {
    isRetryable: true,
  });
}
