import { setBounds, setFrozen, undoChange } from './changes.ts';
import { cleanScore } from './clean-number.ts';
import { exportLabels, importLabels, type LabelExport } from './label-pool.ts';
import { createReport, type LearningReport } from './learning-report.ts';
import { addCorrection, threaten } from './loss-evidence.ts';
import { cleanObservation, type Correction, type Observation } from './observation.ts';
import { addObserved } from './observed-evidence.ts';
import { giveUpAll } from './open-plans.ts';
import { parseLearningState } from './parse-state.ts';
import { loosen, reactToCanary, reactToDrift, reactToThreat } from './reactions.ts';
import type { ThresholdBounds } from './settings.ts';
import { planShadow, type ShadowPlan, type ShadowRequest } from './shadow.ts';
import {
  type LearningChange,
  type LearningState,
  type ShadowCharge,
  thresholdOf,
} from './state.ts';
import { addToTotals, settleCharge } from './tally.ts';

export interface LearningLoopOptions {
  /** From `startLearning`, or what `snapshot()` gave earlier. */
  readonly state: LearningState;
  readonly now: () => number;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly onChange?: (change: LearningChange) => void;
}

/**
 * Moves one threshold: down (keep more) only on a certified test, up at once on an alarm. It never
 * sends anything itself: it says which requests to check, and is told what came out.
 */
export interface LearningLoop {
  /** Keep a request whose score is this or higher; `null` keeps nothing. */
  readonly threshold: number | null;
  /** Whether to check this request. Ask once per request, before the cloud is called. */
  plan(request: ShadowRequest): ShadowPlan;
  /** How a request went; tell it of every planned one, also when it failed. Gives the changes it caused, oldest first. */
  observe(observation: Observation): LearningChange[];
  /** A person took a kept answer back or changed it: this only ever tightens. */
  correct(correction: Correction): LearningChange[];
  /** Holds the threshold; evidence and alarms go on being recorded. */
  freeze(): LearningChange;
  unfreeze(): LearningChange;
  /** Takes the latest change back; `null` when there is none left. */
  undo(): LearningChange | null;
  setBounds(bounds: ThresholdBounds): LearningChange;
  /** Labels of this browser, without text, for the owner to pool. */
  exportLabels(): LabelExport;
  /** Adds another browser's labels; see `importLabels` for its errors. Gives how many were new. */
  importLabels(labels: unknown): number;
  /** The checks' receipts since the last call, for the ledger. */
  takeCharges(): ShadowCharge[];
  report(): LearningReport;
  /** Plain JSON, to be stored. */
  snapshot(): LearningState;
}

/** How many lost requests a correction stands for: an edit may be a matter of taste. */
const CORRECTION_WEIGHTS: Readonly<Record<Correction['kind'], number>> = { undo: 1, edit: 0.5 };

/** @throws DataError `bad-state` when the state is damaged. */
export function createLearningLoop(options: LearningLoopOptions): LearningLoop {
  const { now, random, onChange } = options;
  const state = parseLearningState(options.state);
  // Whoever awaited them is gone.
  giveUpAll(state);

  function tell(changes: LearningChange[]): LearningChange[] {
    for (const change of changes) onChange?.(change);
    return changes;
  }

  function tellOne(change: LearningChange): LearningChange {
    onChange?.(change);
    return change;
  }

  return {
    get threshold() {
      return thresholdOf(state);
    },
    plan: (request) => planShadow(state, request, { random, nowMs: now() }),
    observe(observation) {
      const seen = cleanObservation(observation);
      const loss = addObserved(state, seen);
      addToTotals(state, seen, loss);
      settleCharge(state, seen);
      // Without checks every request counts as one that nobody took back.
      if (state.settings.shadowRate === 0) threaten(state, { score: seen.score, loss: 0 });
      return tell([
        ...reactToCanary(state, seen, now()),
        ...reactToThreat(state, { reason: 'loss-evidence', numbers: {}, nowMs: now() }),
        ...reactToDrift(state, seen, { random: random(), nowMs: now() }),
        ...loosen(state, now()),
      ]);
    },
    correct(correction) {
      const { kind } = correction;
      const score = cleanScore(correction.score);
      state.totals.corrections += 1;
      const loss = CORRECTION_WEIGHTS[kind];
      addCorrection(state, { score, loss });
      return tell(reactToThreat(state, { reason: 'user-corrections', numbers: {}, nowMs: now() }));
    },
    freeze: () => tellOne(setFrozen(state, true, now())),
    unfreeze: () => tellOne(setFrozen(state, false, now())),
    undo() {
      const change = undoChange(state, now());
      return change === null ? null : tellOne(change);
    },
    setBounds: (bounds) => tellOne(setBounds(state, bounds, now())),
    exportLabels: () => exportLabels(state),
    importLabels(labels) {
      const added = importLabels(state, labels);
      tell(reactToThreat(state, { reason: 'loss-evidence', numbers: {}, nowMs: now() }));
      tell(loosen(state, now()));
      return added;
    },
    takeCharges: () => state.charges.splice(0),
    report: () => createReport(state),
    snapshot: () => structuredClone(state),
  };
}
