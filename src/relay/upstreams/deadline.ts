/** An abort signal with one replaceable timer, fed by the caller's own signal. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Starts the timer anew; when it runs out the signal aborts with what `reason` gives. */
  restart(timeoutMs: number, reason: () => Error): void;
  /** Stops the replaceable timer until the next `restart`. */
  pause(): void;
  /** Gives up now. */
  abort(reason: unknown): void;
  /** Stops the timers and listening. Call it when the work is over, however it ended. */
  end(): void;
}

/**
 * @param totalMs longest life of the whole, whatever `restart` is given
 */
export function createDeadline(
  parent: AbortSignal,
  totalMs: number,
  totalReason: () => Error,
): Deadline {
  const controller = new AbortController();
  const onParentAbort = (): void => controller.abort(parent.reason);
  parent.addEventListener('abort', onParentAbort, { once: true });
  if (parent.aborted) onParentAbort();
  const totalTimer = setTimeout(() => controller.abort(totalReason()), totalMs);
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    signal: controller.signal,
    restart(timeoutMs, reason) {
      clearTimeout(timer);
      timer = setTimeout(() => controller.abort(reason()), timeoutMs);
    },
    pause: () => clearTimeout(timer),
    abort: (reason) => controller.abort(reason),
    end() {
      clearTimeout(timer);
      clearTimeout(totalTimer);
      parent.removeEventListener('abort', onParentAbort);
    },
  };
}
