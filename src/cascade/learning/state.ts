import { certifyThreshold, type LabelledScore } from '../certificate.ts';
import type { Receipt } from '../../types.ts';
import type { Alternative } from './alternatives.ts';
import { type Bet, createBet } from './bets.ts';
import { createDriftWatch, type DriftWatch } from './drift.ts';
import { clampToBounds, makeLadder, rungAt } from './ladder.ts';
import { type LearningSettings, readSettings, windowBudget } from './settings.ts';

/** Why a threshold moved, or an alarm was raised. */
export type ChangeReason =
  | 'certificate'
  | 'not-certifiable'
  | 'drift'
  | 'loss-evidence'
  | 'user-corrections'
  | 'certified'
  | 'recertified'
  | 'judge-void'
  | 'owner-undo'
  | 'owner-freeze'
  | 'owner-unfreeze'
  | 'owner-bounds';

/** One dated, explained entry of the history. `from` equals `to` when only an alarm was raised. */
export interface LearningChange {
  readonly id: number;
  readonly atMs: number;
  readonly kind: 'start' | 'tighten' | 'loosen' | 'notice';
  readonly reason: ChangeReason;
  /** Keep a request whose score is this or higher; `null` keeps nothing. */
  readonly from: number | null;
  readonly to: number | null;
  /** The numbers behind it, by name. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Set once the owner has taken it back. */
  isUndone?: boolean;
}

/** A check or canary that the ledger has to charge. */
export interface ShadowCharge {
  readonly purpose: 'check' | 'canary';
  readonly receipt: Receipt;
}

/** Losses kept for other browsers; older ones are dropped. */
export const LOSSES_LOGGED = 2_000;

/** A loss seen by a check: how many requests without one came before it, and what it stands for. */
export interface LoggedLoss {
  readonly gap: number;
  readonly score: number;
  /** 1 / the probability that it was checked. */
  readonly weight: number;
}

/** A drawn label that has not come back yet. */
export interface OpenPlan {
  readonly id: number;
  readonly atMs: number;
  readonly kind: 'check' | 'free';
  readonly probability: number;
  readonly leastProbability: number;
}

export interface LossLog {
  losses: LoggedLoss[];
  /** Requests since the last loss in the list. */
  gap: number;
  /** Requests counted before the first one of the list; the oldest losses are dropped. */
  skipped: number;
}

export interface LearningTotals {
  requests: number;
  kept: number;
  /** Requests while checks were running: what the estimated losses refer to. */
  sampled: number;
  /** Requests lost among those, estimated with inverse-probability weights. */
  lost: number;
  checks: number;
  /** Checks that came back with a verdict, and those that failed or never came back. */
  answeredChecks: number;
  failedChecks: number;
  canaries: number;
  corrections: number;
  /** US dollars of all answers, checks not counted. */
  costUsd: number;
  /** Answers whose cost nobody knew. */
  unknownCosts: number;
  shadowUsd: number;
  /** Checks whose cost nobody knew. */
  shadowUnknownCosts: number;
  shadowCarbonGrams: { low: number; mid: number; high: number };
  /** Checks whose carbon nobody knew. */
  shadowUnknownCarbon: number;
}

/** Part of a window: kept for the estimate of the recent loss. */
export interface WindowPart {
  requests: number;
  kept: number;
  sampled: number;
  lost: number;
  squares: number;
}

