import type { Confidence, Decision, FinishReason, Mode, ReasonCode } from 'edgewise';

import type { EndpointState } from './endpoint.ts';
import { sureness } from './figures.ts';

/** Sentences for people, one per stable code. */
const REASONS: Readonly<Record<ReasonCode, string>> = {
  confident: 'The device was sure enough',
  'low-confidence': 'The device was not sure enough',
  'asking-pays': 'A better answer is worth more than it costs',
  'asking-does-not-pay': 'A better answer would cost more than it is worth',
  'no-usable-signal': 'On open questions the device cannot tell whether it is right',
  'starts-at-frontier': 'Work like this begins at the large model',
  'mode-only-on-device': 'You chose “only this device”',
  'mode-prefer-in-cloud': 'You chose “server first”',
  'mode-only-in-cloud': 'You chose “only the server”',
  'mode-observe': 'The page only watches',
  'rule-local-only': 'A rule keeps this text on the device',
  'no-higher-tier': 'There is no server to ask',
  'device-unavailable': 'The model on this device is not ready',
  'device-strained': 'This device had better rest',
  'remote-unavailable': 'The server could not be reached',
  offline: 'This device is offline',
  'cap-reached': 'The spending cap is reached',
  'lowest-first': 'The device goes first',
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
  'prefer-on-device':
    'The device answers what it can; the rest goes to the server, if there is one.',
  'prefer-in-cloud': 'The server answers; the device finishes words and steps in when it must.',
  'only-in-cloud': 'Only the server answers; no words are finished while you type.',
  observe: 'Nothing is answered here; the page only watches.',
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
  if (tier === 'memory') return 'Your own words';
  return `Server (${tier})`;
}

/** Why who answers, with the numbers where they speak against the answer. */
export function decisionText(decision: Decision, state: EndpointState): string {
  const { action, reason } = decision;
  if (action === 'accept' && isLastResort(reason)) return lastResortText(decision, state);
  const numbers = numbersText(decision);
  const doubt = numbers === '' ? '' : ` (${numbers})`;
  return `${reasonText(reason)}${doubt}${consequenceText(action, state)}.`;
}

function isLastResort(reason: ReasonCode): boolean {
  return reason === 'remote-unavailable' || reason === 'no-higher-tier';
}

function lastResortText(decision: Decision, state: EndpointState): string {
  const numbers = numbersText(decision);
  // The decision fell on the first words; the receipt has the figure for the whole answer.
  const doubt = numbers === '' ? '' : `Not sure after the first words (${numbers}). `;
  return `${doubt}${noServerText(state)}, so here is the device’s answer: take it with care.`;
}

function noServerText({ status }: EndpointState): string {
  if (status === 'none') return 'No server is set up';
  return status === 'cut' ? 'The plug is pulled' : 'The server could not be reached';
}

function consequenceText(action: Decision['action'], { status }: EndpointState): string {
  if (action === 'refuse') return ', so nobody answered';
  return action === 'escalate' && status === 'present' ? ', so the server was asked' : '';
}

function numbersText({ confidence, threshold }: Decision): string {
  if (confidence === null || threshold === null || confidence >= threshold) return '';
  return `${sureness(confidence)}, needs ${threshold.toFixed(2)}`;
}

/** A confidence with what it is worth. */
export function confidencePhrase(confidence: Confidence): string {
  if (confidence.value === null) return 'unknown';
  const kind = confidence.calibrationId === 'uncalibrated' ? 'not calibrated yet' : 'calibrated';
  return `${sureness(confidence.value)}, ${kind}`;
}
