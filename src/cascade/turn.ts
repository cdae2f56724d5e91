import { EdgewiseError, PolicyError } from '../errors.ts';
import type { Decision, Receipt, ReasonCode, Request, Tier, TierEvent } from '../types.ts';

/** What becomes of an answer whose running confidence falls after its first words were shown. */
export type CollapseChoice = 'stop' | 'append' | 'replace';

/** Told when a tier failed and another one answers instead. */
export interface FallbackNotice {
  readonly from: string;
  readonly to: string;
  readonly reason: ReasonCode;
  /** What the first tier failed with; `null` when it was known not to be ready. */
  readonly error: Error | null;
}

/** Everything one turn of the cascade carries along. */
export interface Turn {
  readonly request: Request;
  readonly signal: AbortSignal | undefined;
  readonly onCollapse: CollapseChoice;
  /** The app's own number of tokens to hold back; absent: the rule's. */
  readonly holdBackTokens: number | undefined;
  readonly findTier: (id: string) => Tier;
  /** Told before a tier is asked, and when its draft is taken up again. */
  readonly onAsk: (tier: string) => void;
  readonly onFallback: (notice: FallbackNotice) => void;
  /** A receipt for a call that ended before its tier could write one. */
  readonly emptyReceipt: (tier: string) => Receipt;
}

export function decisionEvent(decision: Decision): TierEvent {
  return { type: 'decision', decision };
}

/** A newer request, a closed runtime, and a model id that is wrong: asking elsewhere would hide these. */
const NO_TIER_FAILURES: ReadonlySet<string> = new Set(['superseded', 'closed', 'not-found']);

/**
 * Whether another tier may answer instead. Aborts, refusals, wrong arguments, a newer request of the
 * same session and a closed runtime are not failures of a tier.
 */
export function isTierFailure(error: unknown, signal: AbortSignal | undefined): error is Error {
  if (signal?.aborted === true || !EdgewiseError.is(error)) return false;
  if (error.name === 'PolicyError' || error instanceof PolicyError) return false;
  return !NO_TIER_FAILURES.has(error.code);
}
