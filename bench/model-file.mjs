import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { root } from '../scripts/helpers/command.mjs';

/** The catalogue's entry of the default model. */
export function defaultModel() {
  const catalogue = JSON.parse(readFileSync(path.join(root, 'models/catalogue.json'), 'utf8'));
  return catalogue.models.find((model) => model.id === catalogue.default);
}

/** `--data DIR` with the file under its own name, else the cache that `edgewise pull` fills. */
export function findModel(entry, dataFolder) {
  const cache = process.env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache');
  const file =
    dataFolder === undefined
      ? path.join(cache, 'edgewise/models', `${entry.sha256}.gguf`)
      : path.join(dataFolder, entry.file);
  if (existsSync(file)) return file;
  throw new Error(`${file} is not there. Get the model first: npx --no-install edgewise pull`);
}
