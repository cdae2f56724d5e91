import type { Confidence, Decision, FinishReason, Mode, ReasonCode } from 'edgewise';

/** Sentences for people, one per stable code. */
const REASONS: Readonly<Record<ReasonCode, string>> = {
  confident: 'the device was sure enough',
  'low-confidence': 'the device was not sure enough',
  'no-usable-signal': 'for this kind of request nothing tells whether the device is right',
  'starts-at-frontier': 'work like this begins at the large model',
  'mode-only-on-device': 'you chose “only this device”',
  'mode-prefer-in-cloud': 'you chose “server first”',
  'mode-only-in-cloud': 'you chose “only the server”',
  'rule-local-only': 'a rule keeps this text on the device',
  'no-higher-tier': 'there is nobody else to ask',
  'device-unavailable': 'the model on this device is not ready',
  'remote-unavailable': 'the server could not be reached',
  'highest-tier': 'nobody stands above it',
};

const ENDINGS: Readonly<Record<FinishReason, string>> = {
  stop: '',
  length: 'Cut at the length limit.',
  abort: 'Stopped.',
  truncated: 'The connection broke; this is not the whole answer.',
  'low-confidence': 'The device stopped where it was no longer sure.',
};

const MODES: Readonly<Record<Mode, string>> = {
  'only-on-device': 'Nothing you write leaves this browser.',
  'prefer-on-device': 'The device answers what it can; the rest is sent to the server.',
  'prefer-in-cloud': 'The server answers; the device finishes words and steps in when it must.',
  'only-in-cloud': 'Only the server answers; no words are finished while you type.',
};

function reasonText(reason: ReasonCode): string {
  return REASONS[reason];
}

export function endingText(reason: FinishReason): string {
  return ENDINGS[reason];
}

export function modeText(mode: Mode): string {
  return MODES[mode];
}

/** Who a tier is, in words. */
export function tierText(tier: string): string {
  if (tier === 'device') return 'This device';
  return `Server (${tier})`;
}

/** `Escalated: …`, with the numbers behind it where there are any. */
export function decisionText(decision: Decision): string {
  const verb = { accept: 'Kept', escalate: 'Passed on', refuse: 'Refused' }[decision.action];
  const why = reasonText(decision.reason);
  if (decision.confidence === null || decision.threshold === null) return `${verb}: ${why}.`;
  const numbers = `${decision.confidence.toFixed(3)} against ${decision.threshold.toFixed(3)}`;
  return `${verb}: ${why} (${numbers}).`;
}

/** A confidence with what it is worth. */
export function confidencePhrase(confidence: Confidence): string {
  if (confidence.value === null) return 'unknown';
  const kind = confidence.calibrationId === 'uncalibrated' ? 'uncalibrated' : 'calibrated';
  return `${confidence.value.toFixed(3)}, ${kind}`;
}
