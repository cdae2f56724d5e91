import {
  reportObservations,
  type Observation,
  type ObservationReport,
} from '../cascade/observe.ts';
import { giveWay } from '../evaluate/draws.ts';
import { distilNgram } from '../specialise/distil.ts';
import { readStudent, type Student } from '../students/ngram-student.ts';
import type { LabelledText } from '../students/train-ngram.ts';
import { readLabel, type AnswerSet, type LabelAnswers } from './answer-set.ts';
import { FEWEST_REQUESTS, findSubject } from './audit-subject.ts';
import { meanOf, meanPrice, type CallPrices } from './call-price.ts';
import type { Log } from './logged-call.ts';
import { splitRequests, type LoggedRequest, type SplitRequests } from './logged-requests.ts';

export interface AuditOptions {
  readonly prices?: CallPrices;
  /** Loss budgets as shares of all requests, ascending. Default 1, 2 and 5 %. */
  readonly alphas?: readonly number[];
  /** Accepted risk that one certificate is wrong. Default 0.1. */
  readonly delta?: number;
  /** Same log and seed, same result. Default 1. */
  readonly seed?: number;
  /** Most requests to learn from, the latest ones: training takes longer with more. Default 10,000. */
  readonly mostTraining?: number;
  readonly signal?: AbortSignal;
  /** Called with a share from 0 to 1. */
  readonly onProgress?: (share: number) => void;
}

/** What an audit found. */
export interface Audit {
  readonly log: Log;
  /** Calls it is about: all of the log, or those of its largest task of sorting. */
  readonly calls: number;
  /** Distinct texts of these. */
  readonly requests: number;
  readonly answers: AnswerSet;
  /** `null` where the answers are no labels, or too few to learn from. */
  readonly judgement: Judgement | null;
  readonly seed: number;
  readonly delta: number;
  readonly alphas: readonly number[];
}

/** How a student did that learnt from one part of the log, on the other part. */
export interface Judgement {
  readonly split: Pick<SplitRequests, 'order' | 'unused'> & { readonly training: number };
  /** Texts that got several answers; they count as different from the cloud whatever is said. */
  readonly contradictory: number;
  readonly observations: readonly Observation[];
  /** One for each loss budget. */
  readonly reports: readonly ObservationReport[];
  /** Size of the student, bytes. */
  readonly studentBytes: number;
}

export const DEFAULT_ALPHAS: readonly number[] = [0.01, 0.02, 0.05];
export const DEFAULT_DELTA = 0.1;
export const DEFAULT_MOST_TRAINING = 10_000;

/** Judging takes about a millisecond a text; training takes the rest. */
const TRAINING_PROGRESS = 0.9;
const PAUSE_INTERVAL_MS = 50;

/**
 * What of a log a small classifier could have answered on the device, and with which certified loss.
 * It learns from one part of the log and is judged on the other, with the cloud's answers as labels:
 * the certificate bounds how often a kept answer would differ from the cloud's, not from the truth.
 *
 * @throws DataError `too-few-rows` when no text of the log has a word.
 */
export async function auditLog(log: Log, options: AuditOptions = {}): Promise<Audit> {
  const { seed = 1, delta = DEFAULT_DELTA, alphas = DEFAULT_ALPHAS } = options;
  const { calls, requests, answers } = findSubject(log.calls);
  const isJudged = answers.kind === 'labels' && requests.length >= FEWEST_REQUESTS;
  const judgement = isJudged ? await judge(requests, { answers, options, seed }) : null;
  const facts = { log, calls, requests: requests.length, answers, seed, delta, alphas };
  if (judgement === null) return { ...facts, judgement };
  const reports = alphas.map((alpha) =>
    reportObservations(judgement.observations, { alpha, delta }),
  );
  return { ...facts, judgement: { ...judgement, reports } };
}

interface JudgeContext {
  readonly answers: LabelAnswers;
  readonly options: AuditOptions;
  readonly seed: number;
}

/** A request with every label it got. */
type Labelled = LoggedRequest & { readonly labels: readonly (string | null)[] };

async function judge(
  requests: readonly LoggedRequest[],
  { answers, options, seed }: JudgeContext,
): Promise<Omit<Judgement, 'reports'>> {
  const { mostTraining = DEFAULT_MOST_TRAINING, signal, onProgress } = options;
  const pause = createPause();
  const split = splitRequests(requests, { seed, mostTraining });
  const labelled = split.training.map((request) => labelsOf(request, answers));
  const { bytes } = await distilNgram(labelled.flatMap(trainingRows), {
    seed,
    pause,
    ...(signal === undefined ? {} : { signal }),
    onProgress: ({ done, total }) => onProgress?.((done / total) * TRAINING_PROGRESS),
  });
  const student = readStudent(bytes);
  const judged = split.judged.map((request) => labelsOf(request, answers));
  const observations: Observation[] = [];
  for (const [index, request] of judged.entries()) {
    signal?.throwIfAborted();
    observations.push(observe(request, { student, index, prices: options.prices ?? {} }));
    onProgress?.(TRAINING_PROGRESS + (1 - TRAINING_PROGRESS) * ((index + 1) / judged.length));
    await pause();
  }
  const { order, unused } = split;
  return {
    split: { order, unused, training: split.training.length },
    contradictory: [...labelled, ...judged].filter(({ labels }) => labels.length > 1).length,
    observations,
    studentBytes: bytes.length,
  };
}

function labelsOf(request: LoggedRequest, { field }: LabelAnswers): Labelled {
  const labels = request.calls.map(({ answer }) => readLabel(answer, field));
  return { ...request, labels: [...new Set(labels)] };
}

function trainingRows({ text, labels }: Labelled): LabelledText[] {
  return labels.flatMap((label) => (label === null ? [] : [{ text, label }]));
}

function observe(
  { calls, text, labels }: Labelled,
  { student, index, prices }: { student: Student; index: number; prices: CallPrices },
): Observation {
  const startedAtMs = performance.now();
  const { label, evidence } = student.predict(text);
  const deviceDurationMs = performance.now() - startedAtMs;
  const cost = meanPrice(calls, prices);
  return {
    id: `request-${index + 1}`,
    score: evidence.topProbability,
    features: { ...evidence },
    deviceCorrect: labels.length === 1 && labels[0] === label,
    cloudCorrect: null,
    ...(cost === null ? {} : { cloudCost: cost }),
    cloudDurationMs: meanOf(calls.flatMap(({ durationMs }) => durationMs ?? [])),
    deviceDurationMs,
  };
}

/** Training and judging ask every few milliseconds; a turn of the event loop costs about one. */
function createPause(): () => Promise<void> {
  let pausedAtMs = performance.now();
  return async () => {
    if (performance.now() - pausedAtMs < PAUSE_INTERVAL_MS) return;
    await giveWay();
    pausedAtMs = performance.now();
  };
}
