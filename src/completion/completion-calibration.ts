import { historyBucket, type HistoryBucket } from '../cascade/calibration.ts';
import { applyMap, type CalibrationMap } from '../cascade/calibration-map.ts';

/** Who completed: the language model, the memory of a person's own words, or both. */
export type CompletionSourceId = 'model' | 'memory';

/** What completions are worth with these sources and so much history. */
export interface CompletionCalibrationEntry {
  /** Messages that the word memory held. */
  readonly history: HistoryBucket;
  /** From a source's product to the probability that its text is right; a source that is not here was not used. */
  readonly maps: Readonly<Partial<Record<CompletionSourceId, CalibrationMap>>>;
  /** Least mapped probability that is shown. */
  readonly threshold: number;
  /** From a mapped probability to the share of shown ghosts that were right. */
  readonly shown: CalibrationMap;
  /** Caret positions and ghosts it was fitted on. */
  readonly samples: number;
}

/** Schema: models/schemas/completion-calibration.schema.json. Holds for one model file and one build. */
export interface CompletionCalibration {
  readonly version: 1;
  readonly id: string;
  readonly modelId: string;
  readonly modelSha256: string;
  readonly precision: 'exact' | 'fast';
  /** Earlier messages in the model's prompt when there is a history. */
  readonly promptHistory: number;
  /** New wrong ghosts per 100 keys that thresholds were fitted for. */
  readonly flashBudget: number;
  readonly turns: number;
  readonly date: string;
  readonly dataSha256: string;
  readonly entries: readonly CompletionCalibrationEntry[];
}

/**
 * The entry for exactly these sources and this much history; with none, that of the next smaller
 * history, since a larger memory is surer than its calibration and not less sure. `null` = none.
 */
export function findCompletionEntry(
  calibration: CompletionCalibration,
  sources: readonly CompletionSourceId[],
  messages: number,
): CompletionCalibrationEntry | null {
  const wanted = BUCKETS.indexOf(historyBucket(messages));
  const fitting = calibration.entries
    .filter(({ maps }) => hasExactly(maps, sources))
    .filter(({ history }) => BUCKETS.indexOf(history) <= wanted);
  return (
    fitting.toSorted((a, b) => BUCKETS.indexOf(b.history) - BUCKETS.indexOf(a.history))[0] ?? null
  );
}

const BUCKETS: readonly HistoryBucket[] = ['0', '1-99', '100-299', '300-999', '1000-2999', '3000+'];

function hasExactly(
  maps: CompletionCalibrationEntry['maps'],
  sources: readonly CompletionSourceId[],
): boolean {
  const present = Object.keys(maps);
  return present.length === sources.length && sources.every((source) => present.includes(source));
}

/** Halvings of the unit interval: the product is exact to 1e-9. */
const BISECTIONS = 30;

/** The smallest product that a map takes to `probability` or above; above 1 when none does. */
export function leastProduct(map: CalibrationMap, probability: number): number {
  if ((applyMap(map, 1) ?? 0) < probability) return Number.POSITIVE_INFINITY;
  let low = 0;
  let high = 1;
  for (let step = 0; step < BISECTIONS; step++) {
    const middle = (low + high) / 2;
    if ((applyMap(map, middle) ?? 0) >= probability) high = middle;
    else low = middle;
  }
  return high;
}
