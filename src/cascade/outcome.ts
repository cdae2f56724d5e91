/**
 * One request of the past and how it went: what calibration, certificates and evaluations read. On
 * disk: one JSON object a line (`read-outcomes.ts` says how names differ there).
 */
export interface Outcome {
  /** Names the request; rows with the same id are the same request. */
  readonly id: string;
  readonly topic?: string;
  readonly text?: string;
  /** Milliseconds since the epoch, or any clock that rises. */
  readonly timeMs?: number;
  /** Evidence by name; `null` = unknown. */
  readonly features?: Readonly<Record<string, number | null>>;
  /** Higher = the device is surer; `null` = unknown, and such a request is never kept. */
  readonly score?: number | null;
  readonly deviceCorrect: boolean;
  /** Whether the tier above would have been right; `null` or absent = unknown. */
  readonly cloudCorrect?: boolean | null;
  /** US dollars for this request. */
  readonly deviceCost?: number;
  readonly cloudCost?: number;
  /** Whether a judge passed the device's answer; `null` or absent = not judged. */
  readonly judge?: boolean | null;
  /** The answer is known to be wrong and was planted to test the judge. */
  readonly canary?: boolean;
  /** Every rung that could have answered, cheapest first. */
  readonly tiers?: readonly OutcomeTier[];
}

export interface OutcomeTier {
  readonly id: string;
  readonly correct: boolean;
  readonly score?: number | null;
  /** US dollars for this request. */
  readonly cost: number;
}

/**
 * Whether keeping this request loses: the device is wrong and the cloud right. An unknown cloud
 * counts as right, and a lucky keep elsewhere never makes up for it (the definition of loss:
 * docs/decisions.md).
 */
export function isLoss(outcome: Pick<Outcome, 'deviceCorrect' | 'cloudCorrect'>): boolean {
  return !outcome.deviceCorrect && outcome.cloudCorrect !== false;
}
