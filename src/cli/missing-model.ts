import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { LocalUpstreamConfig } from '../relay/config.ts';
import type { CatalogueEntry } from '../types.ts';
import { parseCatalogue } from '../weights/catalogue.ts';

/** Which model a local upstream waits for, and how to get it; `null` when it is there. */
export async function findMissingModel(upstream: LocalUpstreamConfig): Promise<string | null> {
  const { model, modelsDir } = upstream;
  const models = await readModels(modelsDir);
  const isThere = model === undefined ? models.length > 0 : models.some(({ id }) => id === model);
  if (isThere) return null;
  const name = model === undefined ? '' : ` "${model}"`;
  return `no model${name} in ${modelsDir}; npx --no-install edgewise pull --out ${modelsDir} gets the default one`;
}

/** What cannot be read is no model, for the relay's thread too. */
async function readModels(modelsDir: string): Promise<readonly CatalogueEntry[]> {
  try {
    const text = await readFile(path.join(modelsDir, 'catalogue.json'), 'utf8');
    return parseCatalogue(JSON.parse(text));
  } catch {
    return [];
  }
}
