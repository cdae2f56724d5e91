import type { SuggestionRequest, SuggestionSource } from '../types.ts';
import {
  hasRoomFor,
  insertAtCaret,
  isWritable,
  readSnapshot,
  replaceBeforeCaret,
  type TextField,
} from './field.ts';
import { keyAction } from './keys.ts';
import type { Overlay } from './overlay.ts';
import {
  type FieldEvent,
  initialState,
  isSameSnapshot,
  offeredText,
  type OfferState,
  transition,
} from './state.ts';

/** What happened to a ghost. Texts never leave through here, only their lengths. */
export type GhostEvent =
  | { readonly type: 'shown'; readonly length: number; readonly confidence: number | null }
  | { readonly type: 'accepted'; readonly length: number }
  | { readonly type: 'dismissed' }
  /** It went away by itself: the text, the caret or the focus moved on, or it was scrolled away. */
  | { readonly type: 'withdrawn' };

export interface ViewOptions {
  readonly field: TextField;
  readonly overlay: Overlay;
  readonly source: SuggestionSource;
  readonly fieldId: string;
  readonly pauseMs: number;
  /** Message for screen readers; `null` = say nothing. */
  readonly announcement: ((text: string) => string) | null;
  readonly onGhost: (event: GhostEvent) => void;
  readonly onError: (error: unknown) => void;
}

export interface View {
  readonly offered: string;
  accept(): boolean;
  dismiss(): void;
  stop(): void;
}

/** A screen reader hears a ghost only when it has stood still this long. */
const ANNOUNCE_AFTER_MS = 600;

interface Running {
  readonly options: ViewOptions;
  state: OfferState;
  pause: ReturnType<typeof setTimeout> | undefined;
  announcing: ReturnType<typeof setTimeout> | undefined;
  /** Ends what was asked of the source: to be ready, then to suggest. */
  asking: AbortController | null;
  /** The person is taking or dropping the ghost: it does not withdraw itself. */
  isSettling: boolean;
  /** What `onGhost` was told last: a ghost is there to be seen. */
  isShown: boolean;
  /** Text before the caret right after an acceptance that added a space; else `null`. */
  spaced: string | null;
}

/** Stands close to the word before it: the space that acceptance added goes again. */
const CLOSES_UP = /^[\p{Pe}\p{Pf}.,;:!?…%]$/u;

/** Runs the effects of one field: listens, waits, asks, shows. `stop` undoes all of it. */
export function startView(options: ViewOptions): View {
  const running: Running = {
    options,
    state: initialState(),
    pause: undefined,
    announcing: undefined,
    asking: null,
    isSettling: false,
    isShown: false,
    spaced: null,
  };
  const listening = new AbortController();
  listen(running, listening.signal);
  return {
    get offered() {
      return options.overlay.isVisible ? offeredText(running.state) : '';
    },
    accept: () => isOfferCurrent(running) && accept(running),
    dismiss: () => dismiss(running),
    stop() {
      listening.abort();
      dispatch(running, { type: 'left' });
    },
  };
}

function listen(running: Running, signal: AbortSignal): void {
  const field: HTMLElement = running.options.field;
  const owner = field.ownerDocument;
  const page = owner.defaultView;
  const place = (): void => onLayout(running);
  field.addEventListener('beforeinput', (event) => onBeforeInput(running, event), { signal });
  field.addEventListener('input', (event) => onInput(running, event), { signal });
  field.addEventListener('keydown', (event) => onKey(running, event), { signal });
  field.addEventListener('compositionstart', () => onComposition(running, true), { signal });
  field.addEventListener('compositionend', () => onComposition(running, false), { signal });
  field.addEventListener('blur', () => dispatch(running, { type: 'left' }), { signal });
  owner.addEventListener('selectionchange', () => onSelection(running), { signal });
  owner.addEventListener('scroll', place, { signal, capture: true, passive: true });
  page?.addEventListener('resize', place, { signal });
}

/** A comma after an accepted word belongs to the word, not behind the space that came with it. */
function onBeforeInput(running: Running, event: InputEvent): void {
  const { field } = running.options;
  const { spaced } = running;
  running.spaced = null;
  if (spaced === null || event.inputType !== 'insertText' || !CLOSES_UP.test(event.data ?? ''))
    return;
  const { before, hasSelection } = readSnapshot(field);
  if (hasSelection || before !== spaced) return;
  event.preventDefault();
  replaceBeforeCaret(field, event.data ?? '');
}

function onInput(running: Running, event: Event): void {
  // During composition the field holds text that may still be taken back.
  if (running.state.status === 'composing') return;
  const isTyping = event instanceof InputEvent && event.inputType === 'insertText';
  onText(running, isTyping);
}

function onComposition(running: Running, isStarting: boolean): void {
  if (!isStarting) onText(running, true);
  else {
    const snapshot = readSnapshot(running.options.field);
    dispatch(running, { type: 'composition-started', snapshot });
  }
}

/** A field can change after it lost focus (a late `compositionend`): that is nobody typing. */
function onText(running: Running, isTyping: boolean): void {
  const { field } = running.options;
  const type = isTyping && field.matches(':focus') ? 'typed' : 'edited';
  dispatch(running, { type, snapshot: readSnapshot(field) });
}

