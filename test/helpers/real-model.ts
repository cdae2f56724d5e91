import { existsSync, statSync } from 'node:fs';
import catalogue from '../../models/catalogue.json' with { type: 'json' };
import { cachedModelPath, modelCacheFolder } from '../../src/cli/model-cache.ts';

/**
 * Path of another model of the catalogue, where somebody has pulled it: `null` otherwise. Its terms
 * may have to be accepted, so no test run can ask for it.
 */
export function optionalModelPath(id: string): string | null {
  const model = catalogue.models.find((entry) => entry.id === id);
  if (!model) throw new Error(`models/catalogue.json has no model ${id}.`);
  const file = cachedModelPath(modelCacheFolder(), model.sha256);
  return existsSync(file) && statSync(file).size === model.sizeBytes ? file : null;
}

/**
 * Path of the default model's verified file in the user's cache. Without it throws, and says how to
 * get it, unless `EDGEWISE_OFFLINE=1` allows tests on the real model to be left out: then `null`.
 */
export function realModelPath(): string | null {
  const model = catalogue.models.find(({ id }) => id === catalogue.default);
  if (!model) throw new Error('models/catalogue.json names no default model.');
  const file = cachedModelPath(modelCacheFolder(), model.sha256);
  if (existsSync(file) && statSync(file).size === model.sizeBytes) return file;
  if (process.env['EDGEWISE_OFFLINE'] === '1') return null;
  throw new Error(
    `The real model is not in ${file}. Run: npx --no-install edgewise pull (or set EDGEWISE_OFFLINE=1 to leave these tests out).`,
  );
}
