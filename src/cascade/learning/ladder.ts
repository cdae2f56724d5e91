import type { LabelledScore } from '../certificate.ts';
import type { ThresholdBounds } from './settings.ts';

export interface Ladder {
  /** Strict to loose. */
  readonly ladder: readonly number[];
  /** Share of the labels at or above each rung. */
  readonly keptShares: readonly number[];
}

/** Enough that one step keeps under 2 % more; every rung costs one bet a request. */
const RUNGS = 60;

/**
 * Thresholds to choose from: equal shares of the labels' scores, with the certified threshold among
 * them. Without labels equal steps from 1 to 0, as scores are probabilities or margins of such.
 */
export function makeLadder(labels: readonly LabelledScore[], certified: number | null): Ladder {
  const scores = labels
    .map(({ score }) => score)
    .filter((score): score is number => typeof score === 'number' && Number.isFinite(score))
    .toSorted((a, b) => b - a);
  if (scores.length === 0) return equalSteps();
  const chosen = new Set<number>(certified === null ? [] : [certified]);
  for (let step = 1; step < RUNGS; step += 1) {
    chosen.add(scores[Math.floor((step / RUNGS) * scores.length)] as number);
  }
  const ladder = [...chosen].toSorted((a, b) => b - a);
  const keptShares = ladder.map(
    (rung) => scores.filter((score) => score >= rung).length / labels.length,
  );
  return { ladder, keptShares };
}

/** The loosest rung that is not below `threshold`; −1 when every rung is. */
export function rungAt(ladder: readonly number[], threshold: number): number {
  return ladder.findLastIndex((rung) => rung >= threshold);
}

/** The loosest rung inside the owner's bounds. */
export function loosestAllowed(ladder: readonly number[], { loosest }: ThresholdBounds): number {
  return loosest === null ? ladder.length - 1 : rungAt(ladder, loosest);
}

/** The nearest rung inside the owner's bounds. */
export function clampToBounds(
  ladder: readonly number[],
  rung: number,
  bounds: ThresholdBounds,
): number {
  const { strictest } = bounds;
  const least =
    strictest === null
      ? -1
      : Math.max(
          0,
          ladder.findIndex((each) => each <= strictest),
        );
  return Math.min(Math.max(rung, least), loosestAllowed(ladder, bounds));
}

/** How many rungs are stricter than this score: 0 = as sure as any, `ladder.length` = below all. */
export function rungsAbove(ladder: readonly number[], score: number | null): number {
  let [low, high] = [0, ladder.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (score !== null && score >= (ladder[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function equalSteps(): Ladder {
  const ladder = Array.from({ length: RUNGS - 1 }, (_, step) => 1 - (step + 1) / RUNGS);
  return { ladder, keptShares: ladder.map((rung) => 1 - rung) };
}
