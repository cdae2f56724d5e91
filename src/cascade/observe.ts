import type { Classification } from '../types.ts';
import { upperBinomialBound } from './binomial-bound.ts';
import { certifyThreshold, type CertificationResult, type LossBudget } from './certificate.ts';
import { isLoss, type Outcome } from './outcome.ts';

/** One of the app's own calls, and what the device would have said. */
export interface ObservedCall {
  readonly id: string;
  readonly timeMs: number;
  readonly task: string;
  /** The label the app got. */
  readonly cloudLabel: string;
  /** The right one, where somebody knows it. Default: unknown, and the cloud counts as right. */
  readonly trueLabel?: string | undefined;
  /** What the app's call cost, US dollars. Default: unknown. */
  readonly costUsd?: number | undefined;
  /** How long the app's call took. Default: unknown. */
  readonly durationMs?: number | undefined;
  readonly device: Pick<Classification, 'label' | 'evidence' | 'receipt'>;
}

/** An observed call as an outcome: no text in it, and small enough to be kept and sent on. */
export interface Observation extends Outcome {
  readonly cloudDurationMs: number | null;
  readonly deviceDurationMs: number;
}

export interface ObservationReport {
  /** Calls that were compared. */
  readonly requests: number;
  /** Of those, where somebody knew the right label; elsewhere the cloud's answer stands for it. */
  readonly knownLabels: number;
  /** Share in which the device names the right label, or the cloud's. */
  readonly agreementShare: number | null;
  /** What could have been kept, at which certified loss; or about how many more labels it takes. */
  readonly certificate: CertificationResult;
  /** What keeping it would have saved on these calls; `null` without a certificate. */
  readonly saving: ObservedSaving | null;
}

/** Only the certificate is a promise. These figures describe the calls that were seen. */
export interface ObservedSaving {
  /**
   * On the calls that the threshold was chosen on: a little high for calls to come. A split would be
   * free of that, and would cost the certificate half of its labels.
   */
  readonly basis: 'in-sample';
  readonly keptRequests: number;
  readonly keptShare: number;
  /**
   * 95 % interval (Clopper-Pearson) of the share that would be kept, exact for a threshold given
   * beforehand; that this one was chosen on the same calls is not in it.
   */
  readonly keptShareLow: number;
  readonly keptShareHigh: number;
  /** Of the kept calls whose cost is known; `null` where none is. */
  readonly costUsd: number | null;
  /** Kept calls whose cost is known. */
  readonly pricedRequests: number;
  /** Mean time of the kept calls in the cloud and on the device; `null` where none is known. */
  readonly cloudMeanMs: number | null;
  readonly deviceMeanMs: number | null;
}

/** As the students' certificates: 2 % loss at 10 % risk. */
const DEFAULT_BUDGET: LossBudget = { alpha: 0.02, delta: 0.1 };

/** One tail of a 95 % interval. */
const TAIL = 0.025;

/** What a call tells, without its text. The score is the student's highest probability. */
export function toObservation(call: ObservedCall): Observation {
  const { id, timeMs, task, cloudLabel, trueLabel, costUsd, durationMs, device } = call;
  return {
    id,
    timeMs,
    topic: task,
    score: device.evidence?.topProbability ?? null,
    features: { ...device.evidence },
    deviceCorrect: device.label === (trueLabel ?? cloudLabel),
    cloudCorrect: trueLabel === undefined ? null : cloudLabel === trueLabel,
    ...(costUsd === undefined ? {} : { cloudCost: costUsd }),
    cloudDurationMs: durationMs ?? null,
    deviceDurationMs: device.receipt.durationMs,
  };
}

/**
 * What the observed calls say: nothing of it changed an answer. The certificate holds for calls like
 * these (same source, same student); where the right labels are not known it bounds how often a kept
 * answer differs from the cloud's.
 *
 * @throws RangeError when the budget is no share.
 */
export function reportObservations(
  observations: readonly Observation[],
  budget: Partial<LossBudget> = {},
): ObservationReport {
  const rows = observations.map((each) => ({
    id: each.id,
    score: each.score ?? null,
    isLoss: isLoss(each),
  }));
  const certificate = certifyThreshold(rows, { ...DEFAULT_BUDGET, ...budget });
  const agreeing = observations.filter(({ deviceCorrect }) => deviceCorrect).length;
  const known = observations.filter(({ cloudCorrect }) => cloudCorrect != null).length;
  return {
    requests: observations.length,
    knownLabels: known,
    agreementShare: observations.length === 0 ? null : agreeing / observations.length,
    certificate,
    saving:
      certificate.status === 'certified' ? sumSaving(observations, certificate.threshold) : null,
  };
}

function sumSaving(observations: readonly Observation[], threshold: number): ObservedSaving {
  const trials = observations.length;
  const kept = observations.filter(({ score }) => score != null && score >= threshold);
  const costs = kept.flatMap(({ cloudCost }) => (cloudCost === undefined ? [] : [cloudCost]));
  return {
    basis: 'in-sample',
    keptRequests: kept.length,
    keptShare: kept.length / trials,
    keptShareLow: 1 - upperBinomialBound({ successes: trials - kept.length, trials }, TAIL),
    keptShareHigh: upperBinomialBound({ successes: kept.length, trials }, TAIL),
    costUsd: costs.length === 0 ? null : sumOf(costs),
    pricedRequests: costs.length,
    cloudMeanMs: meanOf(kept.flatMap(({ cloudDurationMs }) => cloudDurationMs ?? [])),
    deviceMeanMs: meanOf(kept.map(({ deviceDurationMs }) => deviceDurationMs)),
  };
}

function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : sumOf(values) / values.length;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
