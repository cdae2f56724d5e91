import { ModelError } from '../errors.ts';
import type { Licence } from '../types.ts';

/** `student.json` beside a student's file (schema: `models/schemas/student.schema.json`). */
export interface StudentCard {
  readonly id: string;
  /** For people: what it sorts. */
  readonly name: string;
  readonly licence: Licence | null;
  /** Plain file name in the same folder. */
  readonly file: string;
  readonly sizeBytes: number;
  /** Of the file, lower-case hex. */
  readonly sha256: string;
}

/** Name of the card in a student's folder. */
export const STUDENT_CARD_FILE = 'student.json';

/** 64 MiB: a hundred times the students we ship. */
const MAX_SIZE_BYTES = 2 ** 26;
const SHA256 = /^[0-9a-f]{64}$/;
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,254}$/;

/** Checks a card; other fields are dropped. @throws ModelError `bad-manifest` naming the bad field. */
export function parseStudentCard(value: unknown): StudentCard {
  const card = asFields(value, 'student card');
  if (card['version'] !== 1) throw badCard('version', '1, the only version this page knows');
  const { sha256, file } = card;
  const sizeBytes = Number(card['sizeBytes']);
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 1 || sizeBytes > MAX_SIZE_BYTES) {
    throw badCard('sizeBytes', `a whole number from 1 to ${MAX_SIZE_BYTES}`);
  }
  if (!isMatch(sha256, SHA256)) throw badCard('sha256', 'a SHA-256 as 64 lower-case hex digits');
  if (!isMatch(file, FILE_NAME)) throw badCard('file', 'a plain file name without folders');
  return {
    id: readText(card, 'id'),
    name: readText(card, 'name'),
    licence: readLicence(card['licence']),
    file,
    sizeBytes,
    sha256,
  };
}

type Fields = Readonly<Record<string, unknown>>;

function asFields(value: unknown, name: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw badCard(name, 'an object');
}

function isMatch(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value);
}

function readText(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === 'string' && value !== '' && value.length <= 1000) return value;
  throw badCard(name, 'text of 1 to 1000 characters');
}

function readLicence(value: unknown): Licence | null {
  if (value === undefined || value === null) return null;
  const licence = asFields(value, 'licence');
  const url = readText(licence, 'url');
  // Pages show it as a link: nothing that could run script.
  if (!/^https?:\/\//.test(url)) throw badCard('licence.url', 'an http(s) address');
  return {
    id: readText(licence, 'id'),
    url,
    ...(licence['notice'] === undefined ? {} : { notice: readText(licence, 'notice') }),
  };
}

function badCard(field: string, expected: string): ModelError {
  return new ModelError(
    'bad-manifest',
    `"${field}" of the student must be ${expected}. \`npx --no-install edgewise distil\` writes its files.`,
    { details: { field } },
  );
}
