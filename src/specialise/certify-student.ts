import { certifyThreshold, type CertificationResult } from '../cascade/certificate.ts';
import { DataError } from '../errors.ts';
import type { Student } from '../students/ngram-student.ts';
import type { CertificatesFile } from '../students/student-certificates.ts';
import type { LabelledText } from '../students/train-ngram.ts';
import type { ClassificationScore, StudentCertificate } from '../types.ts';

export interface CertifyOptions {
  readonly student: Pick<Student, 'labels' | 'predict'>;
  readonly studentSha256: string;
  /** Not those it was trained on; labels it does not know count as wrong. */
  readonly rows: readonly LabelledText[];
  readonly dataName: string;
  readonly dataSha256: string;
  /** `2026-11-24` */
  readonly date: string;
  /** Loss budgets, as shares of all requests. */
  readonly alphas: readonly number[];
  /** Accepted risk that one promise is wrong. */
  readonly delta: number;
}

/** What the thresholds are set on. */
const SCORE: ClassificationScore = 'topProbability';

/**
 * Thresholds of a student with their certificates, one per loss budget. What the cloud would have said
 * is not known of these rows, so every wrong label that is kept counts as lost. A text that stands in
 * several rows is one request.
 *
 * @throws DataError `too-few-rows` without rows; RangeError for a budget that is no share.
 */
export function certifyStudent(options: CertifyOptions): CertificatesFile {
  const { student, rows, alphas, delta } = options;
  if (rows.length === 0) {
    throw new DataError('too-few-rows', 'There are no rows to certify with: give labelled texts.');
  }
  const scored = rows.map(({ text, label }) => {
    const answer = student.predict(text);
    return { id: text, score: answer.evidence[SCORE], isLoss: answer.label !== label };
  });
  const certificates = alphas
    .toSorted((left, right) => left - right)
    .map((alpha) => toCertificate(certifyThreshold(scored, { alpha, delta })));
  const { studentSha256, dataName, dataSha256, date } = options;
  return { version: 1, studentSha256, score: SCORE, dataName, dataSha256, date, certificates };
}

function toCertificate(result: CertificationResult): StudentCertificate {
  const { alpha, delta, labels } = result;
  if (result.status === 'not-certifiable') {
    const { labelsNeeded } = result;
    return {
      alpha,
      delta,
      labels,
      threshold: null,
      keptShare: null,
      lossBound: null,
      labelsNeeded,
    };
  }
  const { threshold, keptShare, lossBound } = result;
  return { alpha, delta, labels, threshold, keptShare, lossBound, labelsNeeded: null };
}
