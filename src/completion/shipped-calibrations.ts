import type { Precision } from '../types.ts';
import calibrationFile from './calibrations.json' with { type: 'json' };
import type { CompletionCalibration } from './completion-calibration.ts';

/**
 * The calibration that comes with the package for this model and build; `null` = none. Before the
 * model is loaded (`precision` unknown) that of any build serves, for the memory's own entries.
 */
export function findShippedCalibration(
  modelId: string,
  precision: Precision | null,
): CompletionCalibration | null {
  const fitting = (calibrationFile.calibrations as readonly CompletionCalibration[]).filter(
    (calibration) => calibration.modelId === modelId,
  );
  if (precision === null) return fitting[0] ?? null;
  return fitting.find((calibration) => calibration.precision === precision) ?? null;
}
