import { readFileSync } from 'node:fs';
import type { Message } from '../../../src/types.ts';

/** What scripts/tokenizer-vectors.py writes. */
export interface Vectors {
  readonly strings: readonly StringVector[];
  readonly conversations: readonly ConversationVector[];
}

export interface StringVector {
  readonly text: string;
  readonly tokens: readonly number[];
  /** With special tokens recognised, where that differs. */
  readonly special?: readonly number[];
  /** The fixture's vocabulary under other ways of cutting words. */
  readonly preTokenizers?: Readonly<Record<string, readonly number[]>>;
}

export interface ConversationVector {
  readonly messages: readonly Message[];
  readonly tokens: readonly number[];
}

/** Not imported as modules: bundlers refuse the lone surrogates that JSON may hold. */
export function readVectors(file: string): Vectors {
  const url = new URL(`../../golden/${file}`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as Vectors;
}
