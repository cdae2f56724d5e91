import { PRIORITIES } from './protocol.ts';
import type { Priority } from './protocol.ts';

/** What the schedule must know of a run; both counters only grow, so they also order runs. */
export interface Turn {
  readonly priority: Priority;
  /** Position in the order of arrival. */
  readonly arrival: number;
  /** Position of its last step in the order of all steps; 0 before the first. */
  readonly lastStep: number;
}

/** A run that waits for a KV slot. */
export interface Candidate extends Turn {
  readonly sessionId: string;
}

export interface SlotState {
  readonly maxSlots: number;
  /** Whether the engine has a slot for this session now. */
  canStart(sessionId: string): boolean;
}

/** The run that computes next: highest priority, among equals the one that waited longest. */
export function pickTurn<Run extends Turn>(ready: readonly Run[]): Run | undefined {
  return ready.toSorted(compareTurns)[0];
}

/**
 * The waiting run that gets a slot next. Runs below `keystroke` leave one slot free (where there
 * is more than one), since a run cannot lose its slot and typing must not wait for a long answer.
 */
export function pickStart<Run extends Candidate>(
  waiting: readonly Run[],
  active: readonly Turn[],
  slots: SlotState,
): Run | undefined {
  const patient = active.filter((run) => run.priority !== 'keystroke').length;
  const patientLimit = Math.max(1, slots.maxSlots - 1);
  return waiting
    .toSorted(compareTurns)
    .find(
      (run) =>
        (run.priority === 'keystroke' || patient < patientLimit) && slots.canStart(run.sessionId),
    );
}

function compareTurns(left: Turn, right: Turn): number {
  return (
    PRIORITIES.indexOf(left.priority) - PRIORITIES.indexOf(right.priority) ||
    left.lastStep - right.lastStep ||
    left.arrival - right.arrival
  );
}
