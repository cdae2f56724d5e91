import type { DeadlineCode } from './remote-error.ts';

/** How long a remote call may take, in milliseconds. */
export interface RemoteTimeouts {
  /** From the request to the first word. Default 30,000. */
  readonly firstTokenMs: number;
  /** Silence in the middle of an answer. Default 15,000. */
  readonly idleMs: number;
  /** The whole call. Default 300,000. */
  readonly totalMs: number;
}

export const DEFAULT_TIMEOUTS: RemoteTimeouts = {
  firstTokenMs: 30_000,
  idleMs: 15_000,
  totalMs: 300_000,
};

/** The three clocks of one call. Each calls `onExpired` once, at most one of them. */
export interface Deadlines {
  /** The first word has come. */
  onText(): void;
  /** Waits for bytes begin and end; silence counts only while someone waits. */
  onWait(): void;
  onBytes(): void;
  stop(): void;
}

export function startDeadlines(
  timeouts: RemoteTimeouts,
  onExpired: (code: DeadlineCode, limitMs: number) => void,
): Deadlines {
  const timers = new Map<DeadlineCode, ReturnType<typeof setTimeout>>();
  const arm = (code: DeadlineCode, limitMs: number): void => {
    clearTimeout(timers.get(code));
    timers.set(
      code,
      setTimeout(() => onExpired(code, limitMs), limitMs),
    );
  };
  let hasText = false;
  arm('first-token-timeout', timeouts.firstTokenMs);
  arm('total-timeout', timeouts.totalMs);
  return {
    onText() {
      hasText = true;
      clearTimeout(timers.get('first-token-timeout'));
    },
    onWait() {
      // Until the first word the longer clock runs alone.
      if (hasText) arm('idle-timeout', timeouts.idleMs);
    },
    onBytes() {
      clearTimeout(timers.get('idle-timeout'));
    },
    stop() {
      for (const timer of timers.values()) clearTimeout(timer);
    },
  };
}
