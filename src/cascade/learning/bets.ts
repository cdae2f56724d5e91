/**
 * A bet against one hypothesis "the mean is at least `limit`": the logarithm of the wealth, and the
 * sums the next stake is set from. Plain data.
 */
export interface Bet {
  logWealth: number;
  count: number;
  sum: number;
  sumOfSquares: number;
}

export interface BetTerms {
  /** Mean of the hypothesis. */
  readonly limit: number;
  /** Largest value one observation can take. */
  readonly most: number;
}

/** The stake stays below this share of the one that could lose everything (as in the paper). */
const STAKE_CAP = 0.75;

/** Observations "at the limit" that the estimates start from, so that early stakes are small. */
const PRIOR_COUNT = 20;

/** Least second moment that prior assumes, so that a limit of 0 does not mean a stake without end. */
const PRIOR_SPREAD = 0.01;

export function createBet(): Bet {
  return { logWealth: 0, count: 0, sum: 0, sumOfSquares: 0 };
}

/**
 * Bets on the next value before it is seen, then settles. While the mean given the past is at least
 * `limit`, the wealth is a nonnegative supermartingale that starts at 1, so it ever reaches 1/δ with
 * probability at most δ (Ville), at whatever moment one looks. Waudby-Smith and Ramdas, "Estimating
 * means of bounded random variables by betting" (2024), stakes by their aGRAPA rule.
 */
export function settleBet(bet: Bet, value: number, { limit, most }: BetTerms): void {
  const stake = nextStake(bet, { limit, most });
  bet.logWealth += Math.log1p(stake * (limit - value));
  bet.count += 1;
  bet.sum += value;
  bet.sumOfSquares += value * value;
}

/** Whether the hypothesis is refuted at level `delta`, now and whenever one asks. */
export function isRefuted(bet: Bet, delta: number): boolean {
  return bet.logWealth >= -Math.log(delta);
}

/** aGRAPA: edge / (variance + edge²), never negative, capped so that the wealth stays above 0. */
function nextStake({ count, sum, sumOfSquares }: Bet, { limit, most }: BetTerms): number {
  const weight = count + PRIOR_COUNT;
  const mean = (sum + (PRIOR_COUNT * limit) / 2) / weight;
  const secondMoment = (sumOfSquares + PRIOR_COUNT * Math.max(limit, PRIOR_SPREAD)) / weight;
  const edge = limit - mean;
  const stake = edge / (secondMoment - mean * mean + edge * edge);
  return Math.max(0, Math.min(stake, STAKE_CAP / (most - limit)));
}
