/** Calls a worker that answers each message `[name, ...values]` with `{ value }` or `{ error }`. */
export type WorkerCall = <T>(name: string, ...values: readonly unknown[]) => Promise<T>;

interface Answer {
  readonly value?: unknown;
  readonly error?: string;
}

/** One call at a time. */
export function createWorkerCall(worker: Worker): WorkerCall {
  return <T>(name: string, ...values: readonly unknown[]) =>
    new Promise<T>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<Answer>) =>
        data.error === undefined ? resolve(data.value as T) : reject(new Error(data.error));
      worker.onerror = ({ message }) => reject(new Error(`The worker failed: ${message}`));
      worker.postMessage([name, ...values]);
    });
}

/** The worker's side: `calls` holds its functions by name. */
export function answerCalls(
  calls: Readonly<Record<string, (...values: never[]) => unknown>>,
): void {
  self.addEventListener('message', async ({ data }: MessageEvent<[string, ...never[]]>) => {
    const [name, ...values] = data;
    try {
      self.postMessage({ value: await calls[name]?.(...values) });
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      self.postMessage({ error: text });
    }
  });
}
