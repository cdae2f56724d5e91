import { createCascade } from '../cascade/cascade.ts';
import { startReceipt } from '../tiers/receipt.ts';
import type { Tier } from '../types.ts';
import type { AnsweringOptions } from './stream.ts';
import { createRemotes } from './remotes.ts';

/** The device and what stands above it. Loaded when a page first asks for an answer. */
export function createAnswering({ device, options, policy, bus }: AnsweringOptions): Tier {
  const { remote = null, onCollapse = 'stop', holdBackTokens } = options;
  return createCascade({
    ...policy,
    tiers: [device, ...createRemotes(remote)],
    onCollapse,
    ...(holdBackTokens === undefined ? {} : { holdBackTokens }),
    startReceipt,
    onFallback: (notice) => bus.send('fallback', { kind: 'tier', ...notice }),
  });
}
