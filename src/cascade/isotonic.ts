import type { ScoredAnswer } from './reliability.ts';

/** Scores from `from` to `to` were right with this probability. */
export interface IsotonicStep {
  readonly from: number;
  readonly to: number;
  readonly probability: number;
}

interface Block {
  readonly from: number;
  to: number;
  right: number;
  count: number;
}

/**
 * The rising step function closest to the data, by pooling neighbours that fall (Ayer et al. 1955;
 * as calibration: Zadrozny and Elkan 2002). A step of n rows that were all right or all wrong is
 * pulled in to (n + 1) / (n + 2) or 1 / (n + 2), so that no sample yields a certainty. Scores must be
 * finite.
 *
 * @throws RangeError without answers.
 */
export function fitIsotonic(answers: readonly ScoredAnswer[]): IsotonicStep[] {
  if (answers.length === 0) throw new RangeError('An isotonic map needs at least one answer.');
  const blocks: Block[] = [];
  for (const point of mergeTies(answers)) {
    blocks.push(point);
    pool(blocks);
  }
  return blocks.map((block, index) => ({
    from: block.from,
    to: block.to,
    probability: tempered(block, blocks[index - 1], blocks[index + 1]),
  }));
}

/** The probability at a score: flat within a step, linear in the gap between two, flat outside. */
export function applyIsotonic(steps: readonly IsotonicStep[], score: number): number {
  const above = firstReaching(steps, score);
  const next = steps[above];
  const previous = steps[above - 1];
  if (next === undefined) return previous?.probability ?? Number.NaN;
  if (previous === undefined || score >= next.from) return next.probability;
  const share = (score - previous.to) / (next.from - previous.to);
  return previous.probability + share * (next.probability - previous.probability);
}

/** Index of the first step that ends at or above the score; the number of steps if none does. */
function firstReaching(steps: readonly IsotonicStep[], score: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((steps[middle]?.to ?? Number.POSITIVE_INFINITY) >= score) high = middle;
    else low = middle + 1;
  }
  return low;
}

function mergeTies(answers: readonly ScoredAnswer[]): Block[] {
  const sorted = answers.toSorted((a, b) => a.score - b.score);
  const points: Block[] = [];
  for (const { score, isCorrect } of sorted) {
    let point = points.at(-1);
    if (point?.from !== score) {
      point = { from: score, to: score, right: 0, count: 0 };
      points.push(point);
    }
    point.right += Number(isCorrect);
    point.count += 1;
  }
  return points;
}

/** Laplace's rule of succession where all rows agree: only the first and last block can. */
function tempered({ right, count }: Block, before?: Block, after?: Block): number {
  if (right === 0) return Math.min(1 / (count + 2), after === undefined ? 1 : shareOf(after));
  if (right < count) return right / count;
  return Math.max((count + 1) / (count + 2), before === undefined ? 0 : shareOf(before));
}

function shareOf({ right, count }: Block): number {
  return right / count;
}

/** Merges the last two blocks as long as the later one is not above the earlier one. */
function pool(blocks: Block[]): void {
  for (;;) {
    const last = blocks.at(-1);
    const before = blocks.at(-2);
    if (last === undefined || before === undefined) return;
    if (before.right * last.count < last.right * before.count) return;
    before.to = last.to;
    before.right += last.right;
    before.count += last.count;
    blocks.pop();
  }
}
