import { binomialTail, mostRefuting, upperBinomialBound } from './binomial-bound.ts';

/** A labelled request as a threshold sees it. */
export interface LabelledScore {
  /**
   * Names the request. Rows with one id are one request: it loses if one of its rows does, and its
   * highest score counts. Without ids every row is a request of its own.
   */
  readonly id?: string;
  /** Higher = surer; `null`, absent or not a number = unknown, and such a request is never kept. */
  readonly score?: number | null;
  /** Whether keeping it loses: `isLoss` in outcome.ts. */
  readonly isLoss: boolean;
}

/** What is promised: with probability 1 − delta the loss is at most alpha. */
export interface LossBudget {
  /** Most loss, as a share of all requests; above 0, below 1. */
  readonly alpha: number;
  /** Accepted risk that the promise is wrong; above 0, below 1. */
  readonly delta: number;
}

/** Facts that both kinds of threshold are published with. */
interface ThresholdFacts extends LossBudget {
  /** Requests whose labels were used. */
  readonly labels: number;
  /** Keep a request whose score is this or higher. Always finite. */
  readonly threshold: number;
  /** Labelled requests at or above the threshold, and how many of them lose. */
  readonly keptLabels: number;
  readonly lossLabels: number;
  readonly keptShare: number;
  readonly lossShare: number;
}

export interface CertifiedThreshold extends ThresholdFacts {
  readonly status: 'certified';
  /** The loss is at most this with probability 1 − delta (Clopper-Pearson); never above alpha. */
  readonly lossBound: number;
}

export interface NotCertifiable extends LossBudget {
  readonly status: 'not-certifiable';
  readonly labels: number;
  /** About how many labels it would take; `null` when more of the same would not help. */
  readonly labelsNeeded: number | null;
}

/** A threshold without a promise: it just meets the budget on the labels it was chosen on. */
export interface UncertifiedThreshold extends Omit<ThresholdFacts, 'threshold'> {
  readonly status: 'uncertified';
  /** `null` when keeping anything at all would exceed the budget on these labels. */
  readonly threshold: number | null;
}

export type CertificationResult = CertifiedThreshold | NotCertifiable;

/** Above this an estimate of the labels needed says no more than "not with this score". */
const MOST_LABELS_ESTIMATED = 10_000_000;

interface Requests {
  readonly labels: number;
  readonly losing: Float64Array;
  readonly others: Float64Array;
}

/** Requests down to one score: how many are kept there and how many of those lose. */
interface Level {
  readonly threshold: number;
  readonly kept: number;
  readonly losses: number;
}

/**
 * The loosest threshold whose loss is at most `alpha` with probability 1 − `delta`, or what is
 * missing for one. Learn-Then-Test (Angelopoulos et al. 2021): each score of the sample, from the
 * strictest down, is the hypothesis "keeping from here on loses more than alpha"; it is refuted when
 * an exact binomial test does at level delta; the first that is not refuted ends the walk. Why no
 * correction for many tests is needed, and what is assumed: docs/decisions.md.
 *
 * @throws RangeError when the budget is no share; TypeError when a row has no `isLoss`.
 */
export function certifyThreshold(
  rows: readonly LabelledScore[],
  budget: LossBudget,
): CertificationResult {
  const { alpha, delta } = checkBudget(budget);
  const requests = sortRequests(rows);
  const { labels } = requests;
  const { strictest, loosest: level } = walk(requests, mostRefuting(labels, alpha, delta));
  if (level === null) {
    const rate = strictest === null ? null : strictest.losses / labels;
    const labelsNeeded = estimateLabels({ labels, rate }, { alpha, delta });
    return { status: 'not-certifiable', alpha, delta, labels, labelsNeeded };
  }
  const count = { successes: level.losses, trials: labels };
  // Bisection ends a rounding error above the bound, and the test has already passed at alpha.
  const lossBound = Math.min(alpha, upperBinomialBound(count, delta));
  return { status: 'certified', alpha, delta, ...describe(level, labels), lossBound };
}

/**
 * The threshold that just meets the budget on these labels. It breaks the budget about every second
 * time, so it carries no promise and must be shown as `uncertified`.
 *
 * @throws RangeError when the budget is no share; TypeError when a row has no `isLoss`.
 */
export function uncertifiedThreshold(
  rows: readonly LabelledScore[],
  budget: LossBudget,
): UncertifiedThreshold {
  const { alpha, delta } = checkBudget(budget);
  const requests = sortRequests(rows);
  const { labels } = requests;
  const { loosest: level } = walk(requests, alpha * labels);
  const facts = describe(level ?? { threshold: 0, kept: 0, losses: 0 }, labels);
  return {
    status: 'uncertified',
    alpha,
    delta,
    ...facts,
    threshold: level === null ? null : level.threshold,
  };
}

