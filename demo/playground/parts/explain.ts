import type { Confidence, Decision, FinishReason, Mode, ReasonCode } from 'edgewise';

/** Sentences for people, one per stable code. */
const REASONS: Readonly<Record<ReasonCode, string>> = {
  confident: 'The device was sure enough',
  'low-confidence': 'The device was not sure enough',
  'no-usable-signal': 'On open questions the device cannot tell whether it is right',
  'starts-at-frontier': 'Work like this begins at the large model',
  'mode-only-on-device': 'You chose “only this device”',
  'mode-prefer-in-cloud': 'You chose “server first”',
  'mode-only-in-cloud': 'You chose “only the server”',
  'rule-local-only': 'A rule keeps this text on the device',
  'no-higher-tier': 'There is no server to ask',
  'device-unavailable': 'The model on this device is not ready',
  'remote-unavailable': 'The server could not be asked',
  'highest-tier': 'The server answers',
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

/** Why who answers, with the numbers where they speak against the answer. */
export function decisionText(decision: Decision): string {
  const { action, reason } = decision;
  const numbers = action === 'accept' && reason === 'confident' ? '' : numbersText(decision);
  return `${reasonText(reason)}${numbers}${consequenceText(decision)}.`;
}

function consequenceText({ action, reason }: Decision): string {
  if (action === 'escalate') return ', so the server was asked';
  if (action === 'refuse') return ', so nobody answered';
  const isLastResort = reason === 'remote-unavailable' || reason === 'no-higher-tier';
  return isLastResort ? ', so this is the device’s own answer: take it with care' : '';
}

function numbersText({ confidence, threshold }: Decision): string {
  if (confidence === null || threshold === null || confidence >= threshold) return '';
  return ` (it was not sure: ${confidence.toFixed(2)}, needs ${threshold.toFixed(2)})`;
}

/** A confidence with what it is worth. */
export function confidencePhrase(confidence: Confidence): string {
  if (confidence.value === null) return 'unknown';
  const kind = confidence.calibrationId === 'uncalibrated' ? 'not calibrated yet' : 'calibrated';
  return `${confidence.value.toFixed(2)}, ${kind}`;
}
