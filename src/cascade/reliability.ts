/** What was claimed of one answer and how it went. */
export interface ScoredAnswer {
  /** Higher = surer. Not a number = unknown: ranked below everything. */
  readonly score: number;
  readonly isCorrect: boolean;
}

/** One row of a reliability table. Shares are `null` in an empty bin. */
export interface ReliabilityBin {
  /** Confidences from `from` up to `to` fall here; the last bin holds 1 too. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly meanConfidence: number | null;
  readonly correctShare: number | null;
}

/** Guo et al. 2017 and most since count in 15 bins of equal width. */
const RELIABILITY_BINS = 15;

/**
 * Area under the ROC curve: how often a right answer scores above a wrong one, ties counting half
 * (Mann and Whitney 1947). `null` unless there are right and wrong answers.
 */
export function auroc(answers: readonly ScoredAnswer[]): number | null {
  let rightAbove = 0;
  let wrongTotal = 0;
  let wins = 0;
  eachTie(answers, (right, wrong) => {
    wins += wrong * (rightAbove + right / 2);
    rightAbove += right;
    wrongTotal += wrong;
  });
  return rightAbove === 0 || wrongTotal === 0 ? null : wins / (rightAbove * wrongTotal);
}

/**
 * Area under the risk-coverage curve: the share of wrong answers among the surest k, averaged over k
 * (Geifman and El-Yaniv 2017); within a tie, its mean over all orders. Lower is better; `null`
 * without answers.
 */
export function aurc(answers: readonly ScoredAnswer[]): number | null {
  let seen = 0;
  let wrongSeen = 0;
  let sum = 0;
  eachTie(answers, (right, wrong) => {
    const size = right + wrong;
    for (let index = 1; index <= size; index += 1) {
      sum += (wrongSeen + (wrong * index) / size) / (seen + index);
    }
    seen += size;
    wrongSeen += wrong;
  });
  return seen === 0 ? null : sum / seen;
}

/** Claimed against actual shares in bins of equal width; scores are confidences from 0 to 1. */
export function reliabilityTable(
  answers: readonly ScoredAnswer[],
  binCount: number = RELIABILITY_BINS,
): ReliabilityBin[] {
  const counts = new Float64Array(binCount);
  const confidences = new Float64Array(binCount);
  const rights = new Float64Array(binCount);
  for (const { score, isCorrect } of answers) {
    if (!Number.isFinite(score)) continue;
    const bin = Math.min(binCount - 1, Math.max(0, Math.floor(score * binCount)));
    counts[bin] = (counts[bin] ?? 0) + 1;
    confidences[bin] = (confidences[bin] ?? 0) + score;
    rights[bin] = (rights[bin] ?? 0) + Number(isCorrect);
  }
  return Array.from(counts, (count, bin) => ({
    from: bin / binCount,
    to: (bin + 1) / binCount,
    count,
    meanConfidence: count === 0 ? null : (confidences[bin] ?? 0) / count,
    correctShare: count === 0 ? null : (rights[bin] ?? 0) / count,
  }));
}

/**
 * Expected calibration error: how far claimed and actual shares lie apart, averaged over the bins by
 * their counts (Naeini et al. 2015). `null` without a single known confidence.
 */
export function expectedCalibrationError(
  answers: readonly ScoredAnswer[],
  binCount: number = RELIABILITY_BINS,
): number | null {
  let total = 0;
  let gap = 0;
  for (const bin of reliabilityTable(answers, binCount)) {
    if (bin.meanConfidence === null || bin.correctShare === null) continue;
    total += bin.count;
    gap += bin.count * Math.abs(bin.meanConfidence - bin.correctShare);
  }
  return total === 0 ? null : gap / total;
}

/**
 * From the surest down: how many of each score are right and how many wrong; unknown scores come
 * last. Two sorts of plain numbers are several times faster than one of objects.
 */
function eachTie(
  answers: readonly ScoredAnswer[],
  visit: (right: number, wrong: number) => void,
): void {
  const rights = sortedScores(answers, true);
  const wrongs = sortedScores(answers, false);
  let [right, wrong] = [rights.length, wrongs.length];
  while (right > 0 || wrong > 0) {
    const [rightBefore, wrongBefore] = [right, wrong];
    const score = Math.max(
      rights[right - 1] ?? Number.NEGATIVE_INFINITY,
      wrongs[wrong - 1] ?? Number.NEGATIVE_INFINITY,
    );
    while (rights[right - 1] === score) right -= 1;
    while (wrongs[wrong - 1] === score) wrong -= 1;
    visit(rightBefore - right, wrongBefore - wrong);
  }
}

function sortedScores(answers: readonly ScoredAnswer[], isCorrect: boolean): Float64Array {
  const scores = answers
    .filter((answer) => answer.isCorrect === isCorrect)
    .map(({ score }) => (Number.isNaN(score) ? Number.NEGATIVE_INFINITY : score));
  return Float64Array.from(scores).toSorted();
}
