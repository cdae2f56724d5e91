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
  /** The reader left before the end. */
  onLeave(): void;
}

/**
 * Not an async generator: there `return()` waits for the `next()` before it, and whoever leaves
 * early would keep the engine busy until the next token.
 */
export function createStepStream(hooks: StepStreamHooks): StepStream {
  const buffer = createStepBuffer();
  let isRead = false;

  return {
    push: (step) => buffer.push(step),
    close: () => buffer.end({ status: 'closed' }),
    fail: (error) => buffer.end({ status: 'failed', error }),
    abort: (error) => buffer.drop({ status: 'failed', error }),
    next() {
      const result = buffer.read();
      if (!isRead && buffer.isOpen()) {
        isRead = true;
        hooks.onFirstRead();
      }
      return result;
    },
    return() {
      const wasOpen = buffer.isOpen();
      buffer.drop({ status: 'closed' });
      if (wasOpen && isRead) hooks.onLeave();
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
