/** Work that several callers wait for; it is given up only when all of them have left. */
export interface SharedTask<Value, Report> {
  /** `false` once it ended or was given up: later callers start a new one. */
  isOpen(): boolean;
  /** Waits for the result. Aborting `signal` rejects this caller alone, with the signal's reason. */
  join(options?: JoinOptions<Report>): Promise<Value>;
  /** Ends the work; everybody who waits gets `reason`. */
  cancel(reason: unknown): void;
}

export interface JoinOptions<Report> {
  readonly signal?: AbortSignal | undefined;
  readonly onReport?: ((report: Report) => void) | undefined;
}

export function createSharedTask<Value, Report = never>(
  work: (signal: AbortSignal, report: (report: Report) => void) => Promise<Value>,
): SharedTask<Value, Report> {
  const controller = new AbortController();
  const members = new Set<JoinOptions<Report>>();
  let isOpen = true;
  const cancelled = whenAborted(controller.signal);
  const result = Promise.race([
    work(controller.signal, (report) => {
      for (const member of members) member.onReport?.(report);
    }),
    cancelled,
  ]).finally(() => {
    isOpen = false;
  });
  // Whoever joined is told; when nobody is left, nobody needs to be.
  result.catch(() => undefined);

  function cancel(reason: unknown): void {
    isOpen = false;
    controller.abort(reason);
  }

  function leave(member: JoinOptions<Report>, reason: unknown): void {
    members.delete(member);
    if (members.size === 0 && isOpen) cancel(reason);
  }

  return {
    isOpen: () => isOpen,
    cancel,
    async join(options = {}) {
      const { signal } = options;
      signal?.throwIfAborted();
      const member = { ...options };
      members.add(member);
      const left = signal === undefined ? null : whenAborted(signal);
      const onAbort = (): void => leave(member, signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      try {
        return await (left === null ? result : Promise.race([result, left]));
      } finally {
        signal?.removeEventListener('abort', onAbort);
        members.delete(member);
      }
    },
  };
}

/** Rejects with the signal's reason; handled, so that it may be raced or left alone. */
function whenAborted(signal: AbortSignal): Promise<never> {
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  aborted.catch(() => undefined);
  return aborted;
}
