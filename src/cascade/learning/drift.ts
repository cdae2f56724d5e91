import type { LabelledScore } from '../certificate.ts';
import { rungsAbove } from './ladder.ts';

/**
 * Watches whether requests still look like the earlier ones, without labels of kept requests. Plain
 * data. A request is reduced to a bin: the rung its score reaches, and whether the cloud has shown
 * that the device was wrong (known for every request below `labelledFrom`, since it went up).
 */
export interface DriftWatch {
  /** Requests per bin: by rung, then the same again for answers seen to be wrong. */
  bag: number[];
  count: number;
  /** Below this rung every request's label is known. */
  labelledFrom: number;
  /** Evidence per suspicion, restarted at 1 whenever it falls below. */
  evidence: number[];
}

export interface Sighting {
  readonly score: number | null;
  /** Whether the cloud showed that the device was wrong; `null` = not known. */
  readonly isWrong: boolean | null;
}

/** A suspicion: the `share` strangest requests come `times` as often as before. */
interface Suspicion {
  readonly share: number;
  readonly times: number;
}

/**
 * From "a few strange requests come eight times as often" to "a quarter comes twice as often".
 * Chosen on CLINC150 val and Banking77 train rows (docs/decisions.md), not on the judged rows.
 */
const SUSPICIONS: readonly Suspicion[] = [
  { share: 0.03, times: 4 },
  { share: 0.06, times: 4 },
  { share: 0.12, times: 3 },
  { share: 0.25, times: 2 },
  { share: 0.03, times: 8 },
  { share: 0.06, times: 8 },
  { share: 0.12, times: 5 },
  { share: 0.25, times: 3 },
];

/** At least so many requests, on average, between two false alarms. */
export const DRIFT_BAR = 100_000;

/** A watch whose memory starts with the certificate's labels: later requests should look like them. */
export function createDriftWatch(
  ladder: readonly number[],
  rung: number,
  labels: readonly LabelledScore[] = [],
): DriftWatch {
  const watch: DriftWatch = {
    bag: Array.from({ length: 2 * (ladder.length + 1) }, () => 0),
    count: 0,
    labelledFrom: rung,
    evidence: SUSPICIONS.map(() => 1),
  };
  for (const { score, isLoss } of labels) {
    const bin = binOf(watch, ladder, { score: score ?? null, isWrong: isLoss });
    watch.bag[bin] = (watch.bag[bin] ?? 0) + 1;
    watch.count += 1;
  }
  return watch;
}

/**
 * Adds a request and gives the evidence for a change. Its rank among all requests so far is uniform
 * as long as they are exchangeable (conformal test martingale, Vovk et al. 2021); each suspicion bets
 * on low ranks and starts over when it has lost, and the mean over suspicions is an e-detector (Shin,
 * Ramdas and Rinaldo 2022): without a change it needs on average at least B requests to reach B.
 * `random` in [0, 1) breaks ties.
 */
export function watchForDrift(
  watch: DriftWatch,
  ladder: readonly number[],
  { sighting, random }: { readonly sighting: Sighting; readonly random: number },
): number {
  const bin = binOf(watch, ladder, sighting);
  let stranger = 0;
  for (let other = bin + 1; other < watch.bag.length; other += 1) stranger += watch.bag[other] ?? 0;
  const alike = watch.bag[bin] ?? 0;
  const rank = (stranger + random * (alike + 1)) / (watch.count + 1);
  watch.bag[bin] = alike + 1;
  watch.count += 1;
  watch.evidence = SUSPICIONS.map(({ share, times }, index) => {
    const odds = rank <= share ? times : (1 - times * share) / (1 - share);
    return Math.max(1, watch.evidence[index] ?? 1) * odds;
  });
  return watch.evidence.reduce((sum, each) => sum + each, 0) / watch.evidence.length;
}

/**
 * After loosening, labels are known only below the looser rung: what was seen to be wrong above it is
 * counted as if nobody had looked, so that old and new requests are binned alike.
 */
export function forgetLabelsAbove(watch: DriftWatch, rung: number): void {
  if (rung <= watch.labelledFrom) return;
  const half = watch.bag.length / 2;
  for (let bin = 0; bin <= rung; bin += 1) {
    watch.bag[bin] = (watch.bag[bin] ?? 0) + (watch.bag[half + bin] ?? 0);
    watch.bag[half + bin] = 0;
  }
  watch.labelledFrom = rung;
}

function binOf(
  { labelledFrom, bag }: DriftWatch,
  ladder: readonly number[],
  { score, isWrong }: Sighting,
): number {
  const bin = rungsAbove(ladder, score);
  return isWrong === true && bin > labelledFrom ? bin + bag.length / 2 : bin;
}
