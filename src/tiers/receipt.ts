import type { Receipt } from '../types.ts';

/** What a tier knows of its own call; all else is unknown. */
export type ReceiptFacts = Pick<Receipt, 'task' | 'tier' | 'modelId'> & Partial<Receipt>;

/** Starts the clock of a call; the function it gives back writes the receipt. */
export function startReceipt(): (facts: ReceiptFacts) => Receipt {
  const startedAtMs = Date.now();
  const startMs = performance.now();
  const id = createId();
  return (facts) => ({
    id,
    startedAtMs,
    durationMs: Math.max(0, performance.now() - startMs),
    inputTokens: null,
    cachedTokens: null,
    outputTokens: null,
    busyMs: null,
    costUsd: null,
    energyWh: null,
    carbonGrams: null,
    ...facts,
  });
}

/** A random id. `crypto.randomUUID` is missing on pages without https. */
export function createId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
