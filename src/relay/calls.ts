import { RelayError } from './relay-error.ts';

/** One running call; its signal aborts when the client leaves or the relay closes. */
export interface Call {
  readonly signal: AbortSignal;
  /** The client no longer reads. */
  leave(): void;
  /** The call is over: its signal listens no more. Idempotent. */
  end(): void;
}

export interface Calls {
  /** @throws RelayError 503 `relay-closed` after `close` */
  start(clientSignal: AbortSignal): Call;
  /** Aborts every running call and refuses new ones. */
  close(): void;
}

/** All running calls of one relay. Every abort reason is a `RelayError` that says who ended it. */
export function createCalls(): Calls {
  const running = new Set<AbortController>();
  let isClosed = false;
  return {
    start(clientSignal) {
      if (isClosed) throw relayClosed();
      const controller = new AbortController();
      const leave = (): void => controller.abort(clientLeft());
      clientSignal.addEventListener('abort', leave, { once: true });
      if (clientSignal.aborted) leave();
      running.add(controller);
      const end = (): void => {
        clientSignal.removeEventListener('abort', leave);
        running.delete(controller);
      };
      return { signal: controller.signal, leave, end };
    },
    close() {
      isClosed = true;
      for (const controller of running) controller.abort(relayClosed());
    },
  };
}

function clientLeft(): RelayError {
  // 499 is never received by anyone; it marks the line in the log.
  return new RelayError('client-left', 'The client left before the answer.', {
    status: 499,
    type: 'server_error',
  });
}

function relayClosed(): RelayError {
  const message = 'The relay is closing. Try again when it runs.';
  return new RelayError('relay-closed', message, {
    status: 503,
    type: 'server_error',
    isRetryable: true,
  });
}
