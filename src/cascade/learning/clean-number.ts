/** Surer than any number is the largest one; what is no number is unknown. */
export function cleanScore(score: number | null): number | null {
  if (score === Infinity) return Number.MAX_VALUE;
  return Number.isFinite(score) ? score : null;
}

/** More than any call costs: such sums would leave the numbers that JSON can hold. */
const MOST_USD = 1e9;

/** US dollars; what is no usable amount is unknown. */
export function cleanCost(costUsd: number | null | undefined): number | null {
  return typeof costUsd === 'number' && costUsd >= 0 && costUsd <= MOST_USD ? costUsd : null;
}
