/** Calls a worker that answers each message `[name, ...values]` with `{ value }` or `{ error }`. */
export function callsOf(worker) {
  return (...message) =>
    new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) =>
        data.error === undefined ? resolve(data.value) : reject(new Error(data.error));
      worker.onerror = ({ message: text }) => reject(new Error(`The worker failed: ${text}`));
      worker.postMessage(message);
    });
}

/** The worker's side: `calls` holds its functions by name. */
export function answerCalls(calls) {
  globalThis.onmessage = async ({ data: [name, ...values] }) => {
    try {
      globalThis.postMessage({ value: await calls[name](...values) });
    } catch (error) {
      globalThis.postMessage({ error: String(error?.stack ?? error) });
    }
  };
}
