import type { SortedText } from 'edgewise';

import type { EndpointState } from './endpoint.ts';
import { sureness } from './figures.ts';

/** Why this topic stands, in one or two sentences. */
export function triageReason(
  { decision, tier }: SortedText,
  state: EndpointState,
  serverError: Error | null,
): string {
  const { reason, confidence, threshold } = decision;
  const numbers = numbersText(confidence, threshold);
  if (reason === 'confident') return `Sure enough${numbers}: nothing left this device.`;
  if (tier !== 'student') return `${whyAbove(reason)}${numbers}, so the server was asked.`;
  if (reason === 'mode-only-on-device') {
    return `Not sure enough${numbers}, and you chose “only this device”: a best guess.`;
  }
  return `Not sure enough${numbers}. ${whyNobodyElse(reason, state, serverError)} This is a best guess.`;
}

function whyAbove(reason: string): string {
  if (reason === 'mode-prefer-in-cloud') return 'You chose “server first”';
  if (reason === 'mode-only-in-cloud') return 'You chose “only the server”';
  if (reason === 'device-unavailable') return 'The device could not sort it';
  return 'Not sure enough';
}

function whyNobodyElse(
  reason: string,
  { status }: EndpointState,
  serverError: Error | null,
): string {
  if (status === 'none') return 'No server is set up to ask.';
  if (status === 'cut') return 'The plug is pulled.';
  if (reason === 'offline') return 'This device is offline.';
  if (hasCode(serverError, 'bad-response')) return 'The server named none of the topics.';
  return 'The server could not be reached.';
}

function hasCode(error: Error | null, code: string): boolean {
  return error !== null && 'code' in error && error.code === code;
}

function numbersText(confidence: number | null, threshold: number | null): string {
  if (confidence === null) return '';
  if (threshold === null) return ` (${sureness(confidence)}; this budget certifies nothing)`;
  return ` (${sureness(confidence)}, needs ${threshold.toFixed(2)})`;
}
