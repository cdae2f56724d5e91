import { randomUUID } from 'node:crypto';
import {
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import type { CatalogueEntry, Manifest } from '../types.ts';
import { parseManifest } from '../weights/manifest.ts';
import type { AcquiredModel } from './acquire-model.ts';
import { nodeErrorCode, toDiskError } from './disk-error.ts';
import { SHARD_BYTES } from './model-writer.ts';

export interface PublishedModel {
  readonly filePath: string;
  readonly manifestPath: string;
}

/**
 * Writes `OUT/<id>/<file>`, `OUT/<id>/manifest.json` and `OUT/catalogue.json` as browsers read them.
 * Each file appears complete or not at all; several pulls may publish into one folder at once.
 */
export async function publishModel(
  entry: CatalogueEntry,
  model: AcquiredModel,
  outFolder: string,
): Promise<PublishedModel> {
  const folder = path.join(outFolder, entry.id);
  const filePath = path.join(folder, entry.file);
  const manifestPath = path.join(folder, 'manifest.json');
  // Read back as a page will read it: what a page would refuse must not be published.
  const manifest = parseManifest({
    version: 1,
    ...entry,
    shardBytes: SHARD_BYTES,
    shards: model.digest.shards,
  });
  try {
    await mkdir(folder, { recursive: true });
    await placeFile(model.path, filePath);
    await writeJson(manifestPath, manifest);
    await writeCatalogue(outFolder);
  } catch (error) {
    throw toDiskError(error, outFolder);
  }
  return { filePath, manifestPath };
}

/** A hard link costs no space; other disks, and file systems without links, get a copy. */
async function placeFile(source: string, target: string): Promise<void> {
  if (await isSameFile(source, target)) return;
  await replaceFile(target, async (temporary) => {
    try {
      await link(source, temporary);
    } catch (error) {
      if (!['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK', 'ENOSYS'].includes(nodeErrorCode(error))) {
        throw error;
      }
      await copyFile(source, temporary);
    }
  });
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([stat(one), stat(other).catch(() => null)]);
  return b !== null && a.ino === b.ino && a.dev === b.dev;
}

/**
 * The catalogue is made from the manifests that are there. Whoever writes it looks again afterwards,
 * so of two pulls at once the later writer sees both models, without a lock.
 */
async function writeCatalogue(outFolder: string): Promise<void> {
  let written: string | null = null;
  for (;;) {
    const entries = await readPublished(outFolder);
    const text = JSON.stringify(entries);
    if (text === written) return;
    await writeJson(path.join(outFolder, 'catalogue.json'), entries);
    written = text;
  }
}

async function readPublished(outFolder: string): Promise<CatalogueEntry[]> {
  const names = (await readdir(outFolder)).toSorted();
  const entries = await Promise.all(names.map((name) => readEntry(outFolder, name)));
  return entries.filter((entry) => entry !== null);
}

/** A folder without a sound manifest is not a model of ours and is left alone. */
async function readEntry(outFolder: string, name: string): Promise<CatalogueEntry | null> {
  try {
    const text = await readFile(path.join(outFolder, name, 'manifest.json'), 'utf8');
    const manifest = parseManifest(JSON.parse(text));
    return manifest.id === name ? entryOf(manifest) : null;
  } catch {
    return null;
  }
}

function entryOf({ version: _version, shardBytes: _bytes, shards: _shards, ...entry }: Manifest) {
  return entry satisfies CatalogueEntry;
}

async function writeJson(target: string, value: unknown): Promise<void> {
  await replaceFile(target, (temporary) =>
    writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`),
  );
}

/** Readers see the old file or the new one, never a part. */
async function replaceFile(
  target: string,
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = `${target}.${randomUUID()}.part`;
  try {
    await write(temporary);
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
}
