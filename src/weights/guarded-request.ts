import { NetworkError, TimeoutError } from '../errors.ts';

export interface GuardedRequestOptions {
  readonly fetch?: typeof fetch;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Longest silence before headers and between pieces of the body. Browsers themselves wait for ever. */
  readonly idleTimeoutMs?: number;
}

/** An answer whose body arrives in pieces and cannot hang. */
export interface GuardedResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Frees the connection; call it when the body is not read to its end. Idempotent. */
  release(): void;
}

/** As reliability row N5: silence this long means the connection is dead. */
const IDLE_TIMEOUT_MS = 15_000;

/**
 * Sends a GET request and watches it: silence ends in `TimeoutError` `idle-timeout`, a refused or
 * broken connection in `NetworkError`, an abort in the signal's own reason.
 */
export async function requestGuarded(
  url: URL,
  options: GuardedRequestOptions,
): Promise<GuardedResponse> {
  const guard = createGuard(url, options.signal, options.idleTimeoutMs ?? IDLE_TIMEOUT_MS);
  const send = options.fetch ?? fetch;
  try {
    const response = await guard.run(
      send(url, {
        headers: { ...options.headers },
        signal: guard.signal,
        // The browser's own cache would keep a second copy of the weights.
        cache: 'no-store',
      }),
    );
    return {
      status: response.status,
      headers: response.headers,
      pieces: readPieces(url, response, guard),
      release: guard.release,
    };
  } catch (error) {
    const failure = guard.isAborted() ? error : connectionError(url, error);
    guard.release();
    throw failure;
  }
}

/** The other end, for people. */
export function hostOf(url: URL): string {
  return url.host || 'this device';
}

interface Guard {
  readonly signal: AbortSignal;
  /** Waits for `work`, but no longer than the silence allowed or the caller's signal. */
  run<Result>(work: Promise<Result>): Promise<Result>;
  isAborted(): boolean;
  release(): void;
}

function createGuard(url: URL, outer: AbortSignal | undefined, idleTimeoutMs: number): Guard {
  const controller = new AbortController();
  const forward = (): void => controller.abort(outer?.reason);
  if (outer?.aborted) forward();
  outer?.addEventListener('abort', forward, { once: true });

  async function run<Result>(work: Promise<Result>): Promise<Result> {
    const timer = setTimeout(() => controller.abort(idleError(url, idleTimeoutMs)), idleTimeoutMs);
    // Raced, because a stream may ignore its signal.
    const aborted = whenAborted(controller.signal);
    try {
      return await Promise.race([work, aborted.promise]);
    } catch (error) {
      throw controller.signal.aborted ? controller.signal.reason : error;
    } finally {
      clearTimeout(timer);
      aborted.dispose();
    }
  }

  return {
    signal: controller.signal,
    run,
    isAborted: () => controller.signal.aborted,
    release() {
      outer?.removeEventListener('abort', forward);
      controller.abort(new DOMException('The rest is not needed.', 'AbortError'));
    },
  };
}

function whenAborted(signal: AbortSignal): { promise: Promise<never>; dispose(): void } {
  let dispose = (): void => undefined;
  const promise = new Promise<never>((_resolve, reject) => {
    const listener = (): void => reject(signal.reason);
    dispose = () => signal.removeEventListener('abort', listener);
    if (signal.aborted) listener();
    else signal.addEventListener('abort', listener, { once: true });
  });
  return { promise, dispose: () => dispose() };
}

async function* readPieces(url: URL, response: Response, guard: Guard): AsyncIterable<Uint8Array> {
  if (response.body === null) return guard.release();
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await guard.run(reader.read());
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw guard.isAborted() ? error : cutError(url, error);
  } finally {
    guard.release();
  }
}

function idleError(url: URL, idleTimeoutMs: number): TimeoutError {
  return new TimeoutError(
    'idle-timeout',
    `${hostOf(url)} sent nothing for ${idleTimeoutMs / 1000} s: check the connection and try again.`,
    { details: { host: url.host, idleTimeoutMs }, isRetryable: true },
  );
}

function connectionError(url: URL, cause: unknown): NetworkError {
  const isOffline =
    (globalThis.navigator as { readonly onLine: boolean } | undefined)?.onLine === false;
  return new NetworkError(
    'offline',
    isOffline
      ? 'This device is offline: connect it and try again.'
      : `Could not reach ${hostOf(url)}: check the connection and that the server is up.`,
    { details: { host: url.host, isOffline }, cause, isRetryable: true },
  );
}

function cutError(url: URL, cause: unknown): NetworkError {
  return new NetworkError('truncated', `The connection to ${hostOf(url)} broke: try again.`, {
    details: { host: url.host },
    cause,
    isRetryable: true,
  });
}
