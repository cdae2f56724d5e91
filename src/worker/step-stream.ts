import type { EngineStep } from '../types.ts';

/** Steps as they arrive, for one reader. */
export interface StepStream extends AsyncIterableIterator<EngineStep> {
  push(step: EngineStep): void;
  /** No more steps; what is queued is still read. */
  close(): void;
  /** Reading throws this, after what is queued. */
  fail(error: unknown): void;
  /** Reading throws this at once; what is queued is dropped. */
  abort(reason: unknown): void;
}

export interface StepStreamHooks {
  /** Somebody began to read: time to ask for steps. */
  onFirstRead(): void;
  /** It is over, for whatever reason; called once, and only if somebody began to read. */
  onEnd(): void;
}

/**
 * Not an async generator: there `return()` waits for the `next()` before it, and whoever leaves
 * early would keep the engine busy until the next token.
 */
export function createStepStream(hooks: StepStreamHooks): StepStream {
  const buffer = createStepBuffer();
  let isRead = false;

  function endWith(ending: Ending, isDropped: boolean): void {
    const wasOpen = buffer.isOpen();
    if (isDropped) buffer.drop(ending);
    else buffer.end(ending);
    if (wasOpen && isRead) hooks.onEnd();
  }

  return {
    push: (step) => buffer.push(step),
    close: () => endWith({ status: 'closed' }, false),
    fail: (error) => endWith({ status: 'failed', error }, false),
    abort: (error) => endWith({ status: 'failed', error }, true),
    next() {
      const result = buffer.read();
      if (!isRead && buffer.isOpen()) {
        isRead = true;
        hooks.onFirstRead();
      }
      return result;
    },
    return() {
      endWith({ status: 'closed' }, true);
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

type Ending =
  | { readonly status: 'closed' }
  | { readonly status: 'failed'; readonly error: unknown };

interface StepBuffer {
  isOpen(): boolean;
  push(step: EngineStep): void;
  read(): Promise<IteratorResult<EngineStep>>;
  /** The first ending counts. */
  end(ending: Ending): void;
  /** Ends now, without what is queued; nothing happens when all was read. */
  drop(ending: Ending): void;
}

interface Reader {
  resolve(result: IteratorResult<EngineStep>): void;
  reject(error: unknown): void;
}

function createStepBuffer(): StepBuffer {
  const queue: EngineStep[] = [];
  const readers: Reader[] = [];
  let ending: Ending | null = null;

  function settleReaders(): void {
    while (readers.length > 0 && (queue.length > 0 || ending !== null)) {
      settle(readers.shift());
    }
  }

  function settle(reader: Reader | undefined): void {
    const step = queue.shift();
    if (step !== undefined) reader?.resolve({ done: false, value: step });
    else if (ending?.status === 'failed') {
      reader?.reject(ending.error);
      // Thrown once, as generators do; later reads find the stream closed.
      ending = { status: 'closed' };
    } else reader?.resolve({ done: true, value: undefined });
  }

  return {
    isOpen: () => ending === null,
    push(step) {
      if (ending === null) queue.push(step);
      settleReaders();
    },
    read() {
      const result = new Promise<IteratorResult<EngineStep>>((resolve, reject) => {
        readers.push({ resolve, reject });
      });
      settleReaders();
      return result;
    },
    end(next) {
      ending ??= next;
      settleReaders();
    },
    drop(next) {
      if (ending?.status !== 'closed' || queue.length > 0) ending = next;
      queue.length = 0;
      settleReaders();
    },
  };
}
