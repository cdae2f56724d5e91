import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/** SHA-256 of the default model's file. */
const SHA256 = 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53';

/**
 * Where `edgewise pull` keeps the default model. `null` only when `EDGEWISE_OFFLINE=1` allows to go
 * without; else a missing file throws and says what to run.
 */
export function realModelPath(): string | null {
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const path = join(cache, 'edgewise', 'models', `${SHA256}.gguf`);
  if (existsSync(path)) return path;
  if (process.env['EDGEWISE_OFFLINE'] === '1') return null;
  throw new Error(
    `The default model is not at ${path}: run "npx --no-install edgewise pull", ` +
      'or set EDGEWISE_OFFLINE=1 to leave out the tests that need it.',
  );
}
