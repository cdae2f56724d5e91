import { binomialTail } from '../binomial-bound.ts';

/** Bounds no automatic change leaves; `null` = none. */
export interface ThresholdBounds {
  /** The threshold never rises above this. A promise may break there: alarms still say so. */
  readonly strictest: number | null;
  /** The threshold never falls below this. */
  readonly loosest: number | null;
}

/** What the owner decides about learning. Everything is off until `shadowRate` is above 0. */
export interface LearningSettings {
  /** Most loss, as a share of all requests. Default 0.02. */
  readonly alpha: number;
  /** Accepted risk that one certified step is wrong. Default 0.1. */
  readonly delta: number;
  /** Share of kept requests that also go up, to be checked. Default 0: the owner has not opted in. */
  readonly shadowRate: number;
  /** Most US dollars that checks may cost in 24 hours; `null` = no cap. Default 0: nothing. */
  readonly maxShadowUsdPerDay: number | null;
  /**
   * How requests that went up anyway get a label: `always` where the cloud's answer shows at once
   * whether the device's was right (closed labels), `sampled` where a judge costs money, so that
   * only the share `shadowRate` of them is judged. Default `always`.
   */
  readonly escalatedLabels: 'always' | 'sampled';
  /** The loss is held over windows of this many requests. Default 2000. */
  readonly windowRequests: number;
  readonly bounds: ThresholdBounds;
}

/** Of the checks, this share tests the judge instead: the answer shown to it is known to be wrong. */
export const CANARY_SHARE = 0.05;

const DEFAULTS: LearningSettings = {
  alpha: 0.02,
  delta: 0.1,
  shadowRate: 0,
  maxShadowUsdPerDay: 0,
  escalatedLabels: 'always',
  windowRequests: 2_000,
  bounds: { strictest: null, loosest: null },
};

/** Halvings of [0, alpha]: far below any rate that a sample could tell apart. */
const BISECTION_STEPS = 40;

/** @throws TypeError when a setting is out of its range; the message shows a right call. */
export function readSettings(given: Partial<LearningSettings> = {}): LearningSettings {
  const settings = { ...DEFAULTS, ...given };
  const { alpha, delta, shadowRate, maxShadowUsdPerDay, windowRequests, escalatedLabels } =
    settings;
  const isValid =
    isShare(alpha) &&
    isShare(delta) &&
    (shadowRate === 0 || shadowRate === 1 || isShare(shadowRate)) &&
    (maxShadowUsdPerDay === null || maxShadowUsdPerDay >= 0) &&
    Number.isInteger(windowRequests) &&
    windowRequests > 0 &&
    (escalatedLabels === 'always' || escalatedLabels === 'sampled');
  if (!isValid) {
    throw new TypeError(
      'Learning settings take shares and counts, for example { alpha: 0.02, delta: 0.1, shadowRate: 0.1, maxShadowUsdPerDay: 1, windowRequests: 2000 }.',
    );
  }
  return { ...settings, bounds: readBounds(settings.bounds) };
}

/** @throws TypeError when a bound is no number, or the loosest is above the strictest. */
export function readBounds({ strictest, loosest }: ThresholdBounds): ThresholdBounds {
  const isValid = [strictest, loosest].every((bound) => bound === null || Number.isFinite(bound));
  if (!isValid || (strictest !== null && loosest !== null && loosest > strictest)) {
    throw new TypeError('Give bounds as { strictest: 0.95, loosest: 0.6 } or null for none.');
  }
  return { strictest, loosest };
}

/**
 * The loss rate at which a window of `windowRequests` still keeps the budget with probability
 * 1 − delta: the largest p with P(Binomial(window, p) > alpha × window) ≤ delta. Certified steps aim
 * at it, because a rate of exactly alpha breaks the budget in every second window.
 */
export function windowBudget({
  alpha,
  delta,
  windowRequests,
}: Pick<LearningSettings, 'alpha' | 'delta' | 'windowRequests'>): number {
  // The small addition keeps 0.02 × 2000 from being 39.99.
  const successes = Math.floor(alpha * windowRequests + 1e-9);
  let [low, high] = [0, alpha];
  for (let step = 0; step < BISECTION_STEPS; step += 1) {
    const rate = (low + high) / 2;
    if (1 - binomialTail({ successes, trials: windowRequests }, rate) <= delta) low = rate;
    else high = rate;
  }
  return low;
}

function isShare(value: number): boolean {
  return value > 0 && value < 1;
}
