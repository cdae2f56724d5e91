import { createReadStream } from 'node:fs';
import { createGgufReader, type GgufHeader } from '../engines/wasm/gguf.ts';
import { metadataCount, metadataString } from '../text/gguf-metadata.ts';
import type { CatalogueEntry, Licence } from '../types.ts';
import type { AcquiredModel } from './acquire-model.ts';

/** The SPDX spelling of licences that models declare in lower case. */
const LICENCES: ReadonlyMap<string, string> = new Map([
  ['apache-2.0', 'Apache-2.0'],
  ['mit', 'MIT'],
  ['bsd-3-clause', 'BSD-3-Clause'],
  ['cc-by-4.0', 'CC-BY-4.0'],
  ['cc-by-sa-4.0', 'CC-BY-SA-4.0'],
  ['cc-by-nc-4.0', 'CC-BY-NC-4.0'],
]);

/**
 * Describes a GGUF file by what it says of itself. Throws `ModelError` `bad-format` when it is no
 * GGUF file and `unsupported-tensor-type` when no engine here can run it.
 */
export async function describeGguf(
  model: AcquiredModel,
  names: { readonly id: string; readonly file: string },
): Promise<CatalogueEntry> {
  const header = await readHeader(model.path, model.digest.sizeBytes);
  const { metadata } = header;
  const architecture = metadataString(metadata, 'general.architecture');
  return {
    ...names,
    name: metadataString(metadata, 'general.name', names.id) || names.id,
    description: metadataString(metadata, 'general.description', '') || `From ${names.file}.`,
    licence: readLicence(header),
    languages: readLanguages(header),
    architecture,
    quantisation: mainTensorType(header),
    sizeBytes: model.digest.sizeBytes,
    sha256: model.digest.sha256,
    contextLength: metadataCount(metadata, `${architecture}.context_length`),
  };
}

/** The id for a file pulled without `--id`: its name in lower case, such as `my-model.q4_0`. */
export function idFromFileName(file: string): string {
  const id = file
    .toLowerCase()
    .replace(/\.gguf$/, '')
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  return id.slice(0, 128) || 'model';
}

async function readHeader(path: string, sizeBytes: number): Promise<GgufHeader> {
  const reader = createGgufReader(sizeBytes);
  for await (const piece of createReadStream(path)) {
    const start = reader.push(piece);
    if (start) return start.header;
  }
  return reader.end();
}

function readLicence({ metadata }: GgufHeader): Licence {
  const declared = metadataString(metadata, 'general.license', '') || 'unknown';
  const id = LICENCES.get(declared.toLowerCase()) ?? declared;
  const link = metadataString(metadata, 'general.license.link', '');
  if (/^https?:\/\//.test(link)) return { id, url: link };
  const isSpdx = LICENCES.has(declared.toLowerCase());
  return { id, url: isSpdx ? `https://spdx.org/licenses/${id}.html` : 'about:blank' };
}

function readLanguages({ metadata }: GgufHeader): string[] {
  const value = metadata.get('general.languages');
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** The tensor type that holds most bytes: what people call the file's quantisation. */
function mainTensorType({ tensors }: GgufHeader): string {
  const bytesByType = new Map<string, number>();
  for (const { type, sizeBytes } of tensors) {
    bytesByType.set(type, (bytesByType.get(type) ?? 0) + sizeBytes);
  }
  const ranked = [...bytesByType].toSorted((a, b) => b[1] - a[1]);
  return ranked[0]?.[0] ?? 'none';
}
