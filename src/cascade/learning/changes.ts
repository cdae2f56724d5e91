import { forgetLabelsAbove } from './drift.ts';
import { endEvidenceBeyond } from './loss-evidence.ts';
import { clampToBounds, rungAt } from './ladder.ts';
import { type ThresholdBounds, readBounds } from './settings.ts';
import {
  type ChangeReason,
  type LearningChange,
  type LearningState,
  thresholdOf,
} from './state.ts';

/** Entries kept; the oldest go first. */
const HISTORY_LENGTH = 200;

export interface Cause {
  readonly reason: ChangeReason;
  readonly numbers: LearningChange['numbers'];
  readonly nowMs: number;
}

/**
 * Moves the threshold to a rung, inside the owner's bounds and unless it is frozen, and writes it
 * down. What could not be done is written down too: an alarm is never silent.
 */
export function moveTo(state: LearningState, rung: number, cause: Cause): LearningChange {
  return place(state, state.isFrozen ? state.rung : rung, cause);
}

/** Only the owner: nothing is changed automatically until `unfreeze`; alarms are still recorded. */
export function setFrozen(state: LearningState, isFrozen: boolean, nowMs: number): LearningChange {
  state.isFrozen = isFrozen;
  const reason = isFrozen ? 'owner-freeze' : 'owner-unfreeze';
  return place(state, state.rung, { reason, numbers: {}, nowMs });
}

/** @throws TypeError for impossible bounds. */
export function setBounds(
  state: LearningState,
  bounds: ThresholdBounds,
  nowMs: number,
): LearningChange {
  state.settings = { ...state.settings, bounds: readBounds(bounds) };
  return place(state, state.rung, { reason: 'owner-bounds', numbers: {}, nowMs });
}

/**
 * Takes the latest change of the threshold back that was not taken back yet; `null` when there is
 * none. This is the owner's word, not a certified step, also where it loosens.
 */
export function undoChange(state: LearningState, nowMs: number): LearningChange | null {
  const undone = state.history.findLast(
    ({ kind, isUndone }) => (kind === 'tighten' || kind === 'loosen') && isUndone !== true,
  );
  if (undone === undefined) return null;
  undone.isUndone = true;
  const rung = undone.from === null ? -1 : rungAt(state.ladder, undone.from);
  const change = place(state, rung, {
    reason: 'owner-undo',
    numbers: { undoneChange: undone.id },
    nowMs,
  });
  // Taking it back is not itself something to take back: the next undo goes further into the past.
  change.isUndone = true;
  return change;
}

/** The loosest rung that keeps at most `share` of what the present one keeps; −1 = nothing. */
export function rungKeeping({ rung, keptShares }: LearningState, share: number): number {
  const most = (keptShares[rung] ?? 0) * share;
  return keptShares.findLastIndex((kept, index) => index < rung && kept <= most);
}

function place(state: LearningState, wanted: number, { reason, numbers, nowMs }: Cause) {
  const rung = clampToBounds(state.ladder, wanted, state.settings.bounds);
  const from = thresholdOf(state);
  const kind = rung === state.rung ? 'notice' : rung < state.rung ? 'tighten' : 'loosen';
  state.rung = rung;
  if (kind !== 'notice') state.threats = [];
  // What was closed opens again on new proof only: the old one would take it back at once.
  if (kind === 'tighten') endEvidenceBeyond(state, rung);
  forgetLabelsAbove(state.drift, rung);
  const change: LearningChange = {
    id: state.nextChangeId,
    atMs: nowMs,
    kind,
    reason,
    from,
    to: thresholdOf(state),
    numbers,
  };
  state.nextChangeId += 1;
  state.history = [...state.history, change].slice(-HISTORY_LENGTH);
  return change;
}
