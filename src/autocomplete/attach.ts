import { PolicyError } from '../errors.ts';
import type { SuggestionSource } from '../types.ts';
import { isTextField, refusalOf, type TextField } from './field.ts';
import { createOverlay } from './overlay.ts';
import { type GhostEvent, startView } from './view.ts';
import { watchWritten } from './written.ts';

export interface AttachOptions {
  /** Where the ghost's text comes from: a runtime's `complete`, or anything of that shape. */
  readonly source: SuggestionSource;
  /** Stable id of the field, which is its session in the engine. Default: a new one. */
  readonly fieldId?: string;
  /** Pause in typing before the source is asked, in milliseconds. Default 60. */
  readonly pauseMs?: number;
  /**
   * What screen readers hear (in a polite live region) once a ghost has stood still; `null` says
   * nothing. Default: an English sentence with the text and the key.
   */
  readonly announcement?: ((text: string) => string) | null;
  /** Told when a ghost appears, is taken, dropped, or goes away by itself. */
  readonly onGhost?: (event: GhostEvent) => void;
  /** Told when the source fails; aborts are not failures. Default: the page's error event. */
  readonly onError?: (error: unknown) => void;
}

export interface Attachment {
  /** The text the ghost offers now, exactly as acceptance would insert it; empty when none. */
  readonly offered: string;
  /**
   * Takes the ghost, as Tab does; for a button on touch screens. `false` when there was none. The
   * button must keep the focus in the field: call `preventDefault()` on its `pointerdown`.
   */
  accept(): boolean;
  /** Drops the ghost, as Escape does. */
  dismiss(): void;
  /** Takes ghost, listeners and live region off again. May be called twice. */
  detach(): void;
}

/** Within the 50 to 150 ms in which a ghost still feels instant. */
const DEFAULT_PAUSE_MS = 60;

/**
 * Shows ghost text from `source` in a text field while a person types: Tab takes it as one undo
 * step, Escape drops it. The field stays the author's own element and is never changed by a ghost.
 * Nothing is offered while the field is read-only or disabled.
 *
 * @throws TypeError when `field` is not a `<textarea>` or `<input>`, or there is no source.
 * @throws PolicyError `refused` for fields that must not be read: passwords, one-time codes, card
 *   data, `data-private`, numeric fields and inputs that are not text.
 * @example
 * const attachment = attach(document.querySelector('textarea'), { source: edge.complete });
 */
export function attach(field: TextField, options: AttachOptions): Attachment {
  checkArguments(field, options);
  const overlay = createOverlay(field);
  const restoreBrowserSuggestions = silenceBrowserSuggestions(field);
  const fieldId = options.fieldId ?? idOf(field);
  const stopWatching = watchWritten(field, {
    fieldId,
    onWritten: (written) => options.source.learn?.(written),
  });
  const view = startView({
    field,
    overlay,
    source: options.source,
    fieldId,
    pauseMs: options.pauseMs ?? DEFAULT_PAUSE_MS,
    announcement: options.announcement === undefined ? englishAnnouncement : options.announcement,
    onGhost: options.onGhost ?? (() => {}),
    onError: options.onError ?? reportError,
  });
  return {
    get offered() {
      return view.offered;
    },
    accept: () => view.accept(),
    dismiss: () => view.dismiss(),
    detach() {
      stopWatching();
      view.stop();
      overlay.remove();
      restoreBrowserSuggestions();
    },
  };
}

function checkArguments(field: unknown, options: AttachOptions): asserts field is TextField {
  if (!isTextField(field)) {
    throw new TypeError(
      'attach(field, { source }) needs a <textarea> or <input>, for example attach(document.querySelector("textarea"), { source: edge.complete }).',
    );
  }
  if (typeof options?.source?.suggest !== 'function') {
    throw new TypeError(
      'attach(field, { source }) needs a source with suggest(), for example { source: edge.complete }.',
    );
  }
  const refusal = refusalOf(field);
  if (refusal === null) return;
  throw new PolicyError(
    'refused',
    `Autocomplete stays out of this field (${refusal}): it never reads passwords, codes, card data, numbers or fields marked data-private. Attach it to a text field.`,
    { details: { reason: refusal, type: field.type } },
  );
}

/** Two ghosts on one caret confuse: the browser's own is switched off until detached. */
function silenceBrowserSuggestions(field: TextField): () => void {
  if (field.hasAttribute('writingsuggestions')) return () => {};
  field.setAttribute('writingsuggestions', 'false');
  return () => field.removeAttribute('writingsuggestions');
}

function idOf(field: TextField): string {
  // Fields may share a name or an id, and must not share a session: one would end the other's requests.
  return `${field.name || field.id || 'field'}-${Math.random().toString(36).slice(2)}`;
}

function englishAnnouncement(text: string): string {
  return `Suggestion: ${text.trim()}. Press Tab to insert.`;
}
