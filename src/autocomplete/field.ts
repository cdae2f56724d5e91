import { insertTextIntoField } from 'text-field-edit';

import type { Snapshot } from './state.ts';

/** The fields a ghost can stand in. */
export type TextField = HTMLTextAreaElement | HTMLInputElement;

/** Why a field is left alone for good. */
export type Refusal = 'input-type' | 'secret' | 'private' | 'numeric';

const TEXT_INPUT_TYPES: ReadonlySet<string> = new Set(['text', 'search']);
const NUMERIC_INPUT_MODES: ReadonlySet<string> = new Set(['numeric', 'decimal', 'tel']);

export function isTextField(value: unknown): value is TextField {
  return value instanceof HTMLTextAreaElement || value instanceof HTMLInputElement;
}

/** Why this field may never be read, or `null` when it may. */
export function refusalOf(field: TextField): Refusal | null {
  if (field instanceof HTMLInputElement && field.type === 'password') return 'secret';
  if (field instanceof HTMLInputElement && !TEXT_INPUT_TYPES.has(field.type)) return 'input-type';
  const purposes = field.autocomplete.toLowerCase().split(/\s+/);
  if (purposes.some(isSecretPurpose)) return 'secret';
  if (field.closest('[data-private]') !== null) return 'private';
  return NUMERIC_INPUT_MODES.has(field.inputMode) ? 'numeric' : null;
}

/** Whether text may be offered at this moment: fields can turn read-only or secret later. */
export function isWritable(field: TextField): boolean {
  return !field.readOnly && !field.disabled && refusalOf(field) === null;
}

export function readSnapshot(field: TextField): Snapshot {
  const start = field.selectionStart ?? field.value.length;
  const end = field.selectionEnd ?? start;
  return {
    before: field.value.slice(0, start),
    after: field.value.slice(end),
    hasSelection: start !== end,
  };
}

/** Whether `text` still fits into the field's `maxlength`. */
export function hasRoomFor(field: TextField, text: string): boolean {
  return field.maxLength < 0 || field.value.length + text.length <= field.maxLength;
}

/** Inserts at the caret so that one undo takes exactly this text away again. */
export function insertAtCaret(field: TextField, text: string): void {
  const before = field.value;
  const caret = field.selectionStart ?? before.length;
  insertTextIntoField(field, text);
  if (field.value !== before) {
    closeUndoStep(field, caret + text.length);
    return;
  }
  // Browsers without an undo-preserving insert, and documents with editing commands switched off.
  field.setRangeText(text, caret, caret, 'end');
  field.dispatchEvent(
    new InputEvent('input', { inputType: 'insertText', data: text, bubbles: true }),
  );
}

/** Puts `text` in the place of the one character before the caret, as one undo step. */
export function replaceBeforeCaret(field: TextField, text: string): void {
  const caret = field.selectionStart ?? field.value.length;
  field.setSelectionRange(caret - 1, caret);
  insertTextIntoField(field, text);
}

/** Chromium adds later letters to the insertion's undo step until the caret has moved. */
function closeUndoStep(field: TextField, caret: number): void {
  field.setSelectionRange(caret - 1, caret - 1);
  field.setSelectionRange(caret, caret);
}

function isSecretPurpose(purpose: string): boolean {
  return purpose === 'one-time-code' || purpose.startsWith('cc-') || purpose.endsWith('-password');
}
