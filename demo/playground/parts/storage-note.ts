import { element } from './page.ts';

/** Asks the browser to keep the model, and says what it answered. Call it where a person agreed. */
export async function askToKeep(): Promise<void> {
  // Absent where the page is not secure; then there is nothing to ask.
  show(await storage()?.persist());
}

/** Says what the browser promised at an earlier visit. */
export async function tellWhetherKept(): Promise<void> {
  show(await storage()?.persisted());
}

function storage(): StorageManager | undefined {
  return (navigator as { readonly storage?: StorageManager }).storage;
}

function show(isKept: boolean | undefined): void {
  if (isKept === undefined) return;
  element('storage-note', HTMLElement).textContent = isKept
    ? 'The browser keeps the model until you remove it.'
    : 'The browser may clear the model when space runs short; then it is downloaded again.';
}
