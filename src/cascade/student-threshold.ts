import type { ClassificationScore, StudentCertificate, StudentInfo } from '../types.ts';

/** Where a student's answers are kept for one loss budget. */
export interface StudentThreshold {
  readonly score: ClassificationScore;
  /** Keep at or above; infinite where nothing may be kept. */
  readonly value: number;
  readonly isCertified: boolean;
  /** What the promise rests on; `null` where there is none for this budget. */
  readonly certificate: StudentCertificate | null;
}

/** Share of all requests; the default of the students' option. */
export const DEFAULT_LOSS_BUDGET = 0.02;

/**
 * The threshold certified for the largest loss that stays within the budget. Where certificates exist
 * and none covers the budget, nothing may be kept; `null`: there are no certificates at all.
 */
export function findThreshold(
  certified: StudentInfo['certified'],
  lossBudget: number,
): StudentThreshold | null {
  if (certified === null) return null;
  const { score, certificates } = certified;
  const covered = certificates
    .filter(({ alpha }) => alpha <= lossBudget)
    .toSorted((left, right) => right.alpha - left.alpha);
  const best = covered.find(({ threshold }) => threshold !== null) ?? covered[0] ?? null;
  const value = best?.threshold ?? Number.POSITIVE_INFINITY;
  return { score, value, isCertified: true, certificate: best };
}

/** Throws `RangeError` unless this is a share above 0 and below 1. */
export function parseLossBudget(value: number): number {
  if (value > 0 && value < 1) return value;
  throw new RangeError(
    'lossBudget must be a share above 0 and below 1, as in { lossBudget: 0.02 }.',
  );
}
