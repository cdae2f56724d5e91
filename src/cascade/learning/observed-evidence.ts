import { addAlternatives } from './alternatives.ts';
import { addFailure, addLoss, countReach, weightForFailures } from './loss-evidence.ts';
import type { Observation } from './observation.ts';
import { closePlan } from './open-plans.ts';
import type { LearningState } from './state.ts';

/**
 * Adds what a request says to the evidence. Gives the loss it stands for in the estimates, `null` when
 * it says nothing: no check could run, or its label was given up, or told of before.
 */
export function addObserved(state: LearningState, seen: Observation): number | null {
  const { plan, score, isLoss } = seen;
  if (!closePlan(state, plan) || plan.probability === 0) return null;
  // Drawn by nobody, or spent on a canary: like every unlabelled request it stands for 0.
  if (plan.kind === 'none' || plan.kind === 'canary') return addLabel(state, seen, 0);
  const { kind, probability, leastProbability } = plan;
  if (isLoss === null) {
    addFailure(state, { score, plan: { kind, probability, leastProbability } });
    return null;
  }
  if (kind === 'check') state.totals.answeredChecks += 1;
  return addLabel(state, seen, isLoss ? 1 / probability : 0);
}

function addLabel(state: LearningState, seen: Observation, loss: number): number {
  const { plan, score } = seen;
  const least = Math.min(plan.leastProbability, plan.probability);
  if (state.rung < 0 && plan.kind === 'free') state.probation.labels += 1;
  countReach(state, score);
  addLoss(state, { score, loss, most: 1 / least });
  addAlternatives(state.alternatives, {
    results: plan.kind === 'check' || plan.kind === 'free' ? (seen.alternatives ?? null) : null,
    probability: plan.probability,
    budget: state.budget,
    least,
  });
  return loss * weightForFailures(state);
}
