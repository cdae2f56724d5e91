import { cleanCost } from './clean-number.ts';
import {
  freeLabelProbability,
  labelProbability,
  leastLabelProbability,
} from './label-probability.ts';
import { CANARY_SHARE } from './settings.ts';
import { awaitLabel } from './open-plans.ts';
import type { LearningState } from './state.ts';
import type { Mode } from '../../types.ts';

/** What is known of a request when its route has been decided. */
export interface ShadowRequest {
  readonly isKept: boolean;
  readonly mode: Mode;
  /** Whether the owner's rules let this text leave the device. */
  readonly mayLeave: boolean;
  /** Expected US dollars of sending it up; `null` = unknown, which a cap cannot allow. */
  readonly checkCostUsd: number | null;
}

/** `free`: it went up anyway and the cloud's answer is its label. */
export type ShadowKind = 'none' | 'check' | 'canary' | 'free';

export interface ShadowPlan {
  /** Number in the journal of awaited labels; 0 = none is awaited. */
  readonly id: number;
  readonly kind: ShadowKind;
  /** Probability with which this request got a label; 0 = checks were not running, it counts for nothing. */
  readonly probability: number;
  /** Least probability that any request had when this one was planned: it bounds the weights. */
  readonly leastProbability: number;
  /** Why checks were not running. */
  readonly reason: 'sampled' | 'not-opted-in' | 'only-on-device' | 'may-not-leave' | 'spent';
  /** Set aside from the cap of its UTC day, counted from 1970. */
  readonly reservedUsd: number;
  readonly day: number;
}

const DAY_MS = 86_400_000;

/**
 * Whether this request is checked. `random` gives numbers in [0, 1). Nothing that decides whether
 * checks run at all depends on how the answer turned out, so that the weights stay right. Sets the
 * cost aside before the call is made, so that calls side by side cannot break the cap.
 */
export function planShadow(
  state: LearningState,
  given: ShadowRequest,
  { random, nowMs }: { readonly random: () => number; readonly nowMs: number },
): ShadowPlan {
  const { settings } = state;
  const request = { ...given, checkCostUsd: cleanCost(given.checkCostUsd) };
  const obstacle = findObstacle(state, request, nowMs);
  const leastProbability = leastLabelProbability(state);
  const day = dayOf(nowMs);
  if (obstacle !== null) {
    return {
      id: 0,
      kind: 'none',
      probability: 0,
      leastProbability,
      reason: obstacle,
      reservedUsd: 0,
      day,
    };
  }
  if (!request.isKept && settings.escalatedLabels === 'always') {
    const isCanary = random() < settings.shadowRate * CANARY_SHARE;
    const kind = isCanary ? 'canary' : 'free';
    const probability = freeLabelProbability(state);
    const plan = {
      kind,
      probability,
      leastProbability,
      reason: 'sampled',
      reservedUsd: 0,
      day,
    } as const;
    return { id: awaitLabel(state, plan, nowMs), ...plan };
  }
  const probability = labelProbability(state);
  const isDrawn = random() < settings.shadowRate;
  const facts = {
    probability,
    // A request that counts as kept while the loop keeps nothing is drawn more rarely than the others.
    leastProbability: Math.min(probability, leastProbability),
    reason: 'sampled',
  } as const;
  if (!isDrawn) return { id: 0, kind: 'none', ...facts, reservedUsd: 0, day };
  const reservedUsd = request.checkCostUsd ?? 0;
  state.spentUsd += reservedUsd;
  const kind = random() < CANARY_SHARE ? 'canary' : 'check';
  const plan = { kind, ...facts, reservedUsd, day } as const;
  return { id: awaitLabel(state, plan, nowMs), ...plan };
}

function findObstacle(
  state: LearningState,
  { mode, mayLeave, checkCostUsd }: ShadowRequest,
  nowMs: number,
): ShadowPlan['reason'] | null {
  if (mode === 'only-on-device') return 'only-on-device';
  if (!mayLeave) return 'may-not-leave';
  if (state.settings.shadowRate === 0) return 'not-opted-in';
  const day = dayOf(nowMs);
  if (day !== state.spendingDay) Object.assign(state, { spendingDay: day, spentUsd: 0 });
  const cap = state.settings.maxShadowUsdPerDay;
  if (cap === null) return null;
  return checkCostUsd === null || state.spentUsd + checkCostUsd > cap ? 'spent' : null;
}

function dayOf(nowMs: number): number {
  return Math.floor(nowMs / DAY_MS);
}
