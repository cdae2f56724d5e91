/** Longest time, in milliseconds, that loading keeps other events waiting. */
const MAX_BUSY_MS = 8;

/**
 * Gives a function to await inside a long loop: it lets waiting events run (an abort among them),
 * but only when the loop has been busy for a while.
 */
export function createBreather(now: () => number = () => performance.now()): () => Promise<void> {
  let busySince = now();
  return async () => {
    if (now() - busySince < MAX_BUSY_MS) return;
    await nextTask();
    busySince = now();
  };
}

/** A message is a task of its own, and browsers do not slow it down as they do timers. */
function nextTask(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.addEventListener(
      'message',
      () => {
        port1.close();
        resolve();
      },
      { once: true },
    );
    port1.start();
    port2.postMessage(null);
  });
}
