import { rm } from 'node:fs/promises';
import path from 'node:path';
import { ModelError } from '../errors.ts';
import type { CatalogueEntry } from '../types.ts';
import { type AcquiredModel, acquireModel, parseFrom } from './acquire-model.ts';
import { describeGguf, idFromFileName } from './gguf-facts.ts';
import { findModel, readModelCatalogue, type ModelCatalogue } from './model-catalogue.ts';
import { publishModel } from './publish-model.ts';
import type { SourceContext } from './source-reader.ts';

export interface PullOptions extends Omit<SourceContext, 'expectedBytes'> {
  /** Id in the catalogue; default: the catalogue's default model, unless `from` is given. */
  readonly modelId?: string | undefined;
  /** Path or address of a GGUF file. With `modelId` it must be exactly that model. */
  readonly from?: string | undefined;
  /** Id for a file of `from`; default: made from its name. */
  readonly newId?: string | undefined;
  /** The terms of a model that asks for it are accepted; without this it is not downloaded. */
  readonly acceptsLicence?: boolean | undefined;
  /** Folder the model is published to. */
  readonly outFolder: string;
  /** Default: the package's own. */
  readonly catalogue?: ModelCatalogue;
}

export interface PullResult {
  readonly id: string;
  readonly file: string;
  readonly manifest: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** `cache`, or where the bytes came from. */
  readonly source: string;
}

/** Gets a model, verifies it and publishes it for browsers. */
export async function pullModel(options: PullOptions): Promise<PullResult> {
  const { entry, model } = await getModel(options);
  const published = await publishModel(entry, model, options.outFolder);
  return {
    id: entry.id,
    file: published.filePath,
    manifest: published.manifestPath,
    sizeBytes: model.digest.sizeBytes,
    sha256: model.digest.sha256,
    source: model.source,
  };
}

interface ModelInHand {
  readonly entry: CatalogueEntry;
  readonly model: AcquiredModel;
}

async function getModel(options: PullOptions): Promise<ModelInHand> {
  const { modelId, from } = options;
  if (from !== undefined && modelId === undefined) return getUnknownModel(from, options);
  const catalogue = options.catalogue ?? (await readModelCatalogue());
  const { entry, sources } = findModel(catalogue, modelId ?? catalogue.defaultId);
  showTerms(entry, options);
  const context = { ...options, expectedBytes: entry.sizeBytes };
  const model = await acquireModel(
    entry,
    from === undefined ? sources : [parseFrom(from)],
    context,
  );
  return { entry, model };
}

/** Throws `ModelError` `licence-not-accepted` before anything is downloaded. */
function showTerms(entry: CatalogueEntry, { report, acceptsLicence = false }: PullOptions): void {
  const { licence } = entry;
  if (licence.requiresAcceptance !== true) return;
  if (licence.notice !== undefined) report.line(licence.notice);
  report.line(`Terms of ${entry.name}: ${licence.url}`);
  if (acceptsLicence) return;
  throw new ModelError(
    'licence-not-accepted',
    `${entry.name} comes under the licence "${licence.id}", which has to be accepted first. ` +
      `Read ${licence.url} and, if you agree: npx --no-install edgewise pull ${entry.id} --accept-licence`,
    { details: { id: entry.id, licence: licence.id, url: licence.url } },
  );
}

/** Nothing is known beforehand: the file's own words and hash become its entry. */
async function getUnknownModel(from: string, options: PullOptions): Promise<ModelInHand> {
  const model = await acquireModel(null, [parseFrom(from)], { ...options, expectedBytes: null });
  const file = plainFileName(from);
  const names = { id: options.newId ?? idFromFileName(file), file };
  try {
    return { entry: await describeGguf(model, names), model };
  } catch (error) {
    // The cache is for models; a file that is none would never be asked for again. What was there
    // before this call belongs to someone else's.
    if (model.isNew) await rm(model.path, { force: true });
    throw error;
  }
}

function plainFileName(from: string): string {
  const name = path.posix.basename(from.replaceAll('\\', '/').replace(/[?#].*$/, ''));
  const plain = name.replaceAll(/[^A-Za-z0-9._+-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return plain.toLowerCase().endsWith('.gguf') ? plain : `${plain || 'model'}.gguf`;
}
