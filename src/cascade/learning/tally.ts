import type { Receipt } from '../../types.ts';
import type { Observation } from './observation.ts';
import type { ShadowPlan } from './shadow.ts';
import type { LearningState, WindowPart } from './state.ts';

/** A window is kept as this many parts, so that it can slide without every request in it. */
const PARTS = 10;

/** Charges nobody took; older ones are in the totals only. */
const CHARGES_KEPT = 500;

/** `loss`: the weighed loss of this request, `null` where checks were not running. */
export function addToTotals(state: LearningState, seen: Observation, loss: number | null): void {
  const { totals } = state;
  const lost = seen.isKept ? (loss ?? 0) : 0;
  totals.requests += 1;
  totals.kept += Number(seen.isKept);
  totals.sampled += Number(loss !== null);
  totals.lost += lost;
  totals.costUsd += seen.costUsd ?? 0;
  totals.unknownCosts += Number(seen.costUsd === undefined);
  const part = currentPart(state);
  part.requests += 1;
  part.kept += Number(seen.isKept);
  part.sampled += Number(loss !== null);
  part.lost += lost;
  part.squares += lost * lost;
}

/** Charges a check: the money set aside becomes the money spent. */
export function settleCharge(
  state: LearningState,
  { plan, receipt }: Pick<Observation, 'plan' | 'receipt'>,
): void {
  if (plan.kind !== 'check' && plan.kind !== 'canary') return;
  const { totals } = state;
  totals[plan.kind === 'check' ? 'checks' : 'canaries'] += 1;
  if (receipt === undefined) {
    totals.shadowUnknownCosts += 1;
    totals.shadowUnknownCarbon += 1;
    return;
  }
  chargeMoney(state, plan, receipt.costUsd);
  chargeCarbon(totals, receipt.carbonGrams);
  state.charges = [...state.charges, { purpose: plan.kind, receipt }].slice(-CHARGES_KEPT);
}

function chargeMoney(
  state: LearningState,
  { reservedUsd, day }: ShadowPlan,
  costUsd: number | null,
): void {
  if (costUsd === null) {
    state.totals.shadowUnknownCosts += 1;
    return;
  }
  state.totals.shadowUsd += costUsd;
  // Another day's reservation went with that day.
  if (day === state.spendingDay) state.spentUsd += costUsd - reservedUsd;
}

function chargeCarbon(totals: LearningState['totals'], grams: Receipt['carbonGrams']): void {
  if (grams === null) {
    totals.shadowUnknownCarbon += 1;
    return;
  }
  const sum = totals.shadowCarbonGrams;
  totals.shadowCarbonGrams = {
    low: sum.low + grams.low,
    mid: sum.mid + grams.mid,
    high: sum.high + grams.high,
  };
}

function currentPart(state: LearningState): WindowPart {
  const last = state.parts.at(-1);
  const size = Math.max(1, Math.round(state.settings.windowRequests / PARTS));
  if (last !== undefined && last.requests < size) return last;
  const part = { requests: 0, kept: 0, sampled: 0, lost: 0, squares: 0 };
  state.parts = [...state.parts, part].slice(-PARTS);
  return part;
}
