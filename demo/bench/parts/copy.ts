import { element } from '../../playground/parts/page.ts';

/** Puts a text on the clipboard; where that is not allowed it stands there to be copied by hand. */
export async function copyText(text: string): Promise<void> {
  const note = element('copy-note', HTMLElement);
  const byHand = element('copy-text', HTMLTextAreaElement);
  try {
    await navigator.clipboard.writeText(text);
    byHand.hidden = true;
    note.textContent = 'Copied.';
  } catch {
    byHand.value = text;
    byHand.hidden = false;
    byHand.select();
    note.textContent = 'This browser does not let the page copy: copy it from here.';
  }
}
