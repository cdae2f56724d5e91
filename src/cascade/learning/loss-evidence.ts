import { mostRefuting } from '../binomial-bound.ts';
import { addAlternatives } from './alternatives.ts';
import { type Bet, createBet, isRefuted, settleBet } from './bets.ts';
import { rungsAbove } from './ladder.ts';
import { labelProbability } from './label-probability.ts';
import { type LearningState, LOSSES_LOGGED, thresholdOf } from './state.ts';

/** What is known of a request whose label was drawn. */
export interface LabelPlan {
  readonly kind: 'check' | 'free';
  readonly probability: number;
  readonly leastProbability: number;
}

/** One request as the tests see it: an unlabelled one and one without loss both stand for 0. */
export interface WeighedLoss {
  readonly score: number | null;
  /** 0, or 1 / the probability that this request was labelled. */
  readonly loss: number;
  /** Largest value `loss` could have taken; default: that of a drawn check. */
  readonly most?: number;
}

/** Stakes against "the present threshold keeps the budget", as shares of the label probability. */
const THREAT_STAKES = [0.2, 0.5, 1] as const;

/**
 * Evidence at which the threshold tightens. Low, since tightening needs no proof: a wrong step costs
 * some requests sent up until a certified test takes it back.
 */
export const THREAT_BAR = 20;

/** Where more than this share of what is kept would be lost, nobody gains by keeping it. */
const MOST_LOST_OF_KEPT = 0.5;

/** With fewer requests of its own a loop (a pool of other browsers' labels) goes by the certificate. */
const FEWEST_TO_KNOW_REACH = 100;

/** Failures are outweighed by at least so many answers, so that the first ones do not decide. */
const ANSWERS_ASSUMED = 20;

/**
 * Adds one request to the bet of every rung and to the evidence against the present threshold. The
 * weights make each value an unbiased estimate of "kept from this rung on and lost", whatever the
 * threshold was when it was drawn (active anytime-valid risk control, Xu, Karampatziakis and Mineiro
 * 2024).
 */
export function addLoss(state: LearningState, { score, loss, most }: WeighedLoss): void {
  settleBets(state, { score, loss, ...(most === undefined ? {} : { most }) });
  threaten(state, { score, loss: loss * weightForFailures(state) });
  logLoss(state, { score, loss });
}

/** Adds a request of another browser: evidence like any other, but not this browser's to pass on. */
export function addForeignLoss(state: LearningState, seen: WeighedLoss): void {
  settleBets(state, seen);
  threaten(state, seen);
}

/**
 * A label that was drawn and did not come. What is unknown counts as lost against every loosening; an
 * alarm takes no sign from it, or being offline would be one.
 */
export function addFailure(
  state: LearningState,
  { score, plan }: { readonly score: number | null; readonly plan: LabelPlan },
): void {
  const loss = 1 / plan.probability;
  const most = 1 / Math.min(plan.leastProbability, plan.probability);
  if (plan.kind === 'check') state.totals.failedChecks += 1;
  else if (state.rung < 0) state.probation.labels += 1;
  countReach(state, score);
  settleBets(state, { score, loss, most });
  logLoss(state, { score, loss });
  addAlternatives(state.alternatives, {
    results: null,
    isFailed: true,
    probability: plan.probability,
    budget: state.budget,
    least: 1 / most,
  });
}

function settleBets(state: LearningState, { score, loss, most }: WeighedLoss): void {
  const terms = { limit: state.budget, most: most ?? 1 / labelProbability(state) };
  for (const [rung, bet] of state.bets.entries()) {
    const isKept = score !== null && score >= (state.ladder[rung] as number);
    settleBet(bet, isKept ? loss : 0, terms);
  }
}

/**
 * A person took back an answer that was kept: it speaks against every rung that keeps it, and for
 * none. It is no check, so that it stays out of what is pooled.
 */
export function addCorrection(state: LearningState, { score, loss }: WeighedLoss): void {
  // Below the limit a value would speak for the rung.
  const terms = { limit: state.budget, most: 1 / labelProbability(state) };
  const value = Math.max(loss, terms.limit);
  for (let rung = rungsAbove(state.ladder, score); rung < state.bets.length; rung += 1) {
    settleBet(state.bets[rung] as Bet, value, terms);
  }
  const threshold = thresholdOf(state);
  if (score !== null && threshold !== null && score >= threshold) threaten(state, { score, loss });
}

/**
 * What an answered check stands for where some fail: they are assumed to have failed by chance. Good
 * enough for alarms and reports, never for loosening, where every failure counts as a loss.
 */
