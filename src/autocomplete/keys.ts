/** What a key means to the ghost; `null` leaves it to the field and the page. */
export type KeyAction = 'accept' | 'dismiss' | null;

/** The part of a `KeyboardEvent` that decides. */
export interface KeyPress {
  readonly key: string;
  readonly keyCode: number;
  readonly isComposing: boolean;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
}

/** Input methods report this code for keys they consume, also where `isComposing` is late (Safari). */
const KEY_CODE_OF_INPUT_METHOD = 229;

/** Tab takes the ghost and Escape drops it; without a ghost no key is touched. */
export function keyAction(press: KeyPress, isOffered: boolean): KeyAction {
  if (!isOffered || press.isComposing || press.keyCode === KEY_CODE_OF_INPUT_METHOD) return null;
  if (press.shiftKey || press.ctrlKey || press.altKey || press.metaKey) return null;
  if (press.key === 'Tab') return 'accept';
  return press.key === 'Escape' ? 'dismiss' : null;
}
