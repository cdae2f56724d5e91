import { EngineError } from '../errors.ts';
import type { Link } from './link.ts';

/** Keeps one living link, and replaces it once it is lost. */
export interface LinkKeeper {
  /** Starts a host where there is none. An abort lets go of the wait, not of the start. */
  open(signal: AbortSignal | undefined): Promise<Link>;
  /** Ends the host and every pending call with `EngineError` `closed`. Idempotent. */
  close(): void;
}

/** `start` calls `onLost` when its link is of no more use. */
export function createLinkKeeper(start: (onLost: () => void) => Promise<Link>): LinkKeeper {
  let current: Promise<Link> | null = null;
  let isClosed = false;

  function startLink(): Promise<Link> {
    const forget = (): void => {
      if (current === link) current = null;
    };
    const link = start(forget);
    // A failed start must not poison later calls; the caller is told by the promise itself.
    link.catch(forget);
    return link;
  }

  return {
    async open(signal) {
      signal?.throwIfAborted();
      if (isClosed) throw closedError();
      current ??= startLink();
      const link = await orAborted(current, signal);
      if (isClosed) throw closedError();
      return link;
    },
    close() {
      isClosed = true;
      // A start that failed left nothing to close.
      current?.then(
        (link) => link.close(closedError()),
        () => undefined,
      );
      current = null;
    },
  };
}

async function orAborted<Value>(
  work: Promise<Value>,
  signal: AbortSignal | undefined,
): Promise<Value> {
  if (signal === undefined) return work;
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function closedError(): EngineError {
  return new EngineError('closed', 'This runtime was closed: make a new one with createRuntime().');
}
