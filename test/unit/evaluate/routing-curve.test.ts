import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { callsFor, recoveredAt, routingCurve } from '../../../src/evaluate/routing-curve.ts';

const priorities = [3, 3, 2, 2, 2, 1, 1, 0, 0, 0];
const gains = [1, 0, 1, 1, -1, 0, 1, 0, -1, 0];
const rows = priorities.map((priority, index) => ({ priority, gain: gains[index] ?? 0 }));

describe('A routing curve', () => {
  // Expected values: numpy, ties averaged.
  it('has the area of its ten requests', () => {
    expect(routingCurve(rows)?.apgr).toBeCloseTo(0.9, 12);
  });

  it('recovers what its points say, straight between them', () => {
    const curve = routingCurve(rows);
    expect(curve?.points).toEqual([
      { x: 0, y: 0 },
      { x: 0.2, y: 0.5 },
      { x: 0.5, y: 1 },
      { x: 0.7, y: 1.5 },
      { x: 1, y: 1 },
    ]);
    if (curve === null) return;
    expect(recoveredAt(curve, 0.1)).toBeCloseTo(0.25, 12);
    expect(recoveredAt(curve, 0.6)).toBeCloseTo(1.25, 12);
    expect(callsFor(curve, 0.5)).toBeCloseTo(0.2, 12);
    expect(callsFor(curve, 0.8)).toBeCloseTo(0.38, 12);
    expect(callsFor(curve, 9)).toBe(1);
  });

  it('is half for whoever tells nothing, in whatever order the rows come', () => {
    const gain = fc.constantFrom(-1, 0, 1);
    fc.assert(
      fc.property(fc.array(gain, { minLength: 1 }), (values) => {
        const flat = routingCurve(values.map((value) => ({ priority: 7, gain: value })));
        const isPositive = values.reduce((sum: number, value) => sum + value, 0) > 0;
        if (isPositive) expect(flat?.apgr).toBeCloseTo(0.5, 12);
        else expect(flat).toBeNull();
      }),
    );
  });

  it('is never above that of the oracle', () => {
    const row = fc.record({
      priority: fc.integer({ min: 0, max: 5 }),
      gain: fc.constantFrom(-1, 0, 1),
    });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1 }), (values) => {
        const oracle = routingCurve(values.map(({ gain }) => ({ gain, priority: gain })));
        const ours = routingCurve(values);
        if (ours !== null) expect(ours.apgr).toBeLessThanOrEqual((oracle?.apgr ?? 0) + 1e-9);
      }),
    );
  });
});
