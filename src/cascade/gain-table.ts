import { NO_GAIN_LABELS } from './gain.ts';

/** Labels of one topic. Counts, so that the labels of many browsers add up. */
export interface GainCounts {
  readonly labels: number;
  /** The tier below was wrong. */
  readonly wrong: number;
  /** … and the one above right. */
  readonly rescued: number;
  /** The tier below was right and the one above wrong. */
  readonly harmed: number;
}

export interface GainLabel {
  readonly topic: string;
  readonly isBelowRight: boolean;
  readonly isAboveRight: boolean;
}

export interface GainTable {
  readonly total: GainCounts;
  readonly topics: ReadonlyMap<string, GainCounts>;
  /** Labels that the global mean counts as, for each of the three shares. */
  readonly pseudoCounts: PseudoCounts;
}

export interface PseudoCounts {
  readonly gain: number;
  readonly rescue: number;
  readonly harm: number;
}

/** The three shares of one topic, shrunk to the mean of all. */
export interface TopicShares {
  readonly gain: number;
  readonly rescue: number;
  readonly harm: number;
  /** Half of a 90 % interval of `gain`. */
  readonly halfWidth: number;
  readonly topicLabels: number;
}

const NO_COUNTS: GainCounts = { labels: 0, wrong: 0, rescued: 0, harmed: 0 };
/** With these the shares of topics differ at least a little, and never only by one label. */
const PSEUDO_COUNT_RANGE = { least: 1, most: 100 } as const;
/**
 * Labels that what holds without any (`NO_GAIN_LABELS`: rescue 1, harm 0) counts as in the mean of all.
 * Unknown must not become 0: labels that were all right tell nothing of who helps where one is wrong.
 * Few enough to move a share that rests on hundreds by less than its own interval.
 */
const NO_LABELS_WEIGHT = 5;
/** Standard normal, 90 % two-sided. */
const Z_90 = 1.6449;

/** Counts labels by topic. A label without a topic gets the empty one. */
export function countLabels(labels: readonly GainLabel[]): GainTable {
  const topics = new Map<string, { -readonly [Key in keyof GainCounts]: number }>();
  for (const { topic, isBelowRight, isAboveRight } of labels) {
    const counts = topics.get(topic) ?? { ...NO_COUNTS };
    counts.labels += 1;
    counts.wrong += Number(!isBelowRight);
    counts.rescued += Number(!isBelowRight && isAboveRight);
    counts.harmed += Number(isBelowRight && !isAboveRight);
    topics.set(topic, counts);
  }
  return tabulate(topics);
}

/** A table from the counts of each topic. */
export function tabulate(topics: ReadonlyMap<string, GainCounts>): GainTable {
  const all = [...topics.values()];
  const sum = (key: keyof GainCounts): number =>
    all.reduce((total, counts) => total + counts[key], 0);
  const total = {
    labels: sum('labels'),
    wrong: sum('wrong'),
    rescued: sum('rescued'),
    harmed: sum('harmed'),
  };
  const pseudoCounts = {
    gain: choosePseudoCount(all.map((counts) => gainMoments(counts))),
    rescue: choosePseudoCount(all.map(({ wrong, rescued }) => shareMoments(wrong, rescued))),
    harm: choosePseudoCount(
      all.map(({ labels, wrong, harmed }) => shareMoments(labels - wrong, harmed)),
    ),
  };
  return { total, topics, pseudoCounts };
}

/**
 * The shares of a topic: (its sum + k × the global mean) ÷ (its labels + k), k from the labels
 * themselves (empirical Bayes). A topic never seen has the global ones. Rescue and harm begin at what
 * holds without labels, so that the first few change little.
 */
export function readTopic({ total, topics, pseudoCounts }: GainTable, topic: string): TopicShares {
  const own = topics.get(topic) ?? NO_COUNTS;
  const right = (counts: GainCounts): number => counts.labels - counts.wrong;
  const sumOf = (counts: GainCounts): number => counts.rescued - counts.harmed;
  const mean = divide(sumOf(total), total.labels);
  const variance = divide(total.rescued + total.harmed, total.labels) - mean ** 2;
  const weight = own.labels + pseudoCounts.gain;
  return {
    gain: (sumOf(own) + pseudoCounts.gain * mean) / weight,
    rescue: shrink(own.rescued, own.wrong, {
      mean: withPrior(total.rescued, total.wrong, NO_GAIN_LABELS.rescue),
      pseudoCount: pseudoCounts.rescue,
    }),
    harm: shrink(own.harmed, right(own), {
      mean: withPrior(total.harmed, right(total), NO_GAIN_LABELS.harm),
      pseudoCount: pseudoCounts.harm,
    }),
    halfWidth: Z_90 * Math.sqrt(Math.max(0, variance) / weight),
    topicLabels: own.labels,
  };
}

function shrink(
  count: number,
  labels: number,
  { mean, pseudoCount }: { readonly mean: number; readonly pseudoCount: number },
): number {
  return (count + pseudoCount * mean) / (labels + pseudoCount);
}

function withPrior(count: number, labels: number, prior: number): number {
  return (count + NO_LABELS_WEIGHT * prior) / (labels + NO_LABELS_WEIGHT);
}

function divide(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** Sum and sum of squares of a topic's values. */
interface Moments {
  readonly labels: number;
  readonly sum: number;
  readonly squares: number;
}

function gainMoments({ labels, rescued, harmed }: GainCounts): Moments {
  return { labels, sum: rescued - harmed, squares: rescued + harmed };
}

function shareMoments(labels: number, count: number): Moments {
  return { labels, sum: count, squares: count };
}

/**
 * Variance within topics ÷ variance between them: the best linear shrinkage. Both are the moment
 * estimates of the one-way random-effects model (Searle, Casella and McCulloch 1992, Variance
 * Components, 3.6); topics that do not differ beyond noise get the largest.
 */
function choosePseudoCount(topics: readonly Moments[]): number {
  const { least, most } = PSEUDO_COUNT_RANGE;
  const seen = topics.filter(({ labels }) => labels > 0);
  const labels = seen.reduce((sum, topic) => sum + topic.labels, 0);
  if (seen.length < 2 || labels <= seen.length) return most;
  const mean = seen.reduce((sum, topic) => sum + topic.sum, 0) / labels;
  let withinSquares = 0;
  let betweenSquares = 0;
  let sizeSquares = 0;
  for (const topic of seen) {
    withinSquares += topic.squares - topic.sum ** 2 / topic.labels;
    betweenSquares += topic.labels * (topic.sum / topic.labels - mean) ** 2;
    sizeSquares += topic.labels ** 2;
  }
  const within = withinSquares / (labels - seen.length);
  const typicalSize = (labels - sizeSquares / labels) / (seen.length - 1);
  const between = (betweenSquares / (seen.length - 1) - within) / typicalSize;
  if (between <= 0) return most;
  return Math.min(most, Math.max(least, within / between));
}
