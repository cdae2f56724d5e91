import type { Classification, Decision } from '../types.ts';
import type { ClassifyTurn, ReadyStudent } from './classify-turn.ts';
import { decide, type RouteDecision } from './policy.ts';
import { findThreshold } from './student-threshold.ts';

/** Decides about a student's label: by its certificate for the loss budget, else by the rule. */
export function judgeLabel(
  { situation }: ClassifyTurn,
  { info, lossBudget }: ReadyStudent,
  { tier, evidence }: Classification,
): RouteDecision {
  const found = findThreshold(info.certified, lossBudget);
  const score = evidence?.[found?.score ?? 'topProbability'] ?? null;
  const decision = decide({
    ...situation,
    answer: {
      tier,
      score,
      ...(found === null ? {} : { threshold: found }),
    },
  });
  const threshold = found?.value ?? decision.threshold;
  const isSure = score !== null && threshold !== null && score >= threshold;
  return {
    ...decision,
    // Nobody above could be asked, and nobody had to be.
    reason: isSure && decision.action === 'accept' ? 'confident' : decision.reason,
    confidence: score,
    threshold,
    numbers: {
      ...decision.numbers,
      ...evidence,
      lossBudget,
      certifiedLoss: found?.certificate?.lossBound ?? null,
      certificateLabels: found?.certificate?.labels ?? null,
    },
  };
}

/** The decision as it is told. A threshold that nothing passes is no number to show. */
export function settle(decision: RouteDecision): Decision {
  const { action, reason, tier, confidence, threshold, numbers } = decision;
  const shown = threshold !== null && Number.isFinite(threshold) ? threshold : null;
  return { action, reason, tier, confidence, threshold: shown, numbers };
}