/**
 * The stricter of two certificates on data of the same source, the later one perhaps on more of it.
 * Looking again at growing data and keeping the looser result would void the promise; the stricter
 * one is at least as strict as the first, so the first promise still covers it, however often one
 * looks. A later look that certifies nothing withdraws the certificate.
 */
export function tightenCertificate(
  earlier: CertifiedThreshold,
  later: CertificationResult,
): CertificationResult {
  if (later.status === 'not-certifiable' || later.threshold > earlier.threshold) return later;
  return earlier;
}

function checkBudget({ alpha, delta }: LossBudget): LossBudget {
  if (!(alpha > 0 && alpha < 1) || !(delta > 0 && delta < 1)) {
    throw new RangeError(
      'alpha and delta must be shares above 0 and below 1, for example certifyThreshold(rows, { alpha: 0.02, delta: 0.1 }).',
    );
  }
  return { alpha, delta };
}

/** Every level from strict to loose, up to the first one with more losses than the limit. */
function walk(
  requests: Requests,
  mostLosses: number,
): { strictest: Level | null; loosest: Level | null } {
  const { losing, others } = requests;
  let strictest: Level | null = null;
  let loosest: Level | null = null;
  let losses = 0;
  let kept = 0;
  while (losses + kept < losing.length + others.length) {
    const threshold = Math.max(scoreAt(losing, losses), scoreAt(others, kept));
    if (threshold === Number.NEGATIVE_INFINITY) break;
    while (scoreAt(losing, losses) === threshold) losses += 1;
    while (scoreAt(others, kept) === threshold) kept += 1;
    // Infinity is no threshold that a file can hold: its requests are kept with the next level.
    if (threshold === Number.POSITIVE_INFINITY) continue;
    const level = { threshold, kept: kept + losses, losses };
    strictest ??= level;
    if (losses > mostLosses) break;
    loosest = level;
  }
  return { strictest, loosest };
}

/** Past the end as for an unknown score: nothing left to keep. */
function scoreAt(falling: Float64Array, index: number): number {
  return falling[index] ?? Number.NEGATIVE_INFINITY;
}

/** Scores of the requests that lose and of the others, falling. Two sorts of numbers are fast. */
function sortRequests(rows: readonly LabelledScore[]): Requests {
  const losing: number[] = [];
  const others: number[] = [];
  for (const { score, isLoss } of mergeRows(rows))
    (isLoss ? losing : others).push(readScore(score));
  return {
    labels: losing.length + others.length,
    losing: Float64Array.from(losing).toSorted().toReversed(),
    others: Float64Array.from(others).toSorted().toReversed(),
  };
}

/** One row per request. */
function mergeRows(rows: readonly LabelledScore[]): readonly LabelledScore[] {
  const byId = new Map<string, LabelledScore>();
  const unnamed: LabelledScore[] = [];
  for (const [index, row] of rows.entries()) {
    if (typeof row?.isLoss !== 'boolean') {
      throw new TypeError(
        `Row ${index} has no label: give certifyThreshold([{ score: 0.9, isLoss: false }, …], budget).`,
      );
    }
    const known = row.id === undefined ? undefined : byId.get(row.id);
    if (row.id === undefined) unnamed.push(row);
    else byId.set(row.id, known === undefined ? row : worseOf(known, row));
  }
  return byId.size === 0 ? rows : [...byId.values(), ...unnamed];
}

function worseOf(one: LabelledScore, other: LabelledScore): LabelledScore {
  return {
    score: Math.max(readScore(one.score), readScore(other.score)),
    isLoss: one.isLoss || other.isLoss,
  };
}

function readScore(score: number | null | undefined): number {
  return typeof score === 'number' && !Number.isNaN(score) ? score : Number.NEGATIVE_INFINITY;
}

function describe({ threshold, kept, losses }: Level, labels: number) {
  return {
    labels,
    threshold,
    keptLabels: kept,
    lossLabels: losses,
    keptShare: labels === 0 ? 0 : kept / labels,
    lossShare: labels === 0 ? 0 : losses / labels,
  };
}

/** The fewest labels that would certify the strictest level, if losses kept coming at its rate. */
function estimateLabels(
  { labels, rate }: { labels: number; rate: number | null },
  { alpha, delta }: LossBudget,
): number | null {
  const withoutLoss = Math.ceil(Math.log(delta) / Math.log1p(-alpha));
  // So few labels say nothing about the rate: this many it takes at the very least.
  if (labels < withoutLoss) return withoutLoss;
  if (rate === null || rate >= alpha) return null;
  let enough = labels + 1;
  while (enough <= MOST_LABELS_ESTIMATED) {
    const successes = Math.ceil(rate * enough);
    if (binomialTail({ successes, trials: enough }, alpha) <= delta) return enough;
    enough = Math.ceil(enough * 1.02);
  }
  return null;
}