/** All that learning knows of one model and task. Plain JSON; change it through the loop only. */
export interface LearningState {
  readonly version: 1;
  /** Which model and task these scores come from; labels of another key are refused. */
  readonly key: string;
  /** Random name of this browser, so that its labels are pooled once. */
  readonly source: string;
  settings: LearningSettings;
  /** The loss rate that certified steps aim at: `windowBudget(settings)`. */
  readonly budget: number;
  /** Thresholds that can be chosen, strict to loose. */
  readonly ladder: readonly number[];
  /** Share of the labels that each rung keeps; falls back to equal steps without labels. */
  readonly keptShares: readonly number[];
  /** Index in the ladder; −1 keeps nothing. */
  rung: number;
  /** Where the certificate put it: what a void judge takes the loop back to. */
  certifiedRung: number;
  isFrozen: boolean;
  /** Counts alarms: evidence of different eras is never mixed. */
  era: number;
  eraStartedAtMs: number;
  /** Requests of this era labelled while nothing was kept; once they sufficed it is over. */
  probation: { labels: number; isOver: boolean };
  /** One bet per rung against "keeping from here on loses more than the budget". */
  bets: Bet[];
  /** This browser's requests behind the bets, and how many of them reached each rung. */
  reach: { requests: number; rungs: number[] };
  /** Evidence that the present threshold loses more than alpha, one value per stake. */
  threats: number[];
  drift: DriftWatch;
  /** Verdicts on the latest canaries: `true` = a known-wrong answer was passed. */
  canaries: boolean[];
  canaryBet: Bet;
  spentUsd: number;
  spendingDay: number;
  /** Plans whose labels are awaited, oldest first: a label that never comes may not pass for a good one. */
  open: OpenPlan[];
  nextPlanId: number;
  log: LossLog;
  /** How far the labels of other browsers were read. */
  imported: Record<string, { era: number; sequence: number }>;
  alternatives: Record<string, Alternative>;
  charges: ShadowCharge[];
  parts: WindowPart[];
  totals: LearningTotals;
  history: LearningChange[];
  nextChangeId: number;
}

export interface StartLearningOptions {
  readonly key: string;
  readonly source: string;
  /** Labelled requests the first threshold is certified on; none: it starts by keeping nothing. */
  readonly labels?: readonly LabelledScore[];
  readonly settings?: Partial<LearningSettings>;
  readonly nowMs: number;
}

/** A state at its start: the certificate's threshold, or nothing kept where none can be certified. */
export function startLearning(options: StartLearningOptions): LearningState {
  const { key, source, labels = [], nowMs } = options;
  const settings = readSettings(options.settings);
  const budget = windowBudget(settings);
  const certificate = certifyThreshold(labels, { alpha: budget, delta: settings.delta });
  const isCertified = certificate.status === 'certified';
  const { ladder, keptShares } = makeLadder(labels, isCertified ? certificate.threshold : null);
  const certified = isCertified ? rungAt(ladder, certificate.threshold) : -1;
  const rung = clampToBounds(ladder, certified, settings.bounds);
  const change: LearningChange = {
    id: 1,
    atMs: nowMs,
    kind: 'start',
    reason: isCertified ? 'certificate' : 'not-certifiable',
    from: null,
    to: ladder[rung] ?? null,
    numbers: {
      labels: certificate.labels,
      budget,
      delta: settings.delta,
      ...(isCertified ? { lossBound: certificate.lossBound } : {}),
    },
  };
  return {
    version: 1,
    key,
    source,
    settings,
    budget,
    ladder,
    keptShares,
    rung,
    certifiedRung: rung,
    isFrozen: false,
    era: 1,
    eraStartedAtMs: nowMs,
    probation: { labels: 0, isOver: false },
    bets: ladder.map(() => createBet()),
    reach: { requests: 0, rungs: ladder.map(() => 0) },
    threats: [],
    drift: createDriftWatch(ladder, rung, labels),
    canaries: [],
    canaryBet: createBet(),
    spentUsd: 0,
    spendingDay: 0,
    open: [],
    nextPlanId: 1,
    log: { losses: [], gap: 0, skipped: 0 },
    imported: {},
    alternatives: {},
    charges: [],
    parts: [],
    totals: createTotals(),
    history: [change],
    nextChangeId: 2,
  };
}

/** The present threshold; `null` keeps nothing. */
export function thresholdOf({
  ladder,
  rung,
}: Pick<LearningState, 'ladder' | 'rung'>): number | null {
  return ladder[rung] ?? null;
}

function createTotals(): LearningTotals {
  return {
    requests: 0,
    kept: 0,
    sampled: 0,
    lost: 0,
    checks: 0,
    answeredChecks: 0,
    failedChecks: 0,
    canaries: 0,
    corrections: 0,
    costUsd: 0,
    unknownCosts: 0,
    shadowUsd: 0,
    shadowUnknownCosts: 0,
    shadowCarbonGrams: { low: 0, mid: 0, high: 0 },
    shadowUnknownCarbon: 0,
  };
}
