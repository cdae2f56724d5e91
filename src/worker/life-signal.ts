import { findLocks } from './capabilities.ts';
import { lifeLockName } from './names.ts';

/**
 * Holds this epoch's lock until the worker is gone, however it goes. Resolves once the lock is
 * held, with `false` where there are no locks.
 */
export function holdLifeLock(epoch: string): Promise<boolean> {
  const locks = findLocks();
  if (locks === null) return Promise.resolve(false);
  return new Promise((resolve) => {
    const held = locks.request(lifeLockName(epoch), () => {
      resolve(true);
      return new Promise<never>(() => undefined);
    });
    // Refused where site data is blocked; the heartbeat watches then.
    held.catch(() => resolve(false));
  });
}

/**
 * Calls `onLost` as soon as the worker that held this epoch's lock is gone: terminated from
 * anywhere, crashed, or out of memory. Returns how to stop watching.
 */
export function watchLifeLock(epoch: string, onLost: () => void): () => void {
  const stop = new AbortController();
  const locks = findLocks();
  if (locks === null) return () => undefined;
  locks
    .request(lifeLockName(epoch), { signal: stop.signal }, () => {
      if (!stop.signal.aborted) onLost();
    })
    // Rejects only when we stop watching.
    .catch(() => undefined);
  return () => stop.abort();
}

export interface Heartbeat {
  /** The other side answered. */
  heard(): void;
  stop(): void;
}

/** How often the worker is asked for a sign of life while calls are pending. */
const BEAT_INTERVAL_MS = 1_000;

/**
 * Unanswered beats in a row before the worker counts as hung. The longest single piece of work
 * there (building a vocabulary, repacking a shard) is well below this on slow phones. Beats are
 * counted, not time: a page that slept has missed time, but no beats.
 */
const MAX_MISSED_BEATS = 20;

/** Asks for signs of life while `isNeeded`, and calls `onLost` when none comes. */
export function startHeartbeat(options: {
  isNeeded(): boolean;
  beat(): void;
  onLost(): void;
}): Heartbeat {
  let missed = 0;
  const timer = setInterval(() => {
    if (!options.isNeeded()) {
      missed = 0;
      return;
    }
    missed += 1;
    if (missed > MAX_MISSED_BEATS) options.onLost();
    else options.beat();
  }, BEAT_INTERVAL_MS);
  return {
    heard: () => {
      missed = 0;
    },
    stop: () => clearInterval(timer),
  };
}
