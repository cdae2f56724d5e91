import type { ReasonCode } from '../types.ts';
import { expectedGain, NO_GAIN_LABELS, type GainEstimate } from './gain.ts';
import type { AskingPrice } from './price.ts';

/** One tier that may be asked. */
export interface AskOption {
  readonly tier: string;
  /** `null`: unknown, so that gain cannot be weighed against it. */
  readonly price: AskingPrice | null;
  /** `null`: no labels. */
  readonly gain: GainEstimate | null;
}

/** An answer, and who may be asked instead. */
export interface Weighing {
  /** What is compared with the threshold; `null` = unknown. */
  readonly score: number | null;
  /** Keep at or above; `null`: there is none. */
  readonly threshold: number | null;
  /** A certified threshold is a promise: below it the tier above is always asked. */
  readonly isCertified: boolean;
  /** Calibrated probability that the answer is right; `null` = unknown. */
  readonly confidence: number | null;
  /** Lowest rung first. */
  readonly options: readonly [AskOption, ...AskOption[]];
}

export interface WeighedOption {
  readonly tier: string;
  /** In right answers; `null` = unknown. */
  readonly expectedGain: number | null;
  readonly price: number | null;
  /** Expected gain less price; `null` when one of them is unknown. */
  readonly net: number | null;
}

export interface Weighed {
  readonly keeps: boolean;
  /** Who is worth most to ask. */
  readonly tier: string;
  readonly reason: ReasonCode;
  readonly options: readonly WeighedOption[];
}

/**
 * Whether an answer is kept, or who is asked instead. A certified threshold comes first; then asking
 * must win more than it costs; where no price or no gain is known the threshold alone decides. An
 * unknown confidence never passes a threshold.
 */
export function weigh(weighing: Weighing): Weighed {
  const { score, threshold, isCertified, confidence, options: asked } = weighing;
  const options = asked.map((option) => weighOption(option, confidence));
  const best = pickBest(options);
  const tier = best?.tier ?? asked[0].tier;
  const isSure = score !== null && threshold !== null && score >= threshold;
  const unsure: ReasonCode = score === null ? 'no-usable-signal' : 'low-confidence';
  if (isCertified && !isSure) return { keeps: false, tier, reason: unsure, options };
  if (best !== null) {
    if (best.net > 0) return { keeps: false, tier, reason: 'asking-pays', options };
    return { keeps: true, tier, reason: isSure ? 'confident' : 'asking-does-not-pay', options };
  }
  return { keeps: isSure, tier, reason: isSure ? 'confident' : unsure, options };
}

function weighOption(option: AskOption, confidence: number | null): WeighedOption {
  const gain = expectedGain(option.gain ?? NO_GAIN_LABELS, confidence);
  const price = option.price?.answers ?? null;
  const net = gain === null || price === null ? null : gain - price;
  return { tier: option.tier, expectedGain: gain, price, net };
}

/** The highest net; between equals the lower rung. */
function pickBest(
  options: readonly WeighedOption[],
): (WeighedOption & { readonly net: number }) | null {
  let best: (WeighedOption & { readonly net: number }) | null = null;
  for (const option of options) {
    const { net } = option;
    if (net !== null && (best === null || net > best.net)) best = { ...option, net };
  }
  return best;
}
