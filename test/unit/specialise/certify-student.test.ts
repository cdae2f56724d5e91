import { describe, expect, it } from 'vitest';

import { certifyStudent, type CertifyOptions } from '../../../src/specialise/certify-student.ts';
import { parseCertificates } from '../../../src/students/student-certificates.ts';
import type { Student } from '../../../src/students/ngram-student.ts';

/** Says `yes`, as surely as the number in the text. */
const student: Pick<Student, 'labels' | 'predict'> = {
  labels: ['yes', 'no'],
  predict(text) {
    const topProbability = Number(text.split(' ')[0]);
    return {
      label: 'yes',
      probabilities: { yes: topProbability, no: 1 - topProbability },
      evidence: { topProbability, margin: null, entropy: null, trainingDistance: null },
    };
  },
};

/** Sure ones first, of which these are wrong; the rest unsure and wrong. */
function rowsOf(sure: number, wrong: number, unsure: number): CertifyOptions['rows'] {
  return Array.from({ length: sure + unsure }, (_, index) => {
    const isSure = index < sure;
    const label = isSure && index >= wrong ? 'yes' : 'no';
    return { text: `${isSure ? 0.9 : 0.4} ${index}`, label };
  });
}

function certify(rows: CertifyOptions['rows'], alphas = [0.02]) {
  return certifyStudent({
    student,
    studentSha256: 'a'.repeat(64),
    rows,
    dataName: 'rows',
    dataSha256: 'b'.repeat(64),
    date: '2026-11-24',
    alphas,
    delta: 0.1,
  });
}

describe('Certificates of a student', () => {
  // Python: of 1,000 requests at a rate of 2 %, at most 13 are lost with probability 0.0642, at most
  // 14 with probability 0.1025.
  it('keep what loses 13 of 1,000, and not what loses 14', () => {
    expect(certify(rowsOf(800, 13, 200)).certificates).toMatchObject([
      { alpha: 0.02, threshold: 0.9, keptShare: 0.8, labels: 1000, labelsNeeded: null },
    ]);
    expect(certify(rowsOf(800, 14, 200)).certificates).toMatchObject([
      { threshold: null, keptShare: null, lossBound: null, labels: 1000 },
    ]);
  });

  it('stand from the strictest budget to the loosest', () => {
    const { certificates } = certify(rowsOf(1000, 5, 0), [0.05, 0.01, 0.02]);
    expect(certificates.map(({ alpha }) => alpha)).toEqual([0.01, 0.02, 0.05]);
    for (const { alpha, lossBound } of certificates) expect(lossBound).toBeLessThanOrEqual(alpha);
  });

  it('count a text in several rows once', () => {
    const row = { text: '0.9 again', label: 'yes' };
    const [certificate] = certify(Array.from({ length: 1000 }, () => row)).certificates;
    expect(certificate).toMatchObject({ labels: 1, threshold: null, labelsNeeded: 114 });
  });

  it('count a label the student does not know as wrong', () => {
    const rows = rowsOf(1000, 0, 0).map((row) => ({ ...row, label: 'unheard of' }));
    expect(certify(rows).certificates).toMatchObject([{ threshold: null }]);
  });

  it('come out of their file as they went in', () => {
    const file = certify(rowsOf(800, 13, 200), [0.01, 0.02]);
    expect(parseCertificates(JSON.parse(JSON.stringify(file)))).toEqual(file);
  });

  it('need rows, and budgets that are shares', () => {
    expect(() => certify([])).toThrow(expect.objectContaining({ code: 'too-few-rows' }));
    expect(() => certify(rowsOf(10, 0, 0), [0])).toThrow(RangeError);
  });
});

describe('A file of certificates', () => {
  const file = certify(rowsOf(800, 13, 200));
  const [certificate] = file.certificates;

  it.each<[string, unknown]>([
    ['no object', null],
    ['another version', { ...file, version: 2 }],
    ['no hash of the student', { ...file, studentSha256: 'A'.repeat(64) }],
    ['a score nobody knows', { ...file, score: 'mood' }],
    ['a date that is none', { ...file, date: 'today' }],
    ['a bound above its budget', { ...file, certificates: [{ ...certificate, lossBound: 0.03 }] }],
    [
      'a threshold without a bound',
      { ...file, certificates: [{ ...certificate, lossBound: null }] },
    ],
    ['a threshold that is text', { ...file, certificates: [{ ...certificate, threshold: '0' }] }],
    ['a budget that is no share', { ...file, certificates: [{ ...certificate, alpha: 2 }] }],
  ])('promises nothing with %s', (_name, value) => {
    expect(() => parseCertificates(value)).toThrow(
      expect.objectContaining({ name: 'ModelError', code: 'bad-manifest' }),
    );
  });
});
