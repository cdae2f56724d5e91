import caretCoordinates from 'textarea-caret';

import type { TextField } from './field.ts';

/** The ghost on the page: never part of the field, its value or its undo history. */
export interface Overlay {
  /** Shows `text` at the caret; an empty text hides the ghost. */
  show(text: string): void;
  /**
   * Whether all of the ghost can be seen: what is scrolled out of view, wraps below the last line in
   * view or has no room in a one-line field is not on offer.
   */
  readonly isVisible: boolean;
  /** Moves the ghost to where the caret now is, after a scroll or a change of layout. */
  place(): void;
  /** Tells screen readers, politely. */
  announce(message: string): void;
  remove(): void;
}

/** Share of the text's own colour. 0.62 keeps 4.5:1 for near-black on white and the reverse. */
const GHOST_OPACITY = '0.62';

/** Share of its height by which a font may stand out of a low line, above or below, and be readable. */
const LARGEST_OVERHANG = 0.2;

/** What the ghost takes from the field so that it reads as the same line of text. */
const INHERITED = [
  'direction',
  'font-family',
  'font-size',
  'font-style',
  'font-weight',
  'font-stretch',
  'font-variant',
  'font-feature-settings',
  'letter-spacing',
  'line-height',
  'tab-size',
  'text-transform',
  'word-spacing',
  'color',
] as const;

interface Parts {
  readonly box: HTMLElement;
  /** Zero width: where the line begins, even when the first word wraps to the next. */
  readonly anchor: HTMLElement;
  readonly ghost: HTMLElement;
  readonly live: HTMLElement;
}

/** Creates the ghost beside `field`: hidden from screen readers, with a polite live region. */
export function createOverlay(field: TextField): Overlay {
  const parts = createParts(field);
  let shownText = '';
  let isVisible = false;
  const fill = (text: string): void => {
    parts.ghost.textContent = text;
    parts.box.style.setProperty('display', text === '' ? 'none' : 'block');
  };
  const place = (): void => {
    fill(shownText);
    isVisible = shownText !== '' && placeAtCaret(field, parts);
    if (!isVisible) fill('');
  };
  return {
    show(text) {
      shownText = text;
      place();
    },
    get isVisible() {
      return isVisible;
    },
    place,
    announce(message) {
      parts.live.textContent = message;
    },
    remove() {
      parts.box.remove();
      parts.live.remove();
    },
  };
}

function createParts(field: TextField): Parts {
  const owner = field.ownerDocument;
  const [box, anchor, ghost, live] = [
    owner.createElement('div'),
    owner.createElement('span'),
    owner.createElement('span'),
    owner.createElement('div'),
  ];
  anchor.textContent = '\u200b';
  ghost.dataset['ghost'] = '';
  box.setAttribute('aria-hidden', 'true');
  box.append(anchor, ghost);
  setStyle(box, {
    position: 'absolute',
    top: '0',
    left: '0',
    margin: '0',
    display: 'none',
    overflow: 'hidden',
    opacity: GHOST_OPACITY,
    'pointer-events': 'none',
    'white-space': 'pre-wrap',
    'overflow-wrap': 'break-word',
    'text-align': 'start',
    'z-index': '1',
  });
  live.setAttribute('role', 'status');
  live.setAttribute('aria-live', 'polite');
  setStyle(live, {
    position: 'absolute',
    top: '0',
    left: '0',
    width: '1px',
    height: '1px',
    overflow: 'hidden',
    'clip-path': 'inset(50%)',
    'white-space': 'nowrap',
  });
  // A modal dialog is above the whole page: the ghost of a field inside it must be in there too.
  (field.closest('dialog, [popover]') ?? owner.body).append(box, live);
  return { box, anchor, ghost, live };
}

/**
 * The box covers the field's text column from the caret's line down; `text-indent` starts the first
 * line at the caret, so that a long ghost wraps where the field's own text would. Returns whether
 * the ghost can be seen there.
 */
function placeAtCaret(field: TextField, { box, anchor, ghost }: Parts): boolean {
  const computed = getComputedStyle(field);
  const caret = caretCoordinates(field, field.selectionStart ?? field.value.length);
  const area = textArea(field, computed);
  for (const name of INHERITED) box.style.setProperty(name, computed.getPropertyValue(name));
  if (field instanceof HTMLInputElement)
    setStyle(box, { 'line-height': `${area.height}px`, 'white-space': 'pre' });

  const rect = field.getBoundingClientRect();
  const caretX = rect.left + caret.left - field.scrollLeft;
  const isRightToLeft = computed.direction === 'rtl';
  const indentPx = isRightToLeft ? area.right - caretX : caretX - area.left;
  setStyle(box, {
    top: '0',
    left: '0',
    width: `${area.right - area.left}px`,
    'text-indent': `${indentPx}px`,
    'max-height': 'none',
  });

  // Measured instead of computed: the containing block may be any ancestor, with any offset.
  const origin = box.getBoundingClientRect();
  const anchorTop = anchor.getClientRects()[0]?.top ?? origin.top;
  const caretTop =
    field instanceof HTMLInputElement ? area.top : rect.top + caret.top - field.scrollTop;
  const top = field instanceof HTMLInputElement ? caretTop : caretTop - (anchorTop - origin.top);
  setStyle(box, {
    top: `${top - origin.top}px`,
    left: `${area.left - origin.left}px`,
    'max-height': `${Math.max(area.bottom - top, 0)}px`,
  });
  if (!fitsDown(ghost, area)) return false;
  return !(field instanceof HTMLInputElement) || fitsAcross(ghost, area, computed);
}

/** A ghost that wraps can begin in view and end below it. */
function fitsDown(ghost: HTMLElement, area: Area): boolean {
  // Letters, not line boxes: browsers scroll the caret into view, which is as high as the letters.
  return [...ghost.getClientRects()].every(({ top, bottom, height }) => {
    const overhangPx = height * LARGEST_OVERHANG;
    return top >= area.top - overhangPx && bottom <= area.bottom + overhangPx;
  });
}

/** A one-line field cuts what does not fit; half a word is no offer. A cut trailing space is. */
function fitsAcross(ghost: HTMLElement, area: Area, computed: CSSStyleDeclaration): boolean {
  const { left, right } = ghost.getBoundingClientRect();
  const spacePx = Number.parseFloat(computed.fontSize) / 2;
  return left >= area.left - spacePx && right <= area.right + spacePx;
}

interface Area {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
  readonly height: number;
}

/**
 * The column the field's text shows in, in viewport coordinates; a scroll bar is not part of it. The
 * lines of a text area scroll through its padding.
 */
function textArea(field: TextField, computed: CSSStyleDeclaration): Area {
  const rect = field.getBoundingClientRect();
  const px = (name: string): number => Number.parseFloat(computed.getPropertyValue(name)) || 0;
  const left = rect.left + field.clientLeft + px('padding-left');
  const right = rect.left + field.clientLeft + field.clientWidth - px('padding-right');
  const isOneLine = field instanceof HTMLInputElement;
  const [above, below] = isOneLine ? [px('padding-top'), px('padding-bottom')] : [0, 0];
  const top = rect.top + field.clientTop + above;
  const bottom = rect.top + field.clientTop + field.clientHeight - below;
  return { top, bottom, left, right, height: bottom - top };
}

/** Through the object model, which a strict `style-src` allows, never through an attribute. */
function setStyle(element: HTMLElement, rules: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(rules)) element.style.setProperty(name, value);
}
