import type { LoggedCall } from './logged-call.ts';

/** What the owner pays. What is not given stays unknown. */
export interface CallPrices {
  /** US dollars a call. */
  readonly perCallUsd?: number;
  /** US dollars a million tokens. */
  readonly inputUsdPerMillion?: number;
  readonly outputUsdPerMillion?: number;
}

const TOKENS_PER_MILLION = 1e6;

/** Mean of the known costs of some calls; `null` where none is known. */
export function meanPrice(calls: readonly LoggedCall[], prices: CallPrices): number | null {
  return meanOf(calls.flatMap((call) => priceCall(call, prices) ?? []));
}

export function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, each) => sum + each, 0) / values.length;
}

/**
 * What a call cost: as the log says, else by its tokens, else the price of any call; `null` =
 * unknown. Tokens are priced only when both prices and both counts are known.
 */
function priceCall(call: LoggedCall, prices: CallPrices): number | null {
  if (call.costUsd !== null) return call.costUsd;
  const { perCallUsd, inputUsdPerMillion: input, outputUsdPerMillion: output } = prices;
  const { inputTokens, outputTokens } = call;
  const isCounted = inputTokens !== null && outputTokens !== null;
  if (isCounted && input !== undefined && output !== undefined) {
    return (inputTokens * input + outputTokens * output) / TOKENS_PER_MILLION;
  }
  return perCallUsd ?? null;
}
