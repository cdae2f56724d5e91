import type { Suggestion } from '../types.ts';

/** The field's text around the caret at one moment. */
export interface Snapshot {
  readonly before: string;
  readonly after: string;
  readonly hasSelection: boolean;
}

interface Moment {
  /** Grows with every event that makes earlier answers worthless. */
  readonly version: number;
  readonly snapshot: Snapshot;
  /** Whole text a dismissed ghost would have led to: the same offer is not made again. */
  readonly refused: string | null;
}

/**
 * ```
 * quiet ──typed──► waiting ──answered──► offered ──typed along──► offered
 *   ▲                 │                     │
 *   └── edited, moved, dismissed, left ─────┘        composing: silent until it ends
 * ```
 */
export type OfferState =
  | (Moment & { readonly status: 'quiet' | 'composing' | 'waiting' })
  | (Moment & {
      readonly status: 'offered';
      /** Exactly what acceptance inserts now. */
      readonly text: string;
      readonly suggestion: Suggestion;
    });

export type FieldEvent =
  /** Letters were typed at the caret. */
  | { readonly type: 'typed'; readonly snapshot: Snapshot }
  /** Any other change: delete, paste, undo, drop. */
  | { readonly type: 'edited'; readonly snapshot: Snapshot }
  | { readonly type: 'moved'; readonly snapshot: Snapshot }
  | { readonly type: 'composition-started'; readonly snapshot: Snapshot }
  | {
      readonly type: 'answered';
      readonly version: number;
      readonly snapshot: Snapshot;
      readonly suggestion: Suggestion | null;
    }
  | { readonly type: 'dismissed' }
  /** The field lost focus, or the attachment was taken off. */
  | { readonly type: 'left' };

const NOWHERE: Snapshot = { before: '', after: '', hasSelection: false };

/** State of a field nobody has typed in yet. */
export function initialState(): OfferState {
  return { status: 'quiet', version: 0, snapshot: NOWHERE, refused: null };
}

/** The state after an event. Returns the same object when nothing changed. */
export function transition(state: OfferState, event: FieldEvent): OfferState {
  switch (event.type) {
    case 'typed':
      return typed(state, event.snapshot);
    case 'edited':
      return quiet({ ...state, refused: null }, event.snapshot);
    case 'moved':
      return moved(state, event.snapshot);
    case 'composition-started':
      return { ...quiet(state, event.snapshot), status: 'composing' };
    case 'answered':
      return answered(state, event);
    case 'dismissed':
      return dismissed(state);
    case 'left':
      return quiet({ ...state, refused: null }, state.snapshot);
  }
}

/** What the ghost shows: the offered text, or nothing. */
export function offeredText(state: OfferState): string {
  return state.status === 'offered' ? state.text : '';
}

export function isSameSnapshot(one: Snapshot, other: Snapshot): boolean {
  return (
    one.before === other.before &&
    one.after === other.after &&
    one.hasSelection === other.hasSelection
  );
}

/**
 * Whether a ghost fits here at all. An overlay cannot push text aside, so the rest of the line must
 * be blank; with nothing typed there is nothing to continue.
 */
export function canOffer(snapshot: Snapshot): boolean {
  if (snapshot.hasSelection || snapshot.before.trim() === '') return false;
  return restOfLine(snapshot.after).trim() === '';
}

function typed(state: OfferState, snapshot: Snapshot): OfferState {
  const along = typedAlong(state, snapshot);
  if (along !== null) return along;
  const next = quiet(state, snapshot);
  return canOffer(snapshot) ? { ...next, status: 'waiting' } : next;
}

/** The shrunk ghost when the new letters are its first ones; `null` when they are not. */
function typedAlong(state: OfferState, snapshot: Snapshot): OfferState | null {
  if (state.status !== 'offered' || snapshot.hasSelection) return null;
  if (snapshot.after !== state.snapshot.after) return null;
  if (!snapshot.before.startsWith(state.snapshot.before)) return null;
  const added = snapshot.before.slice(state.snapshot.before.length);
  if (added === '' || !state.text.startsWith(added)) return null;
  const text = state.text.slice(added.length);
  if (text.trim() === '') return null;
  return { ...state, version: state.version + 1, snapshot, text };
}

function moved(state: OfferState, snapshot: Snapshot): OfferState {
  if (state.status === 'composing' || isSameSnapshot(state.snapshot, snapshot)) return state;
  return quiet(state, snapshot);
}

function answered(
  state: OfferState,
  event: Extract<FieldEvent, { readonly type: 'answered' }>,
): OfferState {
  if (state.status !== 'waiting' || event.version !== state.version) return state;
  if (!isSameSnapshot(state.snapshot, event.snapshot)) return quiet(state, event.snapshot);
  const text = fit(event.suggestion?.text ?? '', state.snapshot.after);
  const isRefused = state.snapshot.before + text === state.refused;
  if (event.suggestion === null || text.trim() === '' || isRefused) {
    return { ...state, status: 'quiet' };
  }
  return { ...state, status: 'offered', text, suggestion: event.suggestion };
}

function dismissed(state: OfferState): OfferState {
  if (state.status === 'composing') return state;
  const refused = state.status === 'offered' ? state.snapshot.before + state.text : state.refused;
  return { ...quiet(state, state.snapshot), refused };
}

function quiet(state: OfferState, snapshot: Snapshot): OfferState {
  const { version, refused } = state;
  return { status: 'quiet', version: version + 1, snapshot, refused };
}

/** One line only, and no second space where one follows already. */
function fit(text: string, after: string): string {
  const line = restOfLine(text);
  return /^[ \t\u00a0]/.test(after) ? line.trimEnd() : line;
}

function restOfLine(text: string): string {
  const end = text.search(/[\r\n]/);
  return end === -1 ? text : text.slice(0, end);
}
