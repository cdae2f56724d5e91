import type { EvidenceFeatures } from './evidence.ts';

/** A figure that a rule compares with its threshold. `none`: nothing seen on the way tells right from wrong. */
export type SignalName =
  | 'product'
  | 'mean-probability'
  | 'lowest-probability'
  | 'first-probability'
  | 'mean-margin'
  | 'lowest-margin'
  | 'none';

type Reading = (features: EvidenceFeatures) => number | null;

const READINGS: Readonly<Record<SignalName, Reading>> = {
  product: (features) => features.product,
  'mean-probability': (features) => probability(features.meanLogProbability),
  'lowest-probability': (features) => probability(features.lowestLogProbability),
  'first-probability': (features) => probability(features.firstLogProbability),
  'mean-margin': (features) => features.meanMargin,
  'lowest-margin': (features) => features.lowestMargin,
  none: () => null,
};

/** The value of a signal: a probability (0 to 1) or a margin (nats); `null` = unknown. */
export function readSignal(signal: SignalName, features: EvidenceFeatures): number | null {
  return READINGS[signal](features);
}

/** Whether this is the name of a signal. */
export function isSignalName(value: unknown): value is SignalName {
  return typeof value === 'string' && Object.hasOwn(READINGS, value);
}

function probability(logProbability: number | null): number | null {
  return logProbability === null ? null : Math.exp(logProbability);
}
