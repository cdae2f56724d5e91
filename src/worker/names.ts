/** Every name the page and the worker share with the browser stands here. */

/** Name of the Trusted Types policy that starts workers; a page's CSP must allow it. */
export const TRUSTED_TYPES_POLICY = 'edgewise';

/** Web Lock that a worker holds for as long as it lives. */
export function lifeLockName(epoch: string): string {
  return `edgewise-worker-${epoch}`;
}

/**
 * An identifier no other tab or worker has. Not `crypto.randomUUID`, which pages without https
 * lack.
 */
export function createUniqueId(): string {
  const words = crypto.getRandomValues(new Uint32Array(3));
  return Array.from(words, (word) => word.toString(36)).join('-');
}
