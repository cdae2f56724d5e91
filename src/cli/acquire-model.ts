import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { EdgewiseError, ModelError, StorageError } from '../errors.ts';
import type { CatalogueEntry } from '../types.ts';
import { ensureDiskSpace } from './disk-error.ts';
import { readFileSource } from './file-source.ts';
import {
  cachedModelPath,
  prepareCacheFolder,
  temporaryModelPath,
  verifyCachedModel,
} from './model-cache.ts';
import type { ModelSource } from './model-catalogue.ts';
import { createModelWriter, type ModelDigest, type ModelWriter } from './model-writer.ts';
import { readPythonSource } from './python-source.ts';
import type { SourceContext } from './source-reader.ts';
import { readUrlSource } from './url-source.ts';

/** What the file must be. `null` when a file of unknown content is pulled. */
export type ExpectedModel = Pick<CatalogueEntry, 'id' | 'sizeBytes' | 'sha256'> | null;

export interface AcquiredModel {
  /** Verified file in the cache. */
  readonly path: string;
  readonly digest: ModelDigest;
  /** For people: `cache`, or where the bytes came from. */
  readonly source: string;
  /** Whether this call put the file there. */
  readonly isNew: boolean;
}

/**
 * Brings a model file into the cache, from the first source that gives exactly the expected bytes,
 * or finds it there. Throws `ModelError` `no-source` when none does, `StorageError` on a full disk,
 * the signal's reason on an abort. The cache never holds an unverified file under a hash's name.
 */
export async function acquireModel(
  expected: ExpectedModel,
  sources: readonly ModelSource[],
  context: SourceContext,
): Promise<AcquiredModel> {
  await prepareCacheFolder(context.cacheFolder);
  const cached = expected && (await findCached(expected, context));
  if (cached) return cached;
  if (expected) await ensureDiskSpace(context.cacheFolder, expected.sizeBytes);
  const failures: EdgewiseError[] = [];
  for (const source of sources) {
    try {
      return await acquireFrom(source, expected, context);
    } catch (error) {
      context.signal.throwIfAborted();
      if (!EdgewiseError.is(error) || error instanceof StorageError) throw error;
      context.report.line(`  ${error.message}`);
      failures.push(error);
    }
  }
  throw allFailed(expected, failures);
}

/** For people: a host, a package or a path. */
function sourceName(source: ModelSource): string {
  switch (source.type) {
    case 'url':
      return new URL(source.url).host;
    case 'python-package':
      return `Python package ${source.package}`;
    case 'python-packages':
      return `Python packages ${source.parts.map((part) => part.package).join(', ')}`;
    case 'file':
      return source.path;
  }
}

async function findCached(
  expected: NonNullable<ExpectedModel>,
  context: SourceContext,
): Promise<AcquiredModel | null> {
  const { cacheFolder, signal, report } = context;
  const found = await verifyCachedModel(cacheFolder, expected.sha256, signal);
  if (found === null) return null;
  const file = cachedModelPath(cacheFolder, expected.sha256);
  if (!found.isDamaged) return { path: file, digest: found.digest, source: 'cache', isNew: false };
  report.line(`The cached file ${file} is damaged and will be replaced.`);
  return null;
}

async function acquireFrom(
  source: ModelSource,
  expected: ExpectedModel,
  context: SourceContext,
): Promise<AcquiredModel> {
  const { cacheFolder, report } = context;
  report.line(`Getting ${expected?.id ?? 'the model'} from ${sourceName(source)}`);
  const writer = await createModelWriter(
    temporaryModelPath(cacheFolder),
    expected?.sizeBytes ?? null,
  );
  try {
    await readSource(source, writer, context);
    const digest = await writer.finish();
    if (expected) checkDigest(expected, digest);
    const file = cachedModelPath(cacheFolder, digest.sha256);
    const isNew = !existsSync(file);
    await rename(writer.path, file);
    return { path: file, digest, source: sourceName(source), isNew };
  } finally {
    report.end();
    await writer.discard();
  }
}

async function readSource(
  source: ModelSource,
  writer: ModelWriter,
  context: SourceContext,
): Promise<void> {
  switch (source.type) {
    case 'url':
      return readUrlSource(new URL(source.url), writer, context);
    case 'python-package':
      return readPythonSource(source, writer, context);
    case 'python-packages':
      for (const part of source.parts) await readPythonSource(part, writer, context);
      return undefined;
    case 'file':
      return readFileSource(path.resolve(source.path), writer, context);
  }
}

function checkDigest(expected: NonNullable<ExpectedModel>, digest: ModelDigest): void {
  const { sizeBytes, sha256 } = expected;
  if (digest.sizeBytes !== sizeBytes) {
    throw new ModelError(
      'size-mismatch',
      `The file has ${digest.sizeBytes} bytes instead of ${sizeBytes}: it is cut short or another file.`,
      { details: { id: expected.id, sizeBytes: digest.sizeBytes, expectedBytes: sizeBytes } },
    );
  }
  if (digest.sha256 !== sha256) {
    throw new ModelError(
      'hash-mismatch',
      `The file's SHA-256 is ${digest.sha256} instead of ${sha256}: it is damaged or another file.`,
      { details: { id: expected.id, sha256: digest.sha256, expectedSha256: sha256 } },
    );
  }
}

function allFailed(expected: ExpectedModel, failures: readonly EdgewiseError[]): EdgewiseError {
  const [only] = failures;
  if (only && failures.length === 1) return only;
  const name = expected?.id ?? 'the model';
  // What can be installed is the way on; a connection may be as good as it gets.
  const missing = failures.find(({ code }) => code === 'feature-missing');
  const help =
    missing?.message ?? 'Check the connection, or download the file elsewhere and use --from FILE.';
  return new ModelError('no-source', `No source could give ${name}. ${help}`, {
    cause: new AggregateError(failures, 'Every source failed.'),
    details: { sources: failures.length },
    isRetryable: true,
  });
}

/** Reads `--from`: an http(s) or file address, or a path. */
export function parseFrom(from: string): ModelSource {
  if (/^https?:\/\//i.test(from)) return { type: 'url', url: from };
  if (/^file:\/\//i.test(from)) return { type: 'file', path: fileURLToPath(from) };
  return { type: 'file', path: from };
}
