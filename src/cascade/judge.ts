import type { Confidence, Decision, ReasonCode } from '../types.ts';
import type { EvidenceFeatures } from './evidence.ts';
import type { Rule } from './rules.ts';
import { readSignal } from './signals.ts';

/** What happens to an answer that is not sure enough. */
export type LowConfidenceAction =
  /** Ask a tier above. */
  | { readonly action: 'escalate' }
  /** Offer no more of it. */
  | { readonly action: 'refuse' }
  /** Keep it, because nothing above may be asked; `reason` says why. */
  | { readonly action: 'accept'; readonly reason: ReasonCode };

export interface JudgeInput {
  /** Id of the tier that is judged. */
  readonly tier: string;
  readonly rule: Rule;
  readonly features: EvidenceFeatures;
  readonly onLow: LowConfidenceAction;
}

/**
 * Judges an answer, or the part of one seen so far. An unknown confidence never passes a threshold.
 * When nothing above may be asked the answer is kept and the reason says so, however sure it is.
 */
export function judgeDraft({ tier, rule, features, onLow }: JudgeInput): Decision {
  const confidence = readSignal(rule.signal, features);
  const facts = { tier, confidence, threshold: rule.threshold, numbers: listNumbers(features) };
  if (onLow.action === 'accept') return { action: 'accept', reason: onLow.reason, ...facts };
  if (isSure(confidence, rule.threshold))
    return { action: 'accept', reason: 'confident', ...facts };
  const reason = confidence === null ? 'no-usable-signal' : 'low-confidence';
  return { action: onLow.action, reason, ...facts };
}

/** A decision that falls before anything was generated: no evidence, only a reason. */
export function decideEarly(
  decision: Pick<Decision, 'action' | 'reason' | 'tier' | 'threshold'>,
): Decision {
  return { ...decision, confidence: null, numbers: {} };
}

/** The confidence an answer is labelled with. */
export function labelConfidence(rule: Rule, value: number | null): Confidence {
  return { value, calibrationId: rule.calibrationId ?? 'uncalibrated' };
}

function isSure(confidence: number | null, threshold: number | null): boolean {
  return confidence !== null && threshold !== null && confidence >= threshold;
}

function listNumbers(features: EvidenceFeatures): Decision['numbers'] {
  const { finishReason: _, ...numbers } = features;
  return numbers;
}
