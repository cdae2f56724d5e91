import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ModelError } from '../errors.ts';
import type { CatalogueEntry } from '../types.ts';
import {
  badManifest,
  parseCatalogueEntry,
  readCount,
  readRecord,
  readSha256,
  readText,
  type UnknownRecord,
} from '../weights/catalogue.ts';

/** Where a model file can be had. Whatever it gives is checked against the catalogue's hash. */
export type ModelSource =
  | { readonly type: 'url'; readonly url: string }
  | PythonPackageSource
  | PythonPartsSource
  /** A file on this machine, relative to the folder the command runs in. */
  | { readonly type: 'file'; readonly path: string };

/** A package of the Python index that carries the model file, or a piece of it, inside. */
export interface PythonWheel {
  readonly package: string;
  readonly version: string;
  /** Of the wheel. */
  readonly sha256: string;
  /** Of the wheel, for the progress line. */
  readonly sizeBytes: number;
  /** Path of the model file inside the wheel. */
  readonly member: string;
}

export interface PythonPackageSource extends PythonWheel {
  readonly type: 'python-package';
}

/** Packages that carry the model file cut in pieces, in order. */
export interface PythonPartsSource {
  readonly type: 'python-packages';
  readonly parts: readonly PythonWheel[];
}

export interface CatalogueModel {
  readonly entry: CatalogueEntry;
  /** In the order they are tried. */
  readonly sources: readonly ModelSource[];
}

export interface ModelCatalogue {
  readonly defaultId: string;
  readonly models: readonly CatalogueModel[];
}

/** `models/` stands beside both `src/` and `dist/`. */
const PACKAGE_FOLDER = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const CATALOGUE_PATH = path.join(PACKAGE_FOLDER, 'models', 'catalogue.json');
const MAX_WHEEL_BYTES = 2 ** 33;

/** Reads the models this version of the package knows. */
export async function readModelCatalogue(
  cataloguePath: string = CATALOGUE_PATH,
): Promise<ModelCatalogue> {
  const file = readRecord(JSON.parse(await readFile(cataloguePath, 'utf8')), 'catalogue');
  const models = file['models'];
  if (!Array.isArray(models)) throw badManifest('models', 'a list');
  return {
    defaultId: readText(file, 'default'),
    models: models.map((row: unknown) => ({
      entry: parseCatalogueEntry(row),
      sources: readSources(readRecord(row, 'model')),
    })),
  };
}

/** The model of this id. Throws `ModelError` `not-found` that lists the known ids. */
export function findModel(catalogue: ModelCatalogue, id: string): CatalogueModel {
  const model = catalogue.models.find(({ entry }) => entry.id === id);
  if (model) return model;
  const known = catalogue.models.map(({ entry }) => entry.id).join(', ');
  throw new ModelError(
    'not-found',
    `There is no model "${id}". Known: ${known}. For another GGUF file use --from FILE or --from URL.`,
    { details: { id, known } },
  );
}

function readSources(row: UnknownRecord): ModelSource[] {
  const sources = row['sources'];
  if (!Array.isArray(sources)) throw badManifest('sources', 'a list');
  return sources.map((source: unknown) => readSource(readRecord(source, 'source')));
}

function readSource(source: UnknownRecord): ModelSource {
  switch (source['type']) {
    case 'url':
      return { type: 'url', url: readText(source, 'url') };
    case 'file':
      return { type: 'file', path: readText(source, 'path') };
    case 'python-package':
      return { type: 'python-package', ...readWheel(source) };
    case 'python-packages':
      return { type: 'python-packages', parts: readParts(source['parts']) };
    default:
      throw badManifest('type', '"url", "python-package", "python-packages" or "file"');
  }
}

function readParts(parts: unknown): PythonWheel[] {
  if (!Array.isArray(parts)) throw badManifest('parts', 'a list');
  return parts.map((part: unknown) => readWheel(readRecord(part, 'part')));
}

function readWheel(wheel: UnknownRecord): PythonWheel {
  return {
    package: readText(wheel, 'package'),
    version: readText(wheel, 'version'),
    sha256: readSha256(wheel['sha256'], 'sha256'),
    sizeBytes: readCount(wheel, 'sizeBytes', MAX_WHEEL_BYTES),
    member: readText(wheel, 'member'),
  };
}
