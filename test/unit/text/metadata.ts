import { readFileSync } from 'node:fs';
import { createGgufReader } from '../../../src/engines/wasm/gguf.ts';
import type { GgufValue } from '../../../src/text/gguf-metadata.ts';

export type Changes = Readonly<Record<string, GgufValue | undefined>>;

/** Metadata of a committed fixture model, with entries replaced, or removed by `undefined`. */
export function fixtureMetadata(file: string, changes: Changes = {}): Map<string, GgufValue> {
  const folder = new URL('../../../models/fixture/', import.meta.url);
  const metadata = new Map(metadataOf(readFileSync(new URL(file, folder))));
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) metadata.delete(key);
    else metadata.set(key, value);
  }
  return metadata;
}

export function metadataOf(bytes: Uint8Array): ReadonlyMap<string, GgufValue> {
  const start = createGgufReader().push(bytes);
  if (start === null) throw new Error('The file ends inside its header.');
  return start.header.metadata;
}
