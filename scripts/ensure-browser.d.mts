/** Path of a usable browser, or `null`. */
export function findBrowser(): string | null;
/** Finds a browser or installs one. Throws with instructions when neither works. */
export function ensureBrowser(): string;
