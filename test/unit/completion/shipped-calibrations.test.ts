import { describe, expect, it } from 'vitest';

import catalogue from '../../../models/catalogue.json' with { type: 'json' };
import file from '../../../src/completion/calibrations.json' with { type: 'json' };
import schema from '../../../src/completion/calibrations.schema.json' with { type: 'json' };
import {
  findCompletionEntry,
  leastProduct,
} from '../../../src/completion/completion-calibration.ts';
import { findShippedCalibration } from '../../../src/completion/shipped-calibrations.ts';

const MODEL = 'smollm2-135m-instruct-q4_1';
const sha256 = catalogue.models.find(({ id }) => id === MODEL)!.sha256;

describe('the calibrations in the package', () => {
  it.each(['exact', 'fast'] as const)('know the default model on the %s build', (precision) => {
    const calibration = findShippedCalibration(MODEL, { precision, sha256 });
    expect(calibration?.precision).toBe(precision);
    expect(calibration?.modelSha256).toBe(sha256);
  });

  it('have an entry for every place: no history, a memory alone, and both', () => {
    for (const precision of ['exact', 'fast'] as const) {
      const calibration = findShippedCalibration(MODEL, { precision, sha256 })!;
      expect(findCompletionEntry(calibration, ['model'], 0)).not.toBeNull();
      for (const messages of [1, 100, 300, 1000, 3000]) {
        expect(findCompletionEntry(calibration, ['memory'], messages)).not.toBeNull();
        expect(findCompletionEntry(calibration, ['model', 'memory'], messages)).not.toBeNull();
      }
    }
  });

  it('ask for a product that can be reached', () => {
    for (const { entries } of file.calibrations) {
      for (const { maps, threshold } of entries) {
        for (const map of Object.values(maps)) {
          const product = leastProduct(map as never, threshold);
          expect(product).toBeGreaterThan(0.2);
          expect(product).toBeLessThan(1);
        }
      }
    }
  });

  it('serve memory alone before the model is loaded, and no other model', () => {
    expect(findShippedCalibration(MODEL, null)).not.toBeNull();
    expect(findShippedCalibration('another', { precision: 'fast', sha256 })).toBeNull();
  });

  it('hold for one file only', () => {
    const other = { precision: 'fast', sha256: '0'.repeat(64) } as const;
    expect(findShippedCalibration(MODEL, other)).toBeNull();
  });

  it('have the keys of their schema', () => {
    const { calibration, entry } = schema.$defs;
    for (const each of file.calibrations) {
      expect(Object.keys(each).toSorted()).toEqual(calibration.required.toSorted());
      for (const row of each.entries) {
        expect(Object.keys(row).toSorted()).toEqual(entry.required.toSorted());
      }
    }
  });
});
