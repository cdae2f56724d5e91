import { addFailure } from './loss-evidence.ts';
import type { ShadowPlan } from './shadow.ts';
import type { LearningState, OpenPlan } from './state.ts';

/** A cloud call that takes longer than this has been given up by every app. */
const LONGEST_WAIT_MS = 600_000;

/** More labels are never awaited at a time: a page that drops its plans is noticed early. */
const MOST_AWAITED = 100;

/** Writes a drawn plan into the journal, so that it counts even if nobody comes back to it. */
export function awaitLabel(
  state: LearningState,
  { kind, probability, leastProbability }: Omit<ShadowPlan, 'id'>,
  nowMs: number,
): number {
  // A canary tests the judge: for its request it counts as 0, whatever comes of it.
  if (kind !== 'check' && kind !== 'free') return 0;
  const id = state.nextPlanId;
  state.nextPlanId += 1;
  state.open.push({ id, atMs: nowMs, kind, probability, leastProbability });
  giveUp(state, (plan) => isOverdue(state, plan, nowMs));
  return id;
}

/** Takes a plan out of the journal; `false` when it was given up, or told of before. */
export function closePlan(state: LearningState, { id }: Pick<ShadowPlan, 'id'>): boolean {
  if (id === 0) return true;
  const index = state.open.findIndex((plan) => plan.id === id);
  if (index >= 0) state.open.splice(index, 1);
  return index >= 0;
}

/** Settles plans that belonged to a page that is gone. */
export function giveUpAll(state: LearningState): void {
  giveUp(state, () => true);
}

function isOverdue({ open }: LearningState, plan: OpenPlan, nowMs: number): boolean {
  const tooMany = open.length - MOST_AWAITED;
  return nowMs - plan.atMs > LONGEST_WAIT_MS || (tooMany > 0 && open.indexOf(plan) < tooMany);
}

function giveUp(state: LearningState, isGone: (plan: OpenPlan) => boolean): void {
  const gone = state.open.filter((plan) => isGone(plan));
  if (gone.length === 0) return;
  state.open = state.open.filter((plan) => !gone.includes(plan));
  // Its score is not known any more: every rung may have kept it.
  for (const plan of gone) addFailure(state, { score: Number.MAX_VALUE, plan });
}
