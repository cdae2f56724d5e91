/** Does one piece of work after the other, and lets waiting messages in between. */
export interface TurnLoop {
  /** There may be work. */
  wake(): void;
  /** Resolves when there is none. */
  whenIdle(): Promise<void>;
}

/** `takeTurn` begins the next piece of work, or returns `null` when there is none. */
export function createTurnLoop(takeTurn: () => Promise<void> | null): TurnLoop {
  const idleListeners: (() => void)[] = [];
  let isRunning = false;

  async function run(): Promise<void> {
    const macrotask = createMacrotask();
    for (;;) {
      const turn = takeTurn();
      if (turn === null) break;
      await turn;
      await macrotask.next();
    }
    // No await since the last look for work: a `wake` cannot fall into a gap.
    isRunning = false;
    macrotask.close();
    for (const listener of idleListeners.splice(0)) listener();
  }

  return {
    wake() {
      if (isRunning) return;
      isRunning = true;
      void run();
    },
    whenIdle: () =>
      isRunning ? new Promise((resolve) => idleListeners.push(resolve)) : Promise.resolve(),
  };
}

interface Macrotask {
  /** Resolves in a task of its own. */
  next(): Promise<void>;
  /** Frees the port, which would keep Node alive. */
  close(): void;
}

function createMacrotask(): Macrotask {
  return typeof setImmediate === 'function' ? createImmediate() : createSelfMessage();
}

/** Node hands a port up to a thousand of its messages in one go, so that other ports would starve. */
function createImmediate(): Macrotask {
  return {
    next: () => new Promise((resolve) => setImmediate(resolve)),
    close: () => undefined,
  };
}

/** Browsers: timers would wait 4 ms each, promises would let no message in. */
function createSelfMessage(): Macrotask {
  const { port1, port2 } = new MessageChannel();
  let wake: () => void = () => undefined;
  port1.addEventListener('message', () => wake());
  port1.start();
  return {
    next: () =>
      new Promise((resolve) => {
        wake = resolve;
        port2.postMessage(null);
      }),
    close() {
      port1.close();
      port2.close();
    },
  };
}
