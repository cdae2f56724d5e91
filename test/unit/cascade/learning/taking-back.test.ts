import { describe, expect, it } from 'vitest';
import { createWorld, type World } from './learning-world.ts';

/** A long quiet stretch: evidence for the loosest rungs far beyond the bar. */
function quietWorld(): World {
  const world = createWorld();
  world.run(30_000, { height: 0.004 });
  return world;
}

describe('a tightening', () => {
  it('by an alarm is not taken back on the evidence from before it', () => {
    const { loop, changes, run } = quietWorld();
    const [before, quiet] = [loop.threshold ?? 0, changes.length];
    // Scores come as before, so that only the checks can tell.
    const isOfNewKind = (score: number): boolean => score < before + 0.25;
    run(8_000, { lossRate: (score) => (isOfNewKind(score) ? 0.3 : 0.002) });
    const later = changes.slice(quiet);
    expect(later[0]).toMatchObject({ kind: 'tighten', reason: 'loss-evidence' });
    expect(later.filter(({ kind }) => kind === 'loosen')).toEqual([]);
    expect(loop.threshold).toBeGreaterThan(before + 0.15);
  });

  it('by people’s corrections lasts', () => {
    const { loop, run } = quietWorld();
    const before = loop.threshold ?? 0;
    for (let index = 0; index < 45; index += 1)
      loop.correct({ score: before + 0.001, kind: 'undo' });
    const corrected = loop.threshold ?? 0;
    expect(corrected).toBeGreaterThan(before);
    run(200, { height: 0 });
    expect(loop.threshold).toBe(corrected);
  });

  it('by the owner’s undo lasts until requests after it prove the looser rung again', () => {
    const { loop, run } = quietWorld();
    const before = loop.threshold ?? 0;
    for (let index = 0; index < 3; index += 1) loop.undo();
    const undone = loop.threshold ?? 0;
    expect(undone).toBeGreaterThan(before);
    run(200, { height: 0 });
    expect(loop.threshold).toBe(undone);
    run(8_000, { height: 0 });
    expect(loop.threshold).toBeLessThan(undone);
  });

  it('that a frozen loop only tells of ends the evidence too', () => {
    const { loop, changes, run } = createWorld();
    const before = loop.threshold ?? 0;
    loop.freeze();
    run(30_000, { height: 0.004 });
    const isAlarm = (): boolean => changes.some(({ reason }) => reason === 'loss-evidence');
    for (let index = 0; index < 100 && !isAlarm(); index += 1)
      run(20, { lossRate: (score) => (score < before ? 0.002 : 0.3) });
    expect(isAlarm()).toBe(true);
    loop.unfreeze();
    run(50, { height: 0 });
    expect(loop.threshold).toBe(before);
  });
});
