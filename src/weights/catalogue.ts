import { ModelError } from '../errors.ts';
import type { CatalogueEntry, Licence } from '../types.ts';
import { fetchJson, type FetchJsonOptions } from './fetch-json.ts';

/** 64 GiB: beyond any model a browser can hold, well inside exact integers. */
const MAX_SIZE_BYTES = 2 ** 36;
const MAX_CONTEXT_LENGTH = 2 ** 24;
const MAX_TEXT_LENGTH = 1000;
const MAX_ROWS = 1000;

const SHA256_PATTERN = /^[0-9a-f]{64}$/;
const ID_FORM = {
  pattern: /^[a-z0-9][a-z0-9._-]{0,127}$/,
  expected: 'lower-case letters, digits, ".", "_" and "-"',
};
/** One path part that no file system or URL reads as anything else. */
const FILE_FORM = {
  pattern: /^[A-Za-z0-9][A-Za-z0-9._+-]{0,254}$/,
  expected: 'a plain file name without folders',
};

/**
 * Reads the models a server offers (`catalogue.json`, written by `edgewise pull`). Throws
 * `NetworkError` when it cannot be fetched and `ModelError` `bad-manifest` when it is not one.
 */
export async function fetchCatalogue(
  url: string | URL,
  options: FetchJsonOptions = {},
): Promise<CatalogueEntry[]> {
  return parseCatalogue(await fetchJson(url, options));
}

/** Checks a list of catalogue rows. Throws `ModelError` `bad-manifest` naming the first bad field. */
export function parseCatalogue(value: unknown): CatalogueEntry[] {
  if (!Array.isArray(value) || value.length > MAX_ROWS) {
    throw badManifest('catalogue', `a list of at most ${MAX_ROWS} models`);
  }
  return value.map(parseCatalogueEntry);
}

/** Checks one row; fields that are not part of the contract are dropped. */
export function parseCatalogueEntry(value: unknown): CatalogueEntry {
  const row = readRecord(value, 'model');
  return {
    id: readForm(row, 'id', ID_FORM),
    name: readText(row, 'name'),
    description: readText(row, 'description'),
    licence: parseLicence(row['licence']),
    languages: readTexts(row, 'languages'),
    architecture: readText(row, 'architecture'),
    quantisation: readText(row, 'quantisation'),
    file: readForm(row, 'file', FILE_FORM),
    sizeBytes: readCount(row, 'sizeBytes', MAX_SIZE_BYTES),
    sha256: readSha256(row['sha256'], 'sha256'),
    contextLength: readCount(row, 'contextLength', MAX_CONTEXT_LENGTH),
  };
}

export type UnknownRecord = Readonly<Record<string, unknown>>;

export function readRecord(value: unknown, field: string): UnknownRecord {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as UnknownRecord;
  }
  throw badManifest(field, 'an object');
}

export function readText(record: UnknownRecord, field: string): string {
  const value = record[field];
  if (typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT_LENGTH) {
    return value;
  }
  throw badManifest(field, `text of 1 to ${MAX_TEXT_LENGTH} characters`);
}

export function readCount(record: UnknownRecord, field: string, maximum: number): number {
  const value = record[field];
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= maximum) {
    return value;
  }
  throw badManifest(field, `a whole number from 1 to ${maximum}`);
}

export function readSha256(value: unknown, field: string): string {
  if (typeof value === 'string' && SHA256_PATTERN.test(value)) return value;
  throw badManifest(field, 'a SHA-256 as 64 lower-case hex digits');
}

export function badManifest(field: string, expected: string): ModelError {
  return new ModelError(
    'bad-manifest',
    `"${field}" must be ${expected}. Run \`npx --no-install edgewise pull\` again to rewrite the file.`,
    { details: { field } },
  );
}

function parseLicence(value: unknown): Licence {
  const licence = readRecord(value, 'licence');
  const url = readText(licence, 'url');
  // Pages show it as a link: nothing that could run script.
  if (!/^https?:\/\//.test(url) && url !== 'about:blank') {
    throw badManifest('licence.url', 'an http(s) address or about:blank');
  }
  return { id: readText(licence, 'id'), url, ...readTerms(licence) };
}

/** Only where they are there: most licences ask for nothing. */
function readTerms(licence: UnknownRecord): Pick<Licence, 'requiresAcceptance' | 'notice'> {
  const { requiresAcceptance = false } = licence;
  if (typeof requiresAcceptance !== 'boolean') {
    throw badManifest('licence.requiresAcceptance', 'true or false');
  }
  return {
    ...(requiresAcceptance ? { requiresAcceptance } : {}),
    ...(licence['notice'] === undefined ? {} : { notice: readText(licence, 'notice') }),
  };
}

function readTexts(record: UnknownRecord, field: string): string[] {
  const value = record[field];
  const isList = Array.isArray(value) && value.length <= MAX_ROWS;
  if (isList && value.every((item) => typeof item === 'string' && item.length <= 64)) return value;
  throw badManifest(field, 'a list of language tags');
}

function readForm(
  record: UnknownRecord,
  field: string,
  form: { readonly pattern: RegExp; readonly expected: string },
): string {
  const value = record[field];
  if (typeof value === 'string' && form.pattern.test(value)) return value;
  throw badManifest(field, form.expected);
}
