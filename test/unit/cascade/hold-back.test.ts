import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  createHoldBack,
  type HoldBackVerdict,
  type TextDelta,
} from '../../../src/cascade/hold-back.ts';
import type { Rule } from '../../../src/cascade/rules.ts';
import { evidence, token } from './arbitraries.ts';

const rule: Rule = {
  model: '*',
  task: 'rewrite',
  signal: 'mean-probability',
  threshold: 0.6,
  holdBackTokens: 3,
  startTier: 'device',
};

function delta(text: string, probability: number | null, isTyped = false): TextDelta {
  const logProbability = probability === null ? null : Math.log(probability);
  return {
    type: 'text-delta',
    text,
    evidence: [token({ textLength: text.length, logProbability, isTyped })],
  };
}

function open(
  holdBackTokens = 3,
  onLow: Parameters<typeof createHoldBack>[0]['onLow'] = { action: 'escalate' },
) {
  return createHoldBack({ tier: 'device', rule, onLow, holdBackTokens });
}

describe('The hold-back', () => {
  it('keeps the first tokens back, then shows them at once with the decision', () => {
    const gate = open();
    expect(gate.push(delta('a', 0.9))).toEqual({ type: 'hold' });
    expect(gate.push(delta('b', 0.9))).toEqual({ type: 'hold' });
    expect(gate.push(delta('c', 0.9))).toMatchObject({
      type: 'show',
      deltas: [{ text: 'a' }, { text: 'b' }, { text: 'c' }],
      decision: { action: 'accept', reason: 'confident' },
    });
    expect(gate.push(delta('d', 0.9))).toMatchObject({ deltas: [{ text: 'd' }], decision: null });
    expect(gate.shownText).toBe('abcd');
  });

  it('shows nothing of a draft that is not sure', () => {
    const gate = open();
    gate.push(delta('a', 0.9));
    gate.push(delta('b', 0.2));
    expect(gate.push(delta('c', 0.2))).toMatchObject({
      type: 'low',
      decision: { action: 'escalate', reason: 'low-confidence' },
    });
    expect(gate.isShown).toBe(false);
    expect(gate.takeHeld().map((each) => each.text)).toEqual(['a', 'b', 'c']);
  });

  it('judges a shorter answer at its end', () => {
    const sure = open();
    sure.push(delta('yes', 0.9));
    expect(sure.end()).toMatchObject({ type: 'show', deltas: [{ text: 'yes' }] });
    const unsure = open();
    unsure.push(delta('no', 0.1));
    expect(unsure.end()).toMatchObject({ type: 'low' });
    expect(open().end()).toMatchObject({ type: 'low', decision: { reason: 'no-usable-signal' } });
  });

  it('notices a later collapse and does not show the token that caused it', () => {
    const gate = open(1);
    gate.push(delta('a', 0.7));
    expect(gate.push(delta('b', 0.1))).toMatchObject({ type: 'low' });
    expect(gate.shownText).toBe('a');
  });

  it('does not count typed letters', () => {
    const gate = open(1);
    expect(gate.push(delta('', 0.1, true))).toEqual({ type: 'hold' });
    expect(gate.push(delta('a', 0.9))).toMatchObject({ type: 'show', deltas: [{}, { text: 'a' }] });
  });

  it('holds nothing when nothing above may be asked', () => {
    const gate = open(3, { action: 'accept', reason: 'no-higher-tier' });
    expect(gate.push(delta('a', 0.01))).toMatchObject({ type: 'show', decision: null });
    expect(gate.end()).toEqual({ type: 'hold' });
  });

  it('loses and doubles no text, whatever the evidence', () => {
    fc.assert(
      fc.property(fc.array(evidence(), { maxLength: 20 }), fc.nat({ max: 10 }), (parts, tokens) => {
        const gate = open(tokens);
        let shown = '';
        let verdict: HoldBackVerdict = { type: 'hold' };
        let pushed = '';
        for (const [index, each] of parts.entries()) {
          const text = `${index} `;
          pushed += text;
          verdict = gate.push({ type: 'text-delta', text, evidence: each });
          if (verdict.type === 'low') break;
          if (verdict.type === 'show') shown += verdict.deltas.map((one) => one.text).join('');
        }
        expect(gate.shownText).toBe(shown);
        expect(
          shown +
            gate
              .takeHeld()
              .map((one) => one.text)
              .join(''),
        ).toBe(pushed);
      }),
    );
  });
});
