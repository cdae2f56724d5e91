import { NetworkError } from '../errors.ts';
import type { Decision, Request, TierEvent } from '../types.ts';
import { openRun } from './open-run.ts';
import { decisionEvent, isTierFailure, type Turn } from './turn.ts';

export interface AskAboveOptions {
  readonly tier: string;
  readonly request: Request;
  /** Why this tier is asked; told first, and written into its finish. */
  readonly decision: Decision;
  /** Called once the tier has begun to answer; may give an event to send before it. */
  readonly onAnswer?: () => TierEvent | null;
  /** Who answers when the tier fails before its first word. Absent: the error is thrown. */
  readonly onFailure?: (error: Error) => AsyncIterable<TierEvent>;
}

/**
 * Passes on the answer of a tier above the device. A failure before its first word goes to
 * `onFailure`; after it nothing restarts: the error is thrown, or the cut stream stays `truncated`.
 */
export async function* askAbove(turn: Turn, options: AskAboveOptions): AsyncGenerator<TierEvent> {
  const { decision, onFailure } = options;
  turn.onAsk(options.tier);
  yield decisionEvent(decision);
  const run = openRun(turn.findTier(options.tier), options.request, turn.signal);
  try {
    let first: TierEvent;
    try {
      first = await nextOfAnswer(run.next, onFailure !== undefined);
    } catch (error) {
      if (onFailure === undefined || !isTierFailure(error, turn.signal)) throw error;
      yield* onFailure(error);
      return;
    }
    const before = options.onAnswer?.() ?? null;
    if (before !== null) yield before;
    for (let event = first; ; event = await run.next()) {
      if (event.type !== 'finish') {
        yield event;
        continue;
      }
      yield { ...event, decision };
      return;
    }
  } finally {
    run.stop();
  }
}

/** The first word or the finish. A stream cut before any word is a failure if someone else can answer. */
async function nextOfAnswer(
  next: () => Promise<TierEvent>,
  hasFallback: boolean,
): Promise<TierEvent> {
  for (;;) {
    const event = await next();
    if (event.type === 'decision' || event.type === 'text-reset') continue;
    if (event.type === 'finish' && event.reason === 'truncated' && hasFallback) {
      throw new NetworkError(
        'truncated',
        `Tier "${event.tier}" was cut off before its first word.`,
        {
          details: { tier: event.tier },
          isRetryable: true,
        },
      );
    }
    return event;
  }
}
