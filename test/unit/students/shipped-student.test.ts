import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { dataHash } from '../../../src/evaluate/data-hash.ts';
import { parseStudentCard } from '../../../src/students/student-card.ts';
import { parseCertificates } from '../../../src/students/student-certificates.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../../models/students/banking77');

async function readJson(name: string): Promise<unknown> {
  return JSON.parse(await readFile(path.join(FOLDER, name), 'utf8'));
}

describe('The shipped student', () => {
  it('is the file its card describes', async () => {
    const card = parseStudentCard(await readJson('student.json'));
    const bytes = await readFile(path.join(FOLDER, card.file));
    expect(bytes.length).toBe(card.sizeBytes);
    expect(await dataHash(bytes)).toBe(card.sha256);
  });

  it('is credited as its data asks for', async () => {
    const { licence } = parseStudentCard(await readJson('student.json'));
    expect(licence).toMatchObject({
      id: 'CC-BY-4.0',
      notice: expect.stringContaining('Banking77'),
    });
  });

  it('is the one its certificates were made for: else run edgewise certify again', async () => {
    const card = parseStudentCard(await readJson('student.json'));
    const file = parseCertificates(await readJson('certificates.json'));
    expect(file.studentSha256).toBe(card.sha256);
    for (const { alpha, lossBound, threshold } of file.certificates) {
      expect(threshold).not.toBeNull();
      expect(lossBound).toBeLessThanOrEqual(alpha);
    }
  });
});
