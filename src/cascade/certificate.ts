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
  const { labels, levels } = listLevels(rows);
  const mostLosses = mostRefuting(labels, alpha, delta);
  const level = loosest(levels, mostLosses);
  if (level === null) {
    const labelsNeeded = estimateLabels({ labels, levels }, { alpha, delta });
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
  const { labels, levels } = listLevels(rows);
  const level = loosest(levels, alpha * labels);
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

/** The walk from strict to loose: the last level before the losses first exceed the limit. */
function loosest(levels: readonly Level[], mostLosses: number): Level | null {
  let last: Level | null = null;
  for (const level of levels) {
    if (level.losses > mostLosses) break;
    last = level;
  }
  return last;
}

/** Every finite score of the rows, strictest first, with what keeping from there on would mean. */
function listLevels(rows: readonly LabelledScore[]): { labels: number; levels: Level[] } {
  const requests = mergeRows(rows).toSorted((a, b) =>
    a.score === b.score ? 0 : b.score > a.score ? 1 : -1,
  );
  const levels: Level[] = [];
  let losses = 0;
  for (const [index, { score, isLoss }] of requests.entries()) {
    losses += Number(isLoss);
    const isLastOfTie = requests[index + 1]?.score !== score;
    if (isLastOfTie && Number.isFinite(score)) {
      levels.push({ threshold: score, kept: index + 1, losses });
    }
  }
  return { labels: requests.length, levels };
}

function mergeRows(rows: readonly LabelledScore[]): { score: number; isLoss: boolean }[] {
  const byId = new Map<string | number, { score: number; isLoss: boolean }>();
  for (const [index, row] of rows.entries()) {
    if (typeof row?.isLoss !== 'boolean') {
      throw new TypeError(
        `Row ${index} has no label: give certifyThreshold([{ score: 0.9, isLoss: false }, …], budget).`,
      );
    }
    const key = row.id ?? index;
    const score = readScore(row.score);
    const known = byId.get(key);
    byId.set(key, {
      score: Math.max(score, known?.score ?? Number.NEGATIVE_INFINITY),
      isLoss: row.isLoss || known?.isLoss === true,
    });
  }
  return [...byId.values()];
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

/** The fewest labels that would certify some level, if losses kept coming at the rate seen there. */
function estimateLabels(
  { labels, levels }: { labels: number; levels: readonly Level[] },
  { alpha, delta }: LossBudget,
): number | null {
  const withoutLoss = Math.ceil(Math.log(delta) / Math.log1p(-alpha));
  // So few labels say nothing about the rate: this many it takes at the very least.
  if (labels < withoutLoss) return withoutLoss;
  const lowest = levels.reduce((rate, { losses }) => Math.min(rate, losses / labels), 1);
  if (lowest >= alpha) return null;
  let enough = labels + 1;
  while (enough <= MOST_LABELS_ESTIMATED) {
    const successes = Math.ceil(lowest * enough);
    if (binomialTail({ successes, trials: enough }, alpha) <= delta) return enough;
    enough = Math.ceil(enough * 1.02);
  }
  return null;
}
