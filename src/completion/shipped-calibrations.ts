import type { ModelInfo } from '../types.ts';
import calibrationFile from './calibrations.json' with { type: 'json' };
import type { CompletionCalibration } from './completion-calibration.ts';

/**
 * The calibration that comes with the package for exactly this model file and arithmetic; `null` =
 * none. Before a model is loaded (`build` is `null`) any of the model's serves, since only the
 * memory's entries can be used then, and those depend on no build.
 */
export function findShippedCalibration(
  modelId: string,
  build: Pick<ModelInfo, 'precision' | 'sha256'> | null,
): CompletionCalibration | null {
  const fitting = (calibrationFile.calibrations as readonly CompletionCalibration[]).filter(
    (calibration) => calibration.modelId === modelId,
  );
  if (build === null) return fitting[0] ?? null;
  return (
    fitting.find(
      ({ precision, modelSha256 }) => precision === build.precision && modelSha256 === build.sha256,
    ) ?? null
  );
}
