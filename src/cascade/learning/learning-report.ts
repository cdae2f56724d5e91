import { listProposals, type Proposal } from './alternatives.ts';
import { type JudgeStanding, judgeStanding } from './canaries.ts';
import type { LearningChange, LearningState, LearningTotals } from './state.ts';
import { thresholdOf } from './state.ts';

/** What people are shown of a loop. */
export interface LearningReport {
  /** Keep a request whose score is this or higher; `null` keeps nothing. */
  readonly threshold: number | null;
  readonly isFrozen: boolean;
  readonly judge: JudgeStanding;
  /** Of the latest window; estimates are `null` while no checks ran. */
  readonly window: {
    readonly requests: number;
    readonly keptShare: number | null;
    readonly lossShare: number | null;
    /** Standard error of the loss, from the weights. */
    readonly lossError: number | null;
  };
  /** US dollars, checks included, per answer that was shown and not lost; `null` = not known. */
  readonly costPerCorrectUsd: number | null;
  /** Checks as a share of all requests. */
  readonly shadowShare: number;
  /** Never applied by the loop itself. */
  readonly proposals: readonly Proposal[];
  readonly totals: LearningTotals;
  readonly history: readonly LearningChange[];
}

export function createReport(state: LearningState): LearningReport {
  const { totals, settings } = state;
  const checks = totals.checks + totals.canaries;
  return {
    threshold: thresholdOf(state),
    isFrozen: state.isFrozen,
    judge: judgeStanding(state, settings.delta),
    window: describeWindow(state),
    costPerCorrectUsd: costPerCorrect(totals),
    shadowShare: totals.requests === 0 ? 0 : checks / totals.requests,
    proposals: listProposals(state.alternatives, settings.delta),
    totals: structuredClone(totals),
    history: structuredClone(state.history),
  };
}

function describeWindow({ parts }: LearningState): LearningReport['window'] {
  const sum = (name: 'requests' | 'kept' | 'sampled' | 'lost' | 'squares'): number =>
    parts.reduce((total, part) => total + part[name], 0);
  const [requests, sampled] = [sum('requests'), sum('sampled')];
  const lossShare = sampled === 0 ? null : sum('lost') / sampled;
  return {
    requests,
    keptShare: requests === 0 ? null : sum('kept') / requests,
    lossShare,
    lossError:
      lossShare === null
        ? null
        : Math.sqrt(Math.max(0, sum('squares') / sampled - lossShare ** 2) / sampled),
  };
}

function costPerCorrect(totals: LearningTotals): number | null {
  const { requests, sampled, lost, costUsd, shadowUsd } = totals;
  if (sampled === 0 || totals.unknownCosts + totals.shadowUnknownCosts > 0) return null;
  const correct = requests * (1 - lost / sampled);
  return correct > 0 ? (costUsd + shadowUsd) / correct : null;
}
