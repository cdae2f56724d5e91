import type { WrittenText } from '../types.ts';
import { refusalOf, type TextField } from './field.ts';

/** Longer texts are documents: what was typed last says most, and the rest would be read each time. */
const MAX_UNITS = 20_000;

/**
 * Tells what a person wrote once they leave the field, send its form, or the page empties the field
 * (as chats do on Enter). A later text of the same writing names the one it replaces. Only what was
 * typed while watching counts, never what stood there before. Gives the function that ends it.
 */
export function watchWritten(
  field: TextField,
  { fieldId, onWritten }: { fieldId: string; onWritten: (written: WrittenText) => void },
): () => void {
  const watching = new AbortController();
  const { signal } = watching;
  let latest = '';
  let told = '';
  let isTyped = false;
  /** Once a field was secret, what is in it may be the secret: nothing is told of it any more. */
  let wasSecret = false;

  const looksSecret = (): boolean => {
    wasSecret ||= refusalOf(field) !== null;
    return wasSecret;
  };
  const tell = (): void => {
    if (!isTyped || latest === told || looksSecret()) return;
    onWritten({ text: latest, previous: told, field: fieldId });
    told = latest;
  };
  const endWriting = (): void => {
    tell();
    latest = '';
    told = '';
    isTyped = false;
  };
  field.addEventListener(
    'beforeinput',
    () => {
      // What stood there before is not what the person writes now.
      if (!looksSecret() && !isTyped) told = currentText(field);
    },
    { signal },
  );
  field.addEventListener(
    'input',
    () => {
      // Deleting everything by hand is no end: what was told of it goes with the next text.
      isTyped = true;
      latest = looksSecret() ? '' : currentText(field);
    },
    { signal },
  );
  field.addEventListener('blur', () => tell(), { signal });
  field.ownerDocument.addEventListener(
    'submit',
    (event) => {
      if (event.target === field.form) endWriting();
    },
    { signal, capture: true },
  );
  // A page that empties the field itself fires no event: seen at the next key or focus.
  const look = (): void => {
    if (isTyped && latest !== '' && field.value === '') endWriting();
  };
  for (const type of ['keyup', 'focus', 'pointerup'] as const) {
    field.addEventListener(type, look, { signal });
  }
  return () => {
    tell();
    watching.abort();
  };
}

function currentText(field: TextField): string {
  return field.value.slice(-MAX_UNITS);
}
