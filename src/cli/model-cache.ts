import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { toDiskError } from './disk-error.ts';
import { digestFile, type ModelDigest } from './model-writer.ts';

/** A pull that was killed leaves its temporary file; after a day nobody writes to it any more. */
const STALE_AFTER_MS = 24 * 60 * 60 * 1000;
const PART_SUFFIX = '.part';
const WHEEL_PREFIX = 'wheel-';

/** The user's cache of verified model files: `$XDG_CACHE_HOME/edgewise/models`, or below `~/.cache`. */
export function modelCacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const base = environment['XDG_CACHE_HOME'];
  // The XDG specification says that relative paths are to be ignored.
  const folder = base && path.isAbsolute(base) ? base : path.join(os.homedir(), '.cache');
  return path.join(folder, 'edgewise', 'models');
}

/** Where a verified file of this hash lies, or would lie. */
export function cachedModelPath(cacheFolder: string, sha256: string): string {
  return path.join(cacheFolder, `${sha256}.gguf`);
}

/** A name no other pull uses; the file becomes visible under its own name by renaming. */
export function temporaryModelPath(cacheFolder: string): string {
  return path.join(cacheFolder, `${randomUUID()}${PART_SUFFIX}`);
}

/** Creates the cache and removes what pulls killed long ago left behind. */
export async function prepareCacheFolder(cacheFolder: string): Promise<void> {
  try {
    await mkdir(cacheFolder, { recursive: true });
    for (const name of await readdir(cacheFolder)) await removeIfStale(cacheFolder, name);
  } catch (error) {
    throw toDiskError(error, cacheFolder);
  }
}

/**
 * The cached file's hashes, computed anew; `null` when there is none. `isDamaged` when its content
 * no longer fits its name.
 */
export async function verifyCachedModel(
  cacheFolder: string,
  sha256: string,
  signal: AbortSignal,
): Promise<{ readonly digest: ModelDigest; readonly isDamaged: boolean } | null> {
  const file = cachedModelPath(cacheFolder, sha256);
  const facts = await stat(file).catch(() => null);
  if (!facts?.isFile()) return null;
  const digest = await digestFile(file, signal);
  return { digest, isDamaged: digest.sha256 !== sha256 };
}

async function removeIfStale(cacheFolder: string, name: string): Promise<void> {
  if (!name.endsWith(PART_SUFFIX) && !name.startsWith(WHEEL_PREFIX)) return;
  const file = path.join(cacheFolder, name);
  // Another pull may remove its own file between listing and looking.
  const facts = await stat(file).catch(() => null);
  const isStale = facts !== null && Date.now() - facts.mtimeMs > STALE_AFTER_MS;
  if (isStale) await rm(file, { recursive: true, force: true });
}
