/**
 * The same chunks, but an abort ends the loop at once, with the signal's reason, even when the
 * source is stuck and pays no heed to the signal.
 */
export async function* withAbort<T>(
  chunks: AsyncIterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, undefined> {
  if (signal === undefined) {
    yield* chunks;
    return;
  }
  const aborted = onAbort(signal);
  const iterator = chunks[Symbol.asyncIterator]();
  let isOver = false;
  try {
    while (!isOver) {
      const result = await Promise.race([iterator.next(), aborted.promise]);
      isOver = result.done === true;
      if (result.done !== true) yield result.value;
    }
  } finally {
    aborted.stop();
    // Not awaited: a stuck source would never answer. What it throws now concerns nobody.
    if (!isOver) void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

function onAbort(signal: AbortSignal): { promise: Promise<never>; stop: () => void } {
  const { promise, reject } = withResolvers();
  const listener = (): void => reject(signal.reason);
  if (signal.aborted) listener();
  signal.addEventListener('abort', listener, { once: true });
  // Between two chunks nobody waits for this promise; the next race sees the rejection.
  promise.catch(() => undefined);
  return { promise, stop: () => signal.removeEventListener('abort', listener) };
}

function withResolvers(): { promise: Promise<never>; reject: (reason: unknown) => void } {
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<never>((_, rejectPromise) => {
    reject = rejectPromise;
  });
  return { promise, reject };
}
