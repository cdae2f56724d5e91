import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PRIORITIES } from '../../../src/worker/protocol.ts';
import { pickStart, pickTurn } from '../../../src/worker/schedule.ts';
import type { Candidate, Turn } from '../../../src/worker/schedule.ts';

const turn = (priority: Turn['priority'], lastStep: number, arrival = lastStep): Turn => ({
  priority,
  lastStep,
  arrival,
});
const candidate = (priority: Turn['priority'], arrival: number, sessionId = 's'): Candidate => ({
  ...turn(priority, 0, arrival),
  sessionId,
});
const anySlot = { maxSlots: 4, canStart: () => true };

describe('pickTurn', () => {
  it('has nothing to pick among no runs', () => {
    expect(pickTurn([])).toBeUndefined();
  });

  it('lets keystrokes before answers before deferred work', () => {
    const deferred = turn('deferred', 1);
    const interactive = turn('interactive', 2);
    const keystroke = turn('keystroke', 3);
    expect(pickTurn([deferred, interactive, keystroke])).toBe(keystroke);
    expect(pickTurn([deferred, interactive])).toBe(interactive);
  });

  it('takes among equals the one that has not stepped for longest', () => {
    const recent = turn('interactive', 9, 1);
    const old = turn('interactive', 4, 2);
    expect(pickTurn([recent, old])).toBe(old);
  });

  it('takes among those that never stepped the one that came first', () => {
    const second = turn('interactive', 0, 2);
    const first = turn('interactive', 0, 1);
    expect(pickTurn([second, first])).toBe(first);
  });

  it('gives equals the same share of steps, whatever their number', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 20 }),
        (size, rounds) => {
          const runs = Array.from({ length: size }, (_, index) => ({
            ...turn('interactive', 0, index),
            steps: 0,
            lastStep: 0,
          }));
          for (let step = 1; step <= size * rounds; step += 1) {
            const run = pickTurn(runs);
            if (run === undefined) throw new Error('Nothing picked.');
            run.lastStep = step;
            run.steps += 1;
          }
          expect(runs.every((run) => run.steps === rounds)).toBe(true);
        },
      ),
    );
  });

  it('never picks a run while a more urgent one is ready', () => {
    const anyTurn = fc.record({
      priority: fc.constantFrom(...PRIORITIES),
      lastStep: fc.nat(50),
      arrival: fc.nat(50),
    });
    fc.assert(
      fc.property(fc.array(anyTurn, { minLength: 1 }), (runs) => {
        const picked = pickTurn(runs);
        const rank = (run: Turn | undefined): number =>
          run === undefined ? Infinity : PRIORITIES.indexOf(run.priority);
        expect(rank(picked)).toBe(Math.min(...runs.map(rank)));
      }),
    );
  });
});

describe('pickStart', () => {
  it('starts the most urgent first, then the one that waits longest', () => {
    const late = candidate('keystroke', 3);
    const early = candidate('interactive', 1);
    expect(pickStart([early, late], [], anySlot)).toBe(late);
    expect(pickStart([candidate('interactive', 2), early], [], anySlot)).toBe(early);
  });

  it('skips a run whose session gets no slot', () => {
    const stuck = candidate('keystroke', 1, 'stuck');
    const free = candidate('keystroke', 2, 'free');
    const slots = { maxSlots: 4, canStart: (sessionId: string) => sessionId === 'free' };
    expect(pickStart([stuck, free], [], slots)).toBe(free);
  });

  it('leaves the last slot to keystrokes', () => {
    const active = [1, 2, 3].map((step) => turn('interactive', step));
    const answer = candidate('interactive', 4);
    const key = candidate('keystroke', 5);
    expect(pickStart([answer], active, anySlot)).toBeUndefined();
    expect(pickStart([answer, key], active, anySlot)).toBe(key);
    expect(pickStart([answer], active.slice(1), anySlot)).toBe(answer);
  });

  it('gives the only slot to anyone', () => {
    const answer = candidate('deferred', 1);
    expect(pickStart([answer], [], { maxSlots: 1, canStart: () => true })).toBe(answer);
  });
});
