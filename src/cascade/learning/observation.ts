import type { Receipt } from '../../types.ts';
import type { AlternativeResult } from './alternatives.ts';
import { cleanCost, cleanScore } from './clean-number.ts';
import type { ShadowPlan } from './shadow.ts';

/** How one request went, told once, when its check (if any) has come back. */
export interface Observation {
  /** Higher = the device is surer; `null` = unknown, never kept. */
  readonly score: number | null;
  readonly isKept: boolean;
  /** What `plan` said for it. */
  readonly plan: ShadowPlan;
  /**
   * Device wrong and cloud right (an unknown cloud counts as right), by the judge or by comparing
   * closed labels; `null` = not known: not checked, or the check failed.
   */
  readonly isLoss: boolean | null;
  /** Whether the judge passed the known-wrong answer, for a canary; `null` = the check failed. */
  readonly isCanaryPassed?: boolean | null;
  /** Of the check or canary, for the ledger. */
  readonly receipt?: Receipt;
  /** US dollars of the answer that was shown, the check not counted; absent = unknown. */
  readonly costUsd?: number;
  /** What another model or rung boundary would have done, where the check also tried it. */
  readonly alternatives?: readonly AlternativeResult[];
}

/** What is no usable number is unknown: one NaN would spoil every sum, and the stored state. */
export function cleanObservation(seen: Observation): Observation {
  const { costUsd, receipt, ...rest } = seen;
  const cost = cleanCost(costUsd);
  return {
    ...rest,
    score: cleanScore(seen.score),
    ...(cost === null ? {} : { costUsd: cost }),
    ...(receipt === undefined ? {} : { receipt: cleanReceipt(receipt) }),
  };
}

function cleanReceipt(receipt: Receipt): Receipt {
  const { costUsd, carbonGrams: grams } = receipt;
  const isCarbonKnown = grams !== null && [grams.low, grams.mid, grams.high].every(Number.isFinite);
  return {
    ...receipt,
    costUsd: cleanCost(costUsd),
    carbonGrams: isCarbonKnown ? grams : null,
  };
}

/** A person took a kept answer back, or changed it. Absence of either proves nothing. */
export interface Correction {
  readonly score: number | null;
  readonly kind: 'undo' | 'edit';
}
