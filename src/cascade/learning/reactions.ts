import { isVoid, judgeStanding, settleCanary } from './canaries.ts';
import { type Cause, moveTo, rungKeeping } from './changes.ts';
import { createDriftWatch, DRIFT_BAR, watchForDrift } from './drift.ts';
import { loosestAllowed } from './ladder.ts';
import * as evidence from './loss-evidence.ts';
import type { Observation } from './observation.ts';
import type { LearningChange, LearningState } from './state.ts';

/**
 * After an alarm nothing is kept until this many requests were labelled by the cloud's answers: then
 * a certificate on them says what may be kept of the new requests.
 */
const PROBATION_LABELS = 1_000;

/** Where no such test can come (no checks, or a void judge) an alarm keeps this share of what was kept. */
const KEPT_AFTER_ALARM = 0.4;

/** One step tighter keeps a tenth less. */
const KEPT_AFTER_STEP = 0.9;

/** A judge that turns out void takes everything back that rested on its verdicts. */
export function reactToCanary(
  state: LearningState,
  seen: Observation,
  nowMs: number,
): LearningChange[] {
  const isPassed = seen.isCanaryPassed ?? null;
  if (seen.plan.kind !== 'canary' || isPassed === null) return [];
  const wasVoid = isVoid(state);
  settleCanary(state, isPassed);
  if (!wasVoid && !isVoid(state)) return [];
  evidence.forgetEvidence(state);
  if (wasVoid) return [];
  const passed = state.canaries.filter(Boolean).length;
  const numbers = { canaries: state.canaries.length, passed };
  const rung = Math.min(state.rung, state.certifiedRung);
  return [moveTo(state, rung, { reason: 'judge-void', numbers, nowMs })];
}

export function reactToThreat(state: LearningState, cause: Cause): LearningChange[] {
  const threat = evidence.threatOf(state);
  if (threat < evidence.THREAT_BAR || state.rung < 0) return [];
  state.threats = [];
  const rung = rungKeeping(state, KEPT_AFTER_STEP);
  const numbers = { evidence: threat, bar: evidence.THREAT_BAR, alpha: state.settings.alpha };
  // Also where the owner's word holds the threshold: losses so high speak against every looser rung.
  evidence.endEvidenceBeyond(state, rung);
  const change = moveTo(state, rung, { ...cause, numbers });
  // Nothing is kept any more: what comes back is certified on the labels from here on.
  if (state.rung < 0) evidence.forgetEvidence(state);
  return [change];
}

/** A new era: nothing is kept until a test on the new requests certifies it. */
export function reactToDrift(
  state: LearningState,
  { score, isKept, isLoss }: Observation,
  { random, nowMs }: { readonly random: number; readonly nowMs: number },
): LearningChange[] {
  // Of kept requests only the drawn ones have labels: those would look stranger than the others.
  const sighting = { score, isWrong: isKept ? null : isLoss };
  const strength = watchForDrift(state.drift, state.ladder, { sighting, random });
  if (strength < DRIFT_BAR) return [];
  const numbers = { evidence: strength, bar: DRIFT_BAR, requests: state.drift.count };
  const rung = canCertify(state) ? -1 : rungKeeping(state, KEPT_AFTER_ALARM);
  const change = moveTo(state, rung, { reason: 'drift', numbers, nowMs });
  state.drift = createDriftWatch(state.ladder, state.rung);
  state.era += 1;
  state.eraStartedAtMs = nowMs;
  // What the certificate promised was about other requests.
  state.certifiedRung = Math.min(state.certifiedRung, state.rung);
  state.alternatives = {};
  state.threats = [];
  evidence.forgetEvidence(state);
  return [change];
}

function endProbation(
  state: LearningState,
  { mayLoosen, nowMs }: { readonly mayLoosen: boolean; readonly nowMs: number },
): LearningChange[] {
  const { budget, probation } = state;
  if (probation.labels < PROBATION_LABELS) return [];
  if (!mayLoosen) {
    // The number of labels is fixed: what nobody may use yet makes room for later ones.
    evidence.forgetEvidence(state);
    return [];
  }
  const rung = Math.min(
    evidence.recertifiedRung(state),
    loosestAllowed(state.ladder, state.settings.bounds),
  );
  // Looked at once: a second look at these labels would need another test.
  state.probation = { ...probation, isOver: true };
  if (rung <= state.rung) return [];
  const numbers = { labels: probation.labels, budget, delta: evidence.certifyingDelta(state) };
  return [moveTo(state, rung, { reason: 'recertified', numbers, nowMs })];
}

/** Whether labels of every request will come, from a judge that counts. */
function canCertify(state: LearningState): boolean {
  const { shadowRate, escalatedLabels } = state.settings;
  return shadowRate > 0 && escalatedLabels === 'always' && !isVoid(state);
}

export function loosen(state: LearningState, nowMs: number): LearningChange[] {
  const { settings } = state;
  const mayLoosen = !state.isFrozen && judgeStanding(state, settings.delta) === 'trusted';
  if (state.rung < 0 && !state.probation.isOver) return endProbation(state, { mayLoosen, nowMs });
  if (!mayLoosen) return [];
  const rung = Math.min(
    evidence.certifiedRung(state),
    loosestAllowed(state.ladder, state.settings.bounds),
  );
  if (rung <= state.rung) return [];
  const bet = state.bets[rung];
  const requests = bet?.count ?? 0;
  const numbers = {
    requests,
    lossShare: requests === 0 ? 0 : (bet?.sum ?? 0) / requests,
    budget: state.budget,
    evidence: Math.exp(bet?.logWealth ?? 0),
    delta: evidence.certifyingDelta(state),
  };
  return [moveTo(state, rung, { reason: 'certified', numbers, nowMs })];
}
