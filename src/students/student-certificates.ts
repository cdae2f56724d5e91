import { ModelError } from '../errors.ts';
import type { ClassificationScore, StudentCertificate, StudentCertificates } from '../types.ts';

/** `certificates.json` beside a student (schema: `models/schemas/certificates.schema.json`). */
export interface CertificatesFile extends StudentCertificates {
  readonly version: 1;
  /** SHA-256 of the student it holds for; of any other it says nothing. */
  readonly studentSha256: string;
}

/** Name of the certificates in a student's folder. */
export const CERTIFICATES_FILE = 'certificates.json';

const SCORES: readonly ClassificationScore[] = ['topProbability', 'margin'];
const SHA256 = /^[0-9a-f]{64}$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/**
 * Checks a file of certificates. One that cannot be read promises nothing, so every field counts.
 * @throws ModelError `bad-manifest` naming the bad field.
 */
export function parseCertificates(value: unknown): CertificatesFile {
  const file = asFields(value, 'certificates');
  const { studentSha256, score, dataName, dataSha256, date, certificates } = file;
  if (file['version'] !== 1) throw bad('version', '1');
  if (!isMatch(studentSha256, SHA256)) throw bad('studentSha256', 'a SHA-256');
  if (!isMatch(dataSha256, SHA256)) throw bad('dataSha256', 'a SHA-256');
  if (!isMatch(date, DATE)) throw bad('date', 'a day such as 2026-11-24');
  if (typeof dataName !== 'string' || dataName === '') throw bad('dataName', 'a text');
  const known = SCORES.find((each) => each === score);
  if (known === undefined) throw bad('score', SCORES.join(' or '));
  if (!Array.isArray(certificates)) throw bad('certificates', 'a list');
  return {
    version: 1,
    studentSha256,
    score: known,
    dataName,
    dataSha256,
    date,
    certificates: certificates.map(parseCertificate),
  };
}

function parseCertificate(value: unknown): StudentCertificate {
  const row = asFields(value, 'certificate');
  const certificate = {
    alpha: readShare(row, 'alpha'),
    delta: readShare(row, 'delta'),
    threshold: readOptional(row, 'threshold'),
    keptShare: readOptional(row, 'keptShare'),
    lossBound: readOptional(row, 'lossBound'),
    labels: readCount(row, 'labels'),
    labelsNeeded: row['labelsNeeded'] === null ? null : readCount(row, 'labelsNeeded'),
  };
  const { threshold, keptShare, lossBound, alpha } = certificate;
  if (threshold === null) return { ...certificate, keptShare: null, lossBound: null };
  if (keptShare === null || lossBound === null || lossBound > alpha) {
    throw bad('lossBound', 'at most alpha, beside a keptShare');
  }
  return certificate;
}

type Fields = Readonly<Record<string, unknown>>;

function asFields(value: unknown, name: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw bad(name, 'an object');
}

function isMatch(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value);
}

function readShare(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value === 'number' && value > 0 && value < 1) return value;
  throw bad(name, 'a share above 0 and below 1');
}

function readOptional(fields: Fields, name: string): number | null {
  const value = fields[name];
  if (value === null || (typeof value === 'number' && Number.isFinite(value))) return value;
  throw bad(name, 'a number or null');
}

function readCount(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw bad(name, 'a whole number');
}

function bad(field: string, expected: string): ModelError {
  return new ModelError(
    'bad-manifest',
    `"${field}" of the certificates must be ${expected}. \`npx --no-install edgewise certify\` writes the file.`,
    { details: { field } },
  );
}
