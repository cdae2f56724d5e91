import { EngineError } from '../errors.ts';
import type { Request, Tier, TierEvent, TierFinish } from '../types.ts';

/** One call of a tier that can be read event by event, left waiting, or given up. */
export interface TierRun {
  readonly tier: string;
  /** The next event. Throws what the tier throws, and when its stream ends without a finish. */
  next(): Promise<TierEvent>;
  /** Gives the call up at once. Safe to call twice or after the end. */
  stop(): void;
  /** Gives the call up and waits for its `finish`, which has the receipt; `null` if none comes. */
  settle(): Promise<TierFinish | null>;
}

/** Starts a call of `tier`. It ends with `signal` or with `stop()`, whichever comes first. */
export function openRun(tier: Tier, request: Request, signal: AbortSignal | undefined): TierRun {
  const own = new AbortController();
  const joined = signal === undefined ? own.signal : AbortSignal.any([signal, own.signal]);
  const iterator = tier.generate(request, { signal: joined })[Symbol.asyncIterator]();

  const next = async (): Promise<TierEvent> => {
    const step = await iterator.next();
    if (step.done !== true) return step.value;
    throw new EngineError('internal', `Tier "${tier.id}" ended without a finish event.`, {
      details: { tier: tier.id },
    });
  };

  return {
    tier: tier.id,
    next,
    stop() {
      own.abort();
      // Whatever a run throws after it was given up concerns nobody.
      iterator.return?.(undefined).then(ignore, ignore);
    },
    async settle() {
      own.abort();
      try {
        for (;;) {
          const event = await next();
          if (event.type === 'finish') return event;
        }
      } catch {
        // The run was given up before it had anything to report: there is no receipt.
        return null;
      }
    },
  };
}

function ignore(): void {}
