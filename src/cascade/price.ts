/** What asking one tier once uses. `null` = unknown. */
export interface AskingCost {
  readonly moneyUsd: number | null;
  readonly carbonGrams: number | null;
  readonly latencyMs: number | null;
}

/** What the owner says things are worth. With these, quality, money, carbon and time have one unit. */
export interface OwnerPrices {
  /** What a right answer in place of a wrong one is worth, above 0. */
  readonly rightAnswerUsd: number;
  /** Default 0: carbon is counted, not priced. */
  readonly carbonUsdPerKg?: number;
  /** What a second of waiting is worth. Default 0. */
  readonly latencyUsdPerSecond?: number;
}

/** The price of asking one tier once. */
export interface AskingPrice {
  /** Money + carbon × the owner's price + latency × the owner's price. */
  readonly usd: number;
  /** The same in right answers: asking pays when it is expected to win more than these. */
  readonly answers: number;
  /** `false`: something priced is unknown and left out, so this is a lower bound. */
  readonly isComplete: boolean;
}

const EXAMPLE = '{ rightAnswerUsd: 0.05, carbonUsdPerKg: 0.1, latencyUsdPerSecond: 0.002 }';
const GRAMS_PER_KG = 1000;
const MS_PER_SECOND = 1000;

/**
 * Prices asking a tier; `null` when nothing of it is known, which is not the same as free.
 *
 * @throws TypeError when an amount is negative or not a number; `Infinity` is a price: never ask.
 */
export function priceAsking(cost: AskingCost, prices: OwnerPrices): AskingPrice | null {
  const { rightAnswerUsd, carbonUsdPerKg = 0, latencyUsdPerSecond = 0 } = prices;
  if (!(rightAnswerUsd > 0)) {
    throw new TypeError(`prices needs rightAnswerUsd above 0, as in ${EXAMPLE}.`);
  }
  checkAmount(carbonUsdPerKg, 'carbonUsdPerKg');
  checkAmount(latencyUsdPerSecond, 'latencyUsdPerSecond');
  const parts: readonly (readonly [amount: number | null, usdEach: number])[] = [
    [readAmount(cost.moneyUsd, 'moneyUsd'), 1],
    [readAmount(cost.carbonGrams, 'carbonGrams'), carbonUsdPerKg / GRAMS_PER_KG],
    [readAmount(cost.latencyMs, 'latencyMs'), latencyUsdPerSecond / MS_PER_SECOND],
  ];
  const priced = parts.filter(([, usdEach]) => usdEach > 0);
  const known = priced.filter(([amount]) => amount !== null);
  if (known.length === 0) return null;
  const usd = known.reduce((sum, [amount, usdEach]) => sum + multiply(amount ?? 0, usdEach), 0);
  return { usd, answers: usd / rightAnswerUsd, isComplete: known.length === priced.length };
}

/** An infinite price of something that is not used is nothing, not NaN. */
function multiply(amount: number, usdEach: number): number {
  return amount === 0 ? 0 : amount * usdEach;
}

function readAmount(value: number | null, name: string): number | null {
  if (value !== null) checkAmount(value, name);
  return value;
}

function checkAmount(value: number, name: string): void {
  if (value >= 0) return;
  throw new TypeError(`${name} must be 0 or more, or null where it is unknown.`);
}
