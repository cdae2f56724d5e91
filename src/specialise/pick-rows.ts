/** A row that is worth a label. */
export interface PickedRow {
  /** Its place among the rows. */
  readonly index: number;
  /**
   * `random`: drawn from all rows alike; these alone are a fair sample of them, so that a certificate
   * may rest on them. `near`: added because its score is near the threshold.
   */
  readonly sample: 'random' | 'near';
  /**
   * One over the chance that this row was picked (Horvitz and Thompson 1952): sums over the picked
   * rows, each times its weight, are unbiased for sums over all rows.
   */
  readonly weight: number;
}

export interface PickOptions {
  /** About how many rows to pick. */
  readonly count: number;
  /** Of these, the share that is drawn from all rows; above 0, up to 1. */
  readonly randomShare: number;
  /** Where keeping begins; `null` = unknown: all rows are drawn at random. */
  readonly threshold: number | null;
  /** Numbers from 0 up to 1. */
  readonly random: () => number;
}

/**
 * Picks the rows that are most worth a label, in random order: a fair sample of all, and besides it
 * the rows nearest the threshold, whose labels decide where it may lie. Which rows count as near
 * depends on the scores alone, so that each row's chance is known exactly; how many rows come out
 * varies by a few around `count`.
 */
export function pickRows(
  scores: readonly (number | null)[],
  { count, randomShare, threshold, random }: PickOptions,
): PickedRow[] {
  const total = scores.length;
  const drawnCount = Math.min(
    total,
    threshold === null ? count : Math.max(1, Math.round(count * randomShare)),
  );
  const order = shuffle(total, random);
  const drawn = new Set(order.slice(0, drawnCount));
  const near = threshold === null ? [] : nearest(scores, threshold);
  const isNear = new Set(near.slice(0, nearCount({ total, drawnCount, count })));
  const pick = (index: number): PickedRow => ({
    index,
    sample: drawn.has(index) ? 'random' : 'near',
    weight: isNear.has(index) ? 1 : total / drawnCount,
  });
  const picked = order.filter((index) => drawn.has(index) || isNear.has(index));
  // Mixed once more, so that whoever stops early has some of each, and of the draw a fair part.
  return shuffle(picked.length, random).map((place) => pick(picked[place] ?? 0));
}

/** So many that, without those which the draw has anyway, the rest of the count is left. */
function nearCount(counts: { total: number; drawnCount: number; count: number }): number {
  const { total, drawnCount, count } = counts;
  if (drawnCount >= total) return 0;
  return Math.min(total, Math.round((count - drawnCount) / (1 - drawnCount / total)));
}

/** Places of the known scores, those next to the threshold first. */
function nearest(scores: readonly (number | null)[], threshold: number): number[] {
  const known = scores.flatMap((score, index) =>
    score === null || !Number.isFinite(score) ? [] : [{ index, gap: Math.abs(score - threshold) }],
  );
  return known.toSorted((a, b) => a.gap - b.gap || a.index - b.index).map(({ index }) => index);
}

/** 0 to count - 1 in random order (Fisher and Yates). */
function shuffle(count: number, random: () => number): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let index = count - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    [order[index], order[other]] = [order[other] ?? 0, order[index] ?? 0];
  }
  return order;
}
