import { DataError } from '../errors.ts';
import type { Confidence, Precision } from '../types.ts';
import { applyMap, type CalibrationMap, type MapKind } from './calibration-map.ts';
import type { ReliabilityBin } from './reliability.ts';

/** What a calibration was fitted for. It holds there and nowhere else. */
export interface CalibrationScope {
  /** SHA-256 of the model file, lower-case hex; `null` = nobody said, so no engine's scope equals it. */
  readonly modelSha256: string | null;
  /** As in the catalogue: `Q4_1`, `int8`. */
  readonly quantisation: string;
  /** `null` where the engine has only one. */
  readonly precision: Precision | null;
  readonly task: string;
  /** `score`, or the name of the feature that was used as one: `product`, `margin`. */
  readonly evidence: string;
  /** How much personal history was known; `null` where none is used. See `historyBucket`. */
  readonly history: HistoryBucket | null;
}

export type HistoryBucket = '0' | '1-99' | '100-299' | '300-999' | '1000-2999' | '3000+';

/** One calibration as it lies on disk (schema: models/schemas/calibration.schema.json). */
export interface Calibration {
  readonly version: 1;
  readonly id: string;
  readonly scope: CalibrationScope;
  readonly map: CalibrationMap;
  /** Answers it was fitted on. */
  readonly samples: number;
  /** Day it was made, ISO 8601. */
  readonly date: string;
  /** SHA-256 of the outcomes file. */
  readonly dataSha256: string;
  readonly seed: number;
  /** Cross-fitted, as are the errors below: every answer was judged by a map that had not seen it. */
  readonly reliability: readonly ReliabilityBin[];
  /** Expected calibration error with the map. */
  readonly ece: number;
  /** Without it; `null` when the score is no share. */
  readonly eceBefore: number | null;
  /** Cross-validated log loss of both kinds, by which the kind was chosen. */
  readonly logLoss: Readonly<Record<MapKind, number>>;
}

const SCOPE_FIELDS = [
  'modelSha256',
  'quantisation',
  'precision',
  'task',
  'evidence',
  'history',
] as const satisfies readonly (keyof CalibrationScope)[];

/** Lower ends of the buckets, in messages: where the reference measurements changed. */
const HISTORY_BUCKETS: readonly (readonly [number, HistoryBucket])[] = [
  [3000, '3000+'],
  [1000, '1000-2999'],
  [300, '300-999'],
  [100, '100-299'],
  [1, '1-99'],
];

/** The bucket of a personal memory: its score means something else as it grows. */
export function historyBucket(messages: number): HistoryBucket {
  return HISTORY_BUCKETS.find(([from]) => messages >= from)?.[1] ?? '0';
}

/**
 * The calibrated confidence of a score. An unknown score stays unknown.
 *
 * @throws DataError `calibration-mismatch` when it was fitted for something else.
 */
export function applyCalibration(
  calibration: Calibration,
  scope: CalibrationScope,
  score: number | null,
): Confidence {
  const field = mismatchOf(calibration.scope, scope);
  if (field !== null) throw mismatch(calibration, scope, field);
  return { value: applyMap(calibration.map, score), calibrationId: calibration.id };
}

/** The newest calibration that was fitted for exactly this; `null` when there is none. */
export function findCalibration(
  calibrations: readonly Calibration[],
  scope: CalibrationScope,
): Calibration | null {
  const fitting = calibrations.filter((one) => mismatchOf(one.scope, scope) === null);
  return fitting.toSorted((a, b) => b.date.localeCompare(a.date))[0] ?? null;
}

function mismatchOf(mine: CalibrationScope, theirs: CalibrationScope): string | null {
  return SCOPE_FIELDS.find((field) => mine[field] !== theirs[field]) ?? null;
}

function mismatch(calibration: Calibration, scope: CalibrationScope, field: string): DataError {
  const key = field as keyof CalibrationScope;
  const message = `Calibration ${calibration.id} was fitted for ${field} ${calibration.scope[key]}, not ${scope[key]}: make one with edgewise calibrate, or go without.`;
  return new DataError('calibration-mismatch', message, {
    details: { field, fitted: calibration.scope[key], asked: scope[key] },
  });
}