function onSelection(running: Running): void {
  const { field } = running.options;
  if (running.state.status === 'quiet' || !field.matches(':focus')) return;
  dispatch(running, { type: 'moved', snapshot: readSnapshot(field) });
}

/** A scroll or another layout can hide the ghost, and bring it back. */
function onLayout(running: Running): void {
  const { overlay } = running.options;
  overlay.place();
  if (overlay.isVisible !== running.isShown) tellOffer(running);
}

function onKey(running: Running, event: KeyboardEvent): void {
  const action = keyAction(event, running.options.overlay.isVisible);
  if (action === null || !isOfferCurrent(running)) return;
  event.preventDefault();
  event.stopPropagation();
  if (action === 'accept') accept(running);
  else dismiss(running);
}

/** Whether a ghost shows for the text as it is: a script may change a field without any event. */
function isOfferCurrent(running: Running): boolean {
  if (running.state.status !== 'offered' || !running.options.overlay.isVisible) return false;
  const snapshot = readSnapshot(running.options.field);
  if (isSameSnapshot(snapshot, running.state.snapshot)) return true;
  dispatch(running, { type: 'edited', snapshot });
  return false;
}

/** The insertion's own `input` event counts as typing, so the next ghost follows by itself. */
function accept(running: Running): true {
  const text = offeredText(running.state);
  settle(running, { type: 'edited', snapshot: running.state.snapshot });
  insertAtCaret(running.options.field, text);
  running.spaced = text.endsWith(' ') ? readSnapshot(running.options.field).before : null;
  running.options.onGhost({ type: 'accepted', length: text.length });
  return true;
}

function dismiss(running: Running): void {
  const wasShown = running.isShown;
  settle(running, { type: 'dismissed' });
  if (wasShown) running.options.onGhost({ type: 'dismissed' });
}

function settle(running: Running, event: FieldEvent): void {
  running.isSettling = true;
  dispatch(running, event);
  running.isSettling = false;
}

/** The only place where the state changes; what follows from the change happens here too. */
function dispatch(running: Running, event: FieldEvent): void {
  const previous = running.state;
  const next = transition(previous, event);
  if (next === previous) return;
  running.state = next;
  if (next.version !== previous.version) cancel(running);
  if (offeredText(next) !== offeredText(previous)) show(running);
  if (next.status === 'waiting' && next.version !== previous.version) wait(running);
}

/** The source gets ready during the pause, so that after it only new words are to be computed. */
function wait(running: Running): void {
  const { field, pauseMs, source } = running.options;
  const asking = new AbortController();
  running.asking = asking;
  running.pause = setTimeout(() => void ask(running, asking), pauseMs);
  if (!isWritable(field)) return;
  const prepare = async (): Promise<void> => source.prepare?.(toRequest(running, asking));
  // What fails here fails again when it counts.
  prepare().catch(() => undefined);
}

function toRequest({ options, state }: Running, { signal }: AbortController): SuggestionRequest {
  const { before, after } = state.snapshot;
  return { before, after, field: options.fieldId, signal };
}

function cancel(running: Running): void {
  clearTimeout(running.pause);
  running.asking?.abort(new DOMException('The text or the caret moved on.', 'AbortError'));
  running.asking = null;
}

function show(running: Running): void {
  running.options.overlay.show(offeredText(running.state));
  tellOffer(running);
}

/** Says what can be seen now: to screen readers once it stands still, to the page when it changed. */
function tellOffer(running: Running): void {
  const { overlay, onGhost } = running.options;
  const { state, isShown } = running;
  const { isVisible } = overlay;
  announce(running, isVisible ? offeredText(state) : '');
  running.isShown = isVisible;
  if (isVisible === isShown) return;
  if (isVisible && state.status === 'offered') {
    const confidence = state.suggestion.confidence.value;
    onGhost({ type: 'shown', length: state.text.length, confidence });
  } else if (!running.isSettling) onGhost({ type: 'withdrawn' });
}

function announce(running: Running, text: string): void {
  const { overlay, announcement } = running.options;
  clearTimeout(running.announcing);
  if (announcement === null) return;
  const message = text === '' ? '' : announcement(text);
  const delayMs = text === '' ? 0 : ANNOUNCE_AFTER_MS;
  running.announcing = setTimeout(() => overlay.announce(message), delayMs);
}

async function ask(running: Running, asking: AbortController): Promise<void> {
  const { field, source, onError } = running.options;
  const { version } = running.state;
  if (!isWritable(field)) return;
  try {
    const suggestion = await source.suggest(toRequest(running, asking));
    if (asking.signal.aborted) return;
    const offer = suggestion !== null && hasRoomFor(field, suggestion.text) ? suggestion : null;
    const now = readSnapshot(field);
    dispatch(running, { type: 'answered', version, snapshot: now, suggestion: offer });
  } catch (error) {
    // An abort is our own doing; anything else the page should know.
    if (!asking.signal.aborted) onError(error);
  } finally {
    if (running.asking === asking) running.asking = null;
  }
}
