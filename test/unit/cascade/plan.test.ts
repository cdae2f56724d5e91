import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { EgressRule } from '../../../src/cascade/egress.ts';
import { MODES } from '../../../src/cascade/modes.ts';
import {
  planTurn,
  type Plan,
  type PlannedTier,
  type PlanInput,
} from '../../../src/cascade/plan.ts';
import { createRuleSet } from '../../../src/cascade/rules.ts';
import type { Mode } from '../../../src/types.ts';

const device: PlannedTier = { id: 'device', place: 'device', modelId: 'm' };
const slm: PlannedTier = { id: 'slm', place: 'remote', modelId: 'slm' };
const frontier: PlannedTier = { id: 'frontier', place: 'remote', modelId: 'frontier' };
const localOnly: readonly EgressRule[] = [{ egress: 'local-only' }];

function plan(mode: Mode, task: string, more: Partial<PlanInput> = {}): Plan {
  return planTurn({
    mode,
    request: { task },
    tiers: [device, slm, frontier],
    rules: createRuleSet(),
    egress: [],
    isAvailable: () => true,
    ...more,
  });
}

describe('A plan', () => {
  it.each<[Mode, string, object]>([
    ['prefer-on-device', 'rewrite', { start: 'device', above: 'slm', opening: null }],
    [
      'prefer-on-device',
      'ask',
      {
        start: 'remote',
        remote: 'slm',
        fallback: 'device',
        opening: { reason: 'no-usable-signal', action: 'escalate' },
      },
    ],
    [
      'prefer-on-device',
      'create',
      { start: 'remote', remote: 'frontier', opening: { reason: 'starts-at-frontier' } },
    ],
    [
      'prefer-in-cloud',
      'rewrite',
      {
        start: 'remote',
        remote: 'slm',
        fallback: 'device',
        opening: { reason: 'mode-prefer-in-cloud' },
      },
    ],
    [
      'only-in-cloud',
      'rewrite',
      { start: 'remote', remote: 'slm', fallback: null, opening: { reason: 'mode-only-in-cloud' } },
    ],
    [
      'only-on-device',
      'rewrite',
      {
        start: 'device',
        above: null,
        opening: { action: 'accept', reason: 'mode-only-on-device' },
      },
    ],
    [
      'only-on-device',
      'ask',
      { start: 'device', above: null, opening: { reason: 'mode-only-on-device' } },
    ],
    ['only-on-device', 'create', { start: 'device', above: null }],
    ['prefer-on-device', 'complete', { start: 'device', above: null, onLow: { action: 'refuse' } }],
    ['prefer-in-cloud', 'complete', { start: 'device', above: null, onLow: { action: 'refuse' } }],
    [
      'only-in-cloud',
      'complete',
      {
        start: 'nowhere',
        code: 'refused',
        opening: { action: 'refuse', reason: 'mode-only-in-cloud' },
      },
    ],
  ])('in %s for %s', (mode, task, expected) => {
    expect(plan(mode, task)).toMatchObject(expected);
  });

  it('without an endpoint leaves the device alone', () => {
    const tiers = [device];
    const alone = { start: 'device', above: null, opening: { reason: 'no-higher-tier' } };
    expect(plan('prefer-on-device', 'ask', { tiers })).toMatchObject(alone);
    expect(plan('prefer-in-cloud', 'rewrite', { tiers })).toMatchObject(alone);
    expect(plan('only-in-cloud', 'rewrite', { tiers })).toMatchObject({ code: 'no-tier' });
  });

  it('without a device goes to the highest tier there is', () => {
    expect(plan('prefer-on-device', 'rewrite', { tiers: [frontier] })).toMatchObject({
      start: 'remote',
      fallback: null,
      opening: { action: 'accept', reason: 'highest-tier', tier: 'frontier' },
    });
    const none = plan('only-on-device', 'rewrite', { tiers: [frontier] });
    expect(none).toMatchObject({ start: 'nowhere', code: 'no-tier' });
  });

  it('keeps what a rule keeps on the device', () => {
    const forbidden = { egress: localOnly };
    const kept = { start: 'device', above: null, opening: { reason: 'rule-local-only' } };
    expect(plan('prefer-on-device', 'ask', forbidden)).toMatchObject(kept);
    expect(plan('prefer-in-cloud', 'rewrite', forbidden)).toMatchObject(kept);
    const refused = { start: 'nowhere', code: 'egress-forbidden', opening: { action: 'refuse' } };
    expect(plan('only-in-cloud', 'rewrite', forbidden)).toMatchObject(refused);
    expect(plan('prefer-on-device', 'ask', { ...forbidden, tiers: [frontier] })).toMatchObject(
      refused,
    );
  });

  it('asks the tier a rule allows when another is forbidden', () => {
    const egress: readonly EgressRule[] = [{ tier: 'slm', egress: 'local-only' }];
    expect(plan('prefer-on-device', 'ask', { egress })).toMatchObject({ remote: 'frontier' });
  });

  it('passes by a device that is known not to be ready', () => {
    const isAvailable = (id: string): boolean => id !== 'device';
    expect(plan('prefer-on-device', 'rewrite', { isAvailable })).toMatchObject({
      start: 'remote',
      fallback: null,
      opening: { reason: 'device-unavailable' },
    });
  });

  it('names no remote tier on the device only, and at most one anywhere', () => {
    const input = fc.record({
      mode: fc.constantFrom(...MODES),
      task: fc.constantFrom('complete', 'rewrite', 'ask', 'create', 'own'),
      tiers: fc.subarray([device, slm, frontier]),
      down: fc.subarray(['device', 'slm', 'frontier']),
      isLocal: fc.boolean(),
    });
    fc.assert(
      fc.property(input, ({ mode, task, tiers, down, isLocal }) => {
        const made = plan(mode, task, {
          tiers,
          egress: isLocal ? localOnly : [],
          isAvailable: (id) => !down.includes(id),
        });
        const text = JSON.stringify(
          made.start === 'device' ? [made.above] : [made.start === 'remote' && made.remote],
        );
        const named = ['slm', 'frontier'].filter((id) => text.includes(id));
        expect(named.length).toBeLessThanOrEqual(1);
        if (mode === 'only-on-device' || task === 'complete' || isLocal) expect(named).toEqual([]);
        if (mode === 'only-in-cloud') expect(made.start).not.toBe('device');
      }),
    );
  });
});
