import type { CallOptions, Request, Tier, TierEvent } from '../types.ts';
import { loadCode } from './load-code.ts';

export interface OnDemandTierOptions extends Pick<Tier, 'id' | 'place' | 'modelId'> {
  /** Fetches the code and makes the tier; asked again after it failed. */
  readonly load: () => Promise<Tier>;
}

/**
 * A tier whose code is loaded with its first call, so that pages that never make one do not carry it.
 * Throws `NetworkError` `offline` when the code cannot be had.
 */
export function createOnDemandTier({ load, ...tier }: OnDemandTierOptions): Tier {
  const open = (): Promise<Tier> => loadCode(`reaches tier "${tier.id}"`, load);
  return {
    ...tier,
    generate: (request, { signal }: CallOptions = {}) => loadAndRun(open, request, signal),
    async classify(request, options = {}) {
      options.signal?.throwIfAborted();
      const loaded = await open();
      if (loaded.classify === undefined) throw new TypeError(`Tier "${tier.id}" cannot classify.`);
      return loaded.classify(request, options);
    },
  };
}

async function* loadAndRun(
  open: () => Promise<Tier>,
  request: Request,
  signal: AbortSignal | undefined,
): AsyncGenerator<TierEvent> {
  signal?.throwIfAborted();
  const tier = await open();
  signal?.throwIfAborted();
  yield* tier.generate(request, signal === undefined ? {} : { signal });
}
