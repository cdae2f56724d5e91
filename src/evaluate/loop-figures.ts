import { isLoss, type Outcome } from '../cascade/outcome.ts';
import type { ReplayJudge, ReplayTrace } from './replay-loop.ts';

/** One stream: what it was certified on, and the requests, half of them after the shift. */
export interface LoopStream {
  readonly labels: readonly Outcome[];
  readonly requests: readonly Outcome[];
  /** Position of the first request after the shift. */
  readonly shiftAt: number;
}

export interface LoopOptions {
  readonly alpha: number;
  readonly delta: number;
  readonly shadowRate: number;
  /** Windows the loss is held over, in requests. */
  readonly windowRequests: number;
  /** Runs in all, spread over the streams; each draws its own checks. */
  readonly runs: number;
  readonly seed: number;
  readonly dataSha256: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** The figures of one run. */
export interface LoopFigures {
  readonly lossBefore: number;
  readonly lossAfter: number;
  readonly keptBefore: number;
  readonly keptAfter: number;
  /** Checks as a share of all requests. */
  readonly shadowShare: number;
  readonly alarms: number;
  /**
   * Requests after the shift until one meets a threshold whose loss on the whole second half is
   * within the budget; `null` when none does.
   */
  readonly recoveryRequests: number | null;
  /** Highest loss over any `windowRequests` requests in a row, before and from the shift on. */
  readonly worstWindowBefore: number;
  readonly worstWindowAfter: number;
  /** Share of all such windows that lose more than alpha. */
  readonly windowsOver: number;
  readonly loosenings: number;
}

/** What one run gives: the loop, its baseline, and how often lying judges loosened it. */
export interface LoopRun {
  readonly loop: LoopFigures;
  readonly frozen: LoopFigures;
  readonly liars: Readonly<Record<Liar, LoopFigures>>;
}

export type Liar = Exclude<ReplayJudge, 'honest'>;

export const LIARS: readonly Liar[] = ['always-yes', 'always-no', 'random'];

const ROUNDING = 1e-9;

/** Reduces what happened to every request to the figures of the run. */
export function measureLoop(
  trace: ReplayTrace,
  { requests, shiftAt }: Pick<LoopStream, 'requests' | 'shiftAt'>,
  { alpha, windowRequests }: Pick<LoopOptions, 'alpha' | 'windowRequests'>,
): LoopFigures {
  const { kept, lost, checks, alarms, loosenings } = trace;
  const end = lost.length;
  const windows = slidingLoss(lost, windowRequests);
  const before = windows.subarray(0, Math.max(0, shiftAt - windowRequests + 1));
  const after = windows.subarray(before.length);
  return {
    lossBefore: mean(lost, 0, shiftAt),
    lossAfter: mean(lost, shiftAt, end),
    keptBefore: mean(kept, 0, shiftAt),
    keptAfter: mean(kept, shiftAt, end),
    shadowShare: checks / end,
    alarms: alarms.length,
    recoveryRequests: countRecovery(trace, requests.slice(shiftAt), { shiftAt, alpha }),
    worstWindowBefore: highest(before),
    worstWindowAfter: highest(after),
    // Shares of whole requests are not exact in binary.
    windowsOver: windows.filter((loss) => loss > alpha + ROUNDING).length / windows.length,
    loosenings,
  };
}

function countRecovery(
  { thresholds }: ReplayTrace,
  after: readonly Outcome[],
  { shiftAt, alpha }: { readonly shiftAt: number; readonly alpha: number },
): number | null {
  const lossAt = new Map<number, number>();
  const isWithin = (threshold: number): boolean => {
    const known = lossAt.get(threshold);
    const loss = known ?? shareLost(after, threshold);
    lossAt.set(threshold, loss);
    return loss <= alpha;
  };
  const found = thresholds.subarray(shiftAt).findIndex((threshold) => isWithin(threshold));
  return found < 0 ? null : found;
}

function shareLost(outcomes: readonly Outcome[], threshold: number): number {
  const lost = outcomes.filter(
    (outcome) => (outcome.score ?? -Infinity) >= threshold && isLoss(outcome),
  );
  return lost.length / outcomes.length;
}

/** Loss of every window, named by its last request; windows of the first requests are left out. */
export function slidingLoss(lost: Uint8Array, windowRequests: number): Float64Array {
  const windows = new Float64Array(Math.max(0, lost.length - windowRequests + 1));
  let sum = 0;
  for (const [index, value] of lost.entries()) {
    sum += value - (lost[index - windowRequests] ?? 0);
    if (index >= windowRequests - 1) windows[index - windowRequests + 1] = sum / windowRequests;
  }
  return windows;
}

function mean(values: Uint8Array, from: number, to: number): number {
  let sum = 0;
  for (let index = from; index < to; index += 1) sum += values[index] ?? 0;
  return sum / (to - from);
}

function highest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