export function weightForFailures({ totals }: Pick<LearningState, 'totals'>): number {
  const { answeredChecks, failedChecks } = totals;
  return 1 + failedChecks / (answeredChecks + ANSWERS_ASSUMED);
}

/** Counts which rungs a request of this browser reached. */
export function countReach({ reach, ladder }: LearningState, score: number | null): void {
  reach.requests += 1;
  for (let rung = rungsAbove(ladder, score); rung < ladder.length; rung += 1) {
    reach.rungs[rung] = (reach.rungs[rung] ?? 0) + 1;
  }
}

/** Multiplies the evidence that the present threshold loses more than alpha (a CUSUM e-detector). */
export function threaten(state: LearningState, { score, loss }: WeighedLoss): void {
  const threshold = thresholdOf(state);
  const isKept = score !== null && threshold !== null && score >= threshold;
  // Without checks only corrections speak, each with weight 1.
  const stake = labelProbability(state) || 1;
  state.threats = THREAT_STAKES.map((share, index) => {
    const factor = 1 + share * stake * ((isKept ? loss : 0) - state.settings.alpha);
    return Math.max(1, state.threats[index] ?? 1) * factor;
  });
}

export function threatOf({ threats }: Pick<LearningState, 'threats'>): number {
  return threats.reduce((sum, each) => sum + each, 0) / THREAT_STAKES.length;
}

/**
 * The loosest rung that may be moved to: every rung from the next one on is refuted to lose more than
 * the budget, one after the other. As the loss grows from rung to rung, the first that truly loses
 * more would have to be refuted wrongly, which happens with probability at most delta in this era.
 */
export function certifiedRung(state: LearningState): number {
  const { bets, rung } = state;
  const delta = certifyingDelta(state);
  let loosest = rung;
  for (let next = rung + 1; next < bets.length; next += 1) {
    const bet = bets[next];
    if (bet === undefined || !isRefuted(bet, delta)) break;
    if (isWorthKeeping(state, next, bet.sum / bet.count)) loosest = next;
  }
  return loosest;
}

/**
 * The rung that a certificate on the probation's labels gives: an exact binomial test at a number of
 * labels fixed beforehand, as at the start (certificate.ts), which is sharper there than the bets.
 */
export function recertifiedRung(state: LearningState): number {
  const { ladder, log, budget, probation } = state;
  const most = mostRefuting(probation.labels, budget, certifyingDelta(state));
  return ladder.findLastIndex((threshold, rung) => {
    const losses = log.losses.filter(({ score }) => score >= threshold).length;
    return losses <= most && isWorthKeeping(state, rung, losses / probation.labels);
  });
}

/**
 * Where nothing is kept two tests share the same labels, the exact one on a fixed number of them and
 * the bets that go on: half of the accepted risk for each.
 */
export function certifyingDelta({ rung, probation, settings }: LearningState): number {
  return rung < 0 || probation.isOver ? settings.delta / 2 : settings.delta;
}

/** A rung few requests reach keeps the budget even when all of them are lost: that is no gain. */
function isWorthKeeping(state: LearningState, rung: number, lossShare: number): boolean {
  const { requests, rungs } = state.reach;
  const isKnown = requests >= FEWEST_TO_KNOW_REACH;
  const keptShare = isKnown ? (rungs[rung] ?? 0) / requests : (state.keptShares[rung] ?? 0);
  return lossShare <= MOST_LOST_OF_KEPT * keptShare;
}

/** Rungs looser than this one must prove themselves anew, on requests from here on. */
export function endEvidenceBeyond(state: LearningState, rung: number): void {
  state.bets = state.bets.map((bet, each) => (each > rung ? createBet() : bet));
}

/** Drops what speaks for loosening: a new era began, or the judge was void. */
export function forgetEvidence(state: LearningState): void {
  state.bets = state.ladder.map(() => createBet());
  state.log = { losses: [], gap: 0, skipped: 0 };
  state.probation = { labels: 0, isOver: false };
  state.reach = { requests: 0, rungs: state.ladder.map(() => 0) };
}

function logLoss({ log }: LearningState, { score, loss }: WeighedLoss): void {
  if (loss === 0 || score === null) {
    log.gap += 1;
    return;
  }
  log.losses.push({ gap: log.gap, score, weight: loss });
  log.gap = 0;
  const dropped = log.losses.length > LOSSES_LOGGED ? log.losses.shift() : undefined;
  if (dropped !== undefined) log.skipped += dropped.gap + 1;
}
