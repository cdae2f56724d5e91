import { NetworkError } from '../errors.ts';
import type { CallOptions, Request, Tier, TierEvent } from '../types.ts';

export interface OnDemandTierOptions extends Pick<Tier, 'id' | 'place' | 'modelId'> {
  /** Fetches the code and makes the tier; asked again after it failed. */
  readonly load: () => Promise<Tier>;
}

/**
 * A tier whose code is loaded with its first call, so that pages that never make one do not carry it.
 * Throws `NetworkError` `offline` when the code cannot be had.
 */
export function createOnDemandTier({ load, ...tier }: OnDemandTierOptions): Tier {
  return {
    ...tier,
    generate: (request, { signal }: CallOptions = {}) =>
      loadAndRun({ id: tier.id, load, request, signal }),
    async classify(request, options = {}) {
      options.signal?.throwIfAborted();
      const loaded = await loadOrExplain(tier.id, load);
      if (loaded.classify === undefined) throw new TypeError(`Tier "${tier.id}" cannot classify.`);
      return loaded.classify(request, options);
    },
  };
}

interface FirstCall extends Pick<OnDemandTierOptions, 'id' | 'load'> {
  readonly request: Request;
  readonly signal: AbortSignal | undefined;
}

async function* loadAndRun({ id, load, request, signal }: FirstCall): AsyncGenerator<TierEvent> {
  signal?.throwIfAborted();
  const tier = await loadOrExplain(id, load);
  signal?.throwIfAborted();
  yield* tier.generate(request, signal === undefined ? {} : { signal });
}

async function loadOrExplain(id: string, load: () => Promise<Tier>): Promise<Tier> {
  try {
    return await load();
  } catch (cause) {
    throw new NetworkError(
      'offline',
      `The code that reaches tier "${id}" could not be loaded. Check the connection, and that the server has the files of this version.`,
      { cause, details: { tier: id }, isRetryable: true },
    );
  }
}
