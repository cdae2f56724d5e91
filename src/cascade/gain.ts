/** What a gain is estimated from. All optional: what is absent says nothing. */
export interface GainItem {
  /** The app's feature or subject, such as `refunds`. */
  readonly topic?: string | undefined;
  readonly text?: string | undefined;
  /** Evidence by name; `null` = unknown. */
  readonly features?: Readonly<Record<string, number | null>> | undefined;
}

/** What asking the tier above is expected to change. */
export interface GainEstimate {
  /** P(below wrong, above right) − P(below right, above wrong), before any confidence is known. */
  readonly gain: number;
  /** Half the width of a 90 % interval of `gain`; `null` without labels. */
  readonly halfWidth: number | null;
  /** P(above right | below wrong): the gain given wrong. */
  readonly rescue: number;
  /** P(above wrong | below right): what asking spoils. */
  readonly harm: number;
  /** Labels behind the model, and those of this topic. 0: calibrated confidence alone decides. */
  readonly labels: number;
  readonly topicLabels: number;
}

/** How often the tier above helps where the one below fails, learnt from labels. */
export interface GainModel {
  readonly labels: number;
  estimate(item: GainItem): GainEstimate;
}

/**
 * Without any label: whoever is asked is taken to be right where the tier below is wrong, so that the
 * calibrated confidence alone decides. `labels: 0` says so.
 */
export const NO_GAIN_LABELS: GainEstimate = {
  gain: 0,
  halfWidth: null,
  rescue: 1,
  harm: 0,
  labels: 0,
  topicLabels: 0,
};

/** With fewer labels their average says nothing yet: twenty alike still allow one other in seven. */
const FEWEST_LABELS_ALONE = 20;

/**
 * What asking is expected to win, in right answers: P(wrong) × rescue − P(right) × harm. Without a
 * confidence the labels' own average, from 20 labels on; `null` when neither is known.
 */
export function expectedGain(estimate: GainEstimate, confidence: number | null): number | null {
  if (confidence === null) {
    return estimate.labels < FEWEST_LABELS_ALONE ? null : estimate.gain;
  }
  return (1 - confidence) * estimate.rescue - confidence * estimate.harm;
}
