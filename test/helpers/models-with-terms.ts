import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const FIXTURES = path.join(import.meta.dirname, 'fixture-models');

export const TERMS = {
  id: 'Example terms',
  url: 'https://terms.example/',
  requiresAcceptance: true,
  notice: 'Provided under the example terms',
};

export interface ModelsFolder {
  readonly folder: string;
  /** Of the model file, lower-case hex. */
  readonly sha256: string;
  remove(): void;
}

/** A folder to serve whose only model, `tiny`, has terms that must be accepted. */
export function createModelsWithTerms(): ModelsFolder {
  const folder = mkdtempSync(path.join(tmpdir(), 'edgewise-terms-'));
  const file = path.join(folder, 'tiny/manifest.json');
  cpSync(path.join(FIXTURES, 'tiny'), path.dirname(file), { recursive: true, dereference: true });
  const manifest = { ...JSON.parse(readFileSync(file, 'utf8')), licence: TERMS };
  const { version: _version, shardBytes: _shardBytes, shards: _shards, ...entry } = manifest;
  writeFileSync(file, JSON.stringify(manifest));
  writeFileSync(path.join(folder, 'catalogue.json'), JSON.stringify([entry]));
  return { folder, sha256: entry.sha256, remove: () => rmSync(folder, { recursive: true }) };
}
