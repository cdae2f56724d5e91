import { createOnDemandTier } from '../tiers/on-demand.ts';
import type { RemoteTierOptions } from '../tiers/remote.ts';
import type { Tier } from '../types.ts';
import type { RemoteOptions } from './options.ts';

const DEFAULT_FRONTIER = 'frontier';

/** The rungs above the device: `slm` where it is named, then `frontier`. */
export function createRemotes(remote: RemoteOptions | null): readonly Tier[] {
  if (remote === null) return [];
  const { slm, frontier = DEFAULT_FRONTIER, ...shared } = remote;
  return [
    ...(slm === undefined ? [] : [createRemote({ ...shared, id: 'slm', model: slm })]),
    ...(frontier === null ? [] : [createRemote({ ...shared, id: 'frontier', model: frontier })]),
  ];
}

function createRemote(options: RemoteTierOptions & { readonly model: string }): Tier {
  return createOnDemandTier({
    id: options.id,
    place: 'remote',
    modelId: options.model,
    async load() {
      const { createRemoteTier } = await import('../tiers/remote.ts');
      return createRemoteTier(options);
    },
  });
}
