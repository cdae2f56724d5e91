import { NetworkError } from '../errors.ts';

/**
 * Runs an `import()` for code that a page does not carry until it is needed. `what` says what the code
 * does, for the error. @throws NetworkError `offline` when it cannot be had.
 */
export async function loadCode<Value>(what: string, load: () => Promise<Value>): Promise<Value> {
  try {
    return await load();
  } catch (cause) {
    throw new NetworkError(
      'offline',
      `The code that ${what} could not be loaded. Check the connection, and that the server has the files of this version.`,
      { cause, isRetryable: true },
    );
  }
}

/** As `loadCode`, once for all callers; after a failure the next caller tries again. */
export function createLoader<Value>(
  what: string,
  load: () => Promise<Value>,
): () => Promise<Value> {
  let loading: Promise<Value> | null = null;
  return () => {
    loading ??= loadCode(what, load).catch((error: unknown) => {
      loading = null;
      throw error;
    });
    return loading;
  };
}
