import type { Classifier, StudentClassifier } from '../../src/cascade/classify-turn.ts';
import type { CallOptions, Classification, Request, StudentInfo } from '../../src/types.ts';

export const LABELS = ['refund', 'card_lost', 'other'] as const;

/** Facts of a student with thresholds for losses of 1, 2 and 5 %; 1 % is not certifiable. */
export const STUDENT_INFO: StudentInfo = {
  id: 'bank',
  name: 'Bank messages',
  sha256: 'a'.repeat(64),
  sizeBytes: 1000,
  labels: LABELS,
  licence: null,
  certified: {
    score: 'topProbability',
    dataName: 'rows',
    dataSha256: 'b'.repeat(64),
    date: '2026-11-24',
    certificates: [certificate(0.01, null), certificate(0.02, 0.8), certificate(0.05, 0.5)],
  },
};

function certificate(alpha: number, threshold: number | null) {
  const facts = { alpha, delta: 0.1, labels: 1000, threshold };
  return threshold === null
    ? { ...facts, keptShare: null, lossBound: null, labelsNeeded: 2000 }
    : { ...facts, keptShare: 0.7, lossBound: alpha - 0.001, labelsNeeded: null };
}

export interface Scripted {
  readonly calls: readonly Request[];
}

/** A student that is as sure as the test wants; an error instead of a number: it fails. */
export function createScriptedStudent(
  sureness: number | Error,
  info: StudentInfo | Error = STUDENT_INFO,
): StudentClassifier & Scripted {
  const calls: Request[] = [];
  return {
    id: 'student',
    place: 'device',
    modelId: 'bank',
    calls,
    async open(options) {
      options?.signal?.throwIfAborted();
      if (info instanceof Error) throw info;
      return info;
    },
    async classify(request, options) {
      calls.push(request);
      options?.signal?.throwIfAborted();
      if (sureness instanceof Error) throw sureness;
      return answerOf('student', 'refund', sureness);
    },
  };
}

/** A tier in the cloud that names this label, fails, or waits until it is aborted. */
export function createScriptedRemote(
  id: string,
  label: string | Error | 'wait',
): Classifier & Scripted {
  const calls: Request[] = [];
  return {
    id,
    place: 'remote',
    modelId: id,
    calls,
    async classify(request, options) {
      calls.push(request);
      if (label instanceof Error) throw label;
      if (label === 'wait') return waitForAbort(options);
      return { ...answerOf(id, label, null), probabilities: null, evidence: null };
    },
  };
}

function waitForAbort(options: CallOptions | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    options?.signal?.addEventListener('abort', () => reject(options.signal?.reason));
  });
}

function answerOf(tier: string, label: string, sureness: number | null): Classification {
  const rest = sureness === null ? 0 : (1 - sureness) / 2;
  return {
    label,
    probabilities: { refund: sureness ?? 0, card_lost: rest, other: rest },
    confidence: { value: sureness, calibrationId: 'uncalibrated' },
    decision: null,
    evidence: { topProbability: sureness, margin: null, entropy: null, trainingDistance: null },
    tier,
    receipt: {
      id: `${tier}-1`,
      startedAtMs: 0,
      task: 'classify',
      tier,
      modelId: null,
      inputTokens: null,
      cachedTokens: null,
      outputTokens: null,
      durationMs: 1,
      busyMs: null,
      costUsd: null,
      energyWh: null,
      carbonGrams: null,
    },
  };
}
