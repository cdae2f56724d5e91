/** Successes among independent trials. */
export interface BinomialCount {
  readonly successes: number;
  readonly trials: number;
}

/** Halvings of [0, 1]: beyond the 53 bits of a double nothing moves. */
const BISECTION_STEPS = 60;

/** A term this small beside the sum no longer changes a double. */
const NEGLIGIBLE = 1e-18;

/**
 * P(X ≤ successes) for X ~ Binomial(trials, probability), exact up to rounding: the terms are summed
 * from the largest on, each from its neighbour by their ratio, so that nothing overflows or cancels.
 *
 * @throws RangeError when the numbers are no binomial: counts must be whole, 0 or more.
 */
export function binomialTail({ successes, trials }: BinomialCount, probability: number): number {
  checkCount(trials, 'trials');
  checkShare(probability, 'probability');
  if (!Number.isInteger(successes)) throw new RangeError('successes must be a whole number.');
  if (successes < 0) return 0;
  if (successes >= trials || probability === 0) return 1;
  if (probability === 1) return 0;
  // On the far side of the mode the other tail is the short one.
  if (successes < trials * probability) return sumDown(successes, trials, probability);
  return Math.max(0, 1 - sumDown(trials - successes - 1, trials, 1 - probability));
}

/**
 * Exact upper bound of a rate (Clopper and Pearson 1934, one-sided): the rate at which seeing this
 * few successes has probability `delta`. Holds with probability 1 − delta.
 */
export function upperBinomialBound(count: BinomialCount, delta: number): number {
  checkBoundArguments(count, delta);
  if (count.successes === count.trials) return 1;
  return bisect((rate) => binomialTail(count, rate) > delta).high;
}

/** Exact lower bound of a rate: the mirror image of {@link upperBinomialBound}. */
export function lowerBinomialBound(count: BinomialCount, delta: number): number {
  checkBoundArguments(count, delta);
  const { successes, trials } = count;
  return 1 - upperBinomialBound({ successes: trials - successes, trials }, delta);
}

/**
 * The most successes at which "the rate is above `rate`" is still refuted at level `delta`, i.e. the
 * largest k with P(Binomial(trials, rate) ≤ k) ≤ delta; −1 when even none would not refute it.
 */
export function mostRefuting(trials: number, rate: number, delta: number): number {
  let low = -1;
  let high = trials;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (binomialTail({ successes: middle, trials }, rate) <= delta) low = middle;
    else high = middle;
  }
  return low;
}

/** P(X ≤ last) for `last` below the mean: terms fall from `last` downwards. */
function sumDown(last: number, trials: number, probability: number): number {
  const odds = (1 - probability) / probability;
  let relative = 1;
  let sum = 1;
  for (let index = last; index > 0 && relative > NEGLIGIBLE * sum; index -= 1) {
    relative *= (index / (trials - index + 1)) * odds;
    sum += relative;
  }
  const logLargest =
    logChoose(trials, last) +
    last * Math.log(probability) +
    (trials - last) * Math.log1p(-probability);
  return Math.min(1, Math.exp(logLargest + Math.log(sum)));
}

function logChoose(trials: number, chosen: number): number {
  return logFactorial(trials) - logFactorial(chosen) - logFactorial(trials - chosen);
}

/** Products below this are exact enough in one go; above, Stirling's series has 15 digits. */
const SMALL_FACTORIAL = 32;

/** ln n!; Stirling's series (Abramowitz and Stegun 6.1.41). */
function logFactorial(count: number): number {
  if (count < SMALL_FACTORIAL) {
    let product = 1;
    for (let factor = 2; factor <= count; factor += 1) product *= factor;
    return Math.log(product);
  }
  const inverse = 1 / count;
  const square = inverse * inverse;
  const correction = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)));
  return (count + 0.5) * Math.log(count) - count + 0.5 * Math.log(2 * Math.PI) + correction;
}

/** Where a rising share stops being true: `isBelow` holds on [0, x) only. */
function bisect(isBelow: (share: number) => boolean): { low: number; high: number } {
  let low = 0;
  let high = 1;
  for (let step = 0; step < BISECTION_STEPS; step += 1) {
    const middle = (low + high) / 2;
    if (isBelow(middle)) low = middle;
    else high = middle;
  }
  return { low, high };
}

function checkBoundArguments({ successes, trials }: BinomialCount, delta: number): void {
  checkCount(trials, 'trials');
  checkCount(successes, 'successes');
  checkShare(delta, 'delta');
  if (successes > trials) throw new RangeError('successes cannot exceed trials.');
}

function checkCount(value: number, name: string): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${name} must be a whole number, 0 or more.`);
  }
}

function checkShare(value: number, name: string): void {
  if (!(value >= 0 && value <= 1)) throw new RangeError(`${name} must be between 0 and 1.`);
}
