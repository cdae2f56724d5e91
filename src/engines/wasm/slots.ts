import { EngineError } from '../../errors.ts';
import { createKeptLogits } from './kept-logits.ts';
import type { KeptLogits } from './kept-logits.ts';

/** One KV slot of the decoder. */
export interface Slot {
  readonly index: number;
  /** Exactly the tokens whose KV is in the slot, from position 0. */
  readonly tokens: number[];
  /** What the model said after the last of these tokens. */
  readonly kept: KeptLogits;
}

/** Which session has which slot. */
export interface SlotTable {
  /** Whether `take` would give the session a slot now. */
  canTake(sessionId: string): boolean;
  /**
   * The session's own slot, else a new one, else that of the session idle for longest. Throws
   * `TypeError` when the session's slot is in use or none is idle, `EngineError` `out-of-memory`
   * when not even one slot can be made.
   */
  take(sessionId: string): Slot;
  /**
   * Marks the slot idle; its KV stays for the session's next run. The slot of a `isOneShot` session,
   * which has none, is the next to be taken.
   */
  free(slot: Slot, options?: { readonly isOneShot?: boolean }): void;
}

interface Seat extends Slot {
  sessionId: string;
  isBusy: boolean;
}

/** `addSlot` makes one more slot and gives its index; each keeps up to `keptLogits` logits. */
export function createSlotTable(options: {
  readonly maxSlots: number;
  readonly keptLogits: number;
  readonly addSlot: () => number;
}): SlotTable {
  // Least recently used first.
  const seats: Seat[] = [];
  let maxSlots = options.maxSlots;
  return {
    canTake(sessionId) {
      const own = seats.find((seat) => seat.sessionId === sessionId);
      if (own !== undefined) return !own.isBusy;
      return seats.length < maxSlots || seats.some((seat) => !seat.isBusy);
    },
    take(sessionId) {
      const own = seats.find((seat) => seat.sessionId === sessionId);
      if (own?.isBusy === true) throw busySession();
      return occupy(own ?? addSeat() ?? emptyIdleSeat(), sessionId);
    },
    free(slot, { isOneShot = false } = {}) {
      const seat = seats.find(({ index }) => index === slot.index);
      if (seat === undefined || !seat.isBusy) return;
      seat.isBusy = false;
      seats.splice(seats.indexOf(seat), 1);
      if (isOneShot) seats.unshift(seat);
      else seats.push(seat);
    },
  };

  function addSeat(): Seat | null {
    if (seats.length >= maxSlots) return null;
    try {
      const kept = createKeptLogits(options.keptLogits);
      seats.push({ index: options.addSlot(), tokens: [], kept, sessionId: '', isBusy: false });
    } catch (error) {
      const isFull = error instanceof EngineError && error.code === 'out-of-memory';
      if (!isFull || seats.length === 0) throw error;
      // The memory is used up: make do with the slots there are.
      maxSlots = seats.length;
      return null;
    }
    return seats.at(-1) ?? null;
  }

  function emptyIdleSeat(): Seat {
    const seat = seats.find(({ isBusy }) => !isBusy);
    if (seat === undefined) throw noIdleSlot();
    seat.tokens.length = 0;
    seat.kept.cutTo(0);
    return seat;
  }

  function occupy(seat: Seat, sessionId: string): Seat {
    seat.sessionId = sessionId;
    seat.isBusy = true;
    return seat;
  }
}

/** How many tokens both lists start with. */
export function commonPrefixLength(left: readonly number[], right: readonly number[]): number {
  const end = Math.min(left.length, right.length);
  for (let index = 0; index < end; index++) if (left[index] !== right[index]) return index;
  return end;
}

function busySession(): TypeError {
  return new TypeError(
    'This session has a run that is not released. Call run.release() before model.start() again.',
  );
}

function noIdleSlot(): TypeError {
  return new TypeError(
    'All KV slots are in use. Ask model.canStart(sessionId) first, or release a run.',
  );
}
