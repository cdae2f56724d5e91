import type { FinishReason, TokenEvidence } from '../types.ts';

/**
 * What is known of an answer from its tokens. `null` = unknown: one token whose probability nobody
 * saw makes every figure that needs it unknown, never 0 and never 1. Tokens that only repeat typed
 * letters are not counted: healing forces them, so they say nothing.
 */
export interface EvidenceFeatures {
  /** Tokens that count. */
  readonly tokenCount: number;
  /** UTF-16 units of text the counted tokens added. */
  readonly textLength: number;
  readonly finishReason: FinishReason | null;
  /** Probability of the whole counted text, 0 to 1. */
  readonly product: number | null;
  /** Natural logarithms, 0 or below. */
  readonly meanLogProbability: number | null;
  readonly lowestLogProbability: number | null;
  readonly firstLogProbability: number | null;
  readonly quantile10LogProbability: number | null;
  readonly quantile25LogProbability: number | null;
  readonly medianLogProbability: number | null;
  /** Distance to the second best token, in nats. */
  readonly meanMargin: number | null;
  readonly lowestMargin: number | null;
}

/** Rounding in the engine may leave a log-probability this far above 0; more is garbage. */
const LOG_PROBABILITY_SLACK_NATS = 1e-3;

/** Makes features of the tokens seen so far. */
export function summariseEvidence(
  tokens: readonly TokenEvidence[],
  finishReason: FinishReason | null = null,
): EvidenceFeatures {
  const counted = tokens.filter((token) => !token.isTyped);
  const known = allKnown(counted.map((token) => readLogProbability(token)));
  const margins = allKnown(counted.map((token) => readMargin(token)));
  const sorted = known === null ? null : known.toSorted((left, right) => left - right);
  const first = counted[0];
  return {
    tokenCount: counted.length,
    textLength: counted.reduce((sum, token) => sum + token.textLength, 0),
    finishReason,
    product: known === null ? null : Math.exp(sumOf(known)),
    meanLogProbability: known === null ? null : sumOf(known) / known.length,
    lowestLogProbability: sorted?.[0] ?? null,
    firstLogProbability: first === undefined ? null : readLogProbability(first),
    quantile10LogProbability: quantile(sorted, 0.1),
    quantile25LogProbability: quantile(sorted, 0.25),
    medianLogProbability: quantile(sorted, 0.5),
    meanMargin: margins === null ? null : sumOf(margins) / margins.length,
    lowestMargin: margins === null ? null : Math.min(...margins),
  };
}

/** The token's natural log-probability, at most 0; `null` when unknown or impossible. */
export function readLogProbability(token: TokenEvidence): number | null {
  const value = token.logProbability;
  if (value === null || Number.isNaN(value) || value > LOG_PROBABILITY_SLACK_NATS) return null;
  return Math.min(0, value);
}

function readMargin(token: TokenEvidence): number | null {
  return token.margin === null || Number.isNaN(token.margin) ? null : token.margin;
}

/** No token at all tells nothing, and one unknown makes the whole unknown. */
function allKnown(values: readonly (number | null)[]): readonly number[] | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 || known.length < values.length ? null : known;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Linear between the two nearest order statistics, as numpy does by default. */
function quantile(sorted: readonly number[] | null, share: number): number | null {
  if (sorted === null) return null;
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) return null;
  if (below === Number.NEGATIVE_INFINITY) return below;
  return below === above ? below : below + (above - below) * (position - Math.floor(position));
}
