import type { Mode } from '../types.ts';

/** Every mode, in the order people are offered them. */
export const MODES: readonly Mode[] = [
  'only-on-device',
  'prefer-on-device',
  'prefer-in-cloud',
  'only-in-cloud',
  'observe',
];

export const DEFAULT_MODE: Mode = 'prefer-on-device';

/** Gives the mode back, or throws `TypeError` listing the known ones. */
export function parseMode(value: unknown): Mode {
  const mode = MODES.find((each) => each === value);
  if (mode !== undefined) return mode;
  throw new TypeError(`Unknown mode ${JSON.stringify(value)}. Known: ${MODES.join(', ')}.`);
}
