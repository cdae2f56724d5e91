import { describe, expect, it } from 'vitest';

import { mayLeave, parseEgressRules } from '../../../src/cascade/egress.ts';
import { parseMode } from '../../../src/cascade/modes.ts';
import { parseRequest } from '../../../src/cascade/request.ts';
import ruleFile from '../../../src/cascade/rules.json' with { type: 'json' };
import { createRuleSet, parseRule, type Rule } from '../../../src/cascade/rules.ts';
import schema from '../../../src/cascade/rules.schema.json' with { type: 'json' };

const MODEL = 'smollm2-135m-instruct-q4_1';
const own: Rule = {
  model: '*',
  task: 'rewrite',
  signal: 'lowest-probability',
  threshold: 0.2,
  holdBackTokens: 4,
  startTier: 'device',
};

describe('The rules in the package', () => {
  const rules = createRuleSet();

  it('complete by the product at 0.58, holding nothing back', () => {
    for (const model of [MODEL, 'another', null]) {
      expect(rules.find(model, 'complete')).toMatchObject({
        signal: 'product',
        threshold: 0.58,
        holdBackTokens: 0,
        startTier: 'device',
      });
    }
  });

  it('see no usable signal for questions and start creation above', () => {
    expect(rules.find(MODEL, 'ask')).toMatchObject({ signal: 'none', threshold: null });
    expect(rules.find(MODEL, 'create').startTier).toBe('frontier');
  });

  it('hold eight tokens of a rewrite back, and of a task nobody described', () => {
    expect(rules.find(MODEL, 'rewrite')).toMatchObject({
      holdBackTokens: 8,
      signal: 'mean-probability',
    });
    expect(rules.find(MODEL, 'greet-the-cat')).toMatchObject({ task: '*', holdBackTokens: 8 });
  });

  it('say where each number comes from and claim no calibration', () => {
    for (const rule of ruleFile.rules.map((each) => parseRule(each))) {
      expect(rule.source?.length).toBeGreaterThan(20);
      expect(rule.calibrationId).toBeUndefined();
    }
  });

  it('have the keys of their schema', () => {
    const properties = Object.keys(schema.$defs.rule.properties);
    for (const rule of ruleFile.rules) {
      expect(properties).toEqual(expect.arrayContaining(Object.keys(rule)));
      expect(Object.keys(rule)).toEqual(expect.arrayContaining(schema.$defs.rule.required));
    }
  });
});

describe('Rules of the app', () => {
  it('come first where they are as specific', () => {
    expect(createRuleSet([own]).find(MODEL, 'rewrite')).toMatchObject(own);
    expect(createRuleSet([own]).find(MODEL, 'ask').signal).toBe('none');
  });

  it('give way to a more specific one', () => {
    const specific = { ...own, model: MODEL, threshold: 0.9 };
    const rules = createRuleSet([own, specific]);
    expect(rules.find(MODEL, 'rewrite').threshold).toBe(0.9);
    expect(rules.find('another', 'rewrite').threshold).toBe(0.2);
    expect(createRuleSet([{ ...own, model: MODEL, task: '*' }]).find(MODEL, 'ask').signal).toBe(
      'none',
    );
  });

  it.each<[string, object]>([
    ['an unknown key', { ...own, treshold: 1 }],
    ['an unknown signal', { ...own, signal: 'feeling' }],
    ['no threshold', { ...own, threshold: null }],
    ['a threshold without a signal', { ...own, signal: 'none' }],
    ['a negative threshold', { ...own, threshold: -1 }],
    ['half a token', { ...own, holdBackTokens: 0.5 }],
    ['no tier', { ...own, startTier: '' }],
    ['no model', { ...own, model: undefined }],
    ['no task', { ...own, task: 3 }],
  ])('are refused with %s, and the right form is shown', (_, rule) => {
    expect(() => createRuleSet([rule as Rule])).toThrow(TypeError);
    expect(() => createRuleSet([rule as Rule])).toThrow(/Example: \{ model/);
  });
});

describe('What may leave the device', () => {
  const request = { task: 'rewrite', field: 'notes' };

  it('is everything unless a rule says otherwise', () => {
    expect(mayLeave([], request, 'frontier')).toBe(true);
  });

  it('is decided by field, task and tier', () => {
    const local = (keys: object) => [{ ...keys, egress: 'local-only' as const }];
    expect(mayLeave(local({ field: 'notes' }), request, 'frontier')).toBe(false);
    expect(mayLeave(local({ field: 'other' }), request, 'frontier')).toBe(true);
    expect(mayLeave(local({ task: 'rewrite', tier: 'slm' }), request, 'frontier')).toBe(true);
    expect(mayLeave(local({}), request, 'frontier')).toBe(false);
    expect(mayLeave(local({ field: 'notes' }), { task: 'rewrite' }, 'frontier')).toBe(true);
  });

  it('follows the most specific rule, in any order, and caution between equals', () => {
    const rules = parseEgressRules([
      { egress: 'local-only' },
      { field: 'notes', task: 'rewrite', egress: 'may-leave' },
    ]);
    expect(mayLeave(rules, request, 'frontier')).toBe(true);
    expect(mayLeave(rules.toReversed(), request, 'frontier')).toBe(true);
    expect(mayLeave(rules, { task: 'ask', field: 'notes' }, 'frontier')).toBe(false);
    const equals = parseEgressRules([
      { field: 'notes', egress: 'may-leave' },
      { task: 'rewrite', egress: 'local-only' },
    ]);
    expect(mayLeave(equals, request, 'frontier')).toBe(false);
  });

  it.each([
    ['text'],
    [{}],
    [[{ egress: 'maybe' }]],
    [[{ feild: 'x', egress: 'local-only' }]],
    [[null]],
  ])('refuses %j as rules', (value) => {
    expect(() => parseEgressRules(value)).toThrow(TypeError);
  });
});

describe('A mode', () => {
  it('is one of five, or the known ones are listed', () => {
    expect(parseMode('only-on-device')).toBe('only-on-device');
    expect(parseMode('observe')).toBe('observe');
    expect(() => parseMode('sometimes')).toThrow(/only-on-device, prefer-on-device/);
  });
});

describe('A request', () => {
  it.each([
    [null],
    [{}],
    [{ task: 'ask' }],
    [{ task: '', input: { kind: 'text', text: 'x' } }],
    [{ task: 'ask', input: { kind: 'text' } }],
    [{ task: 'ask', input: { kind: 'messages', messages: [] } }],
    [{ task: 'ask', input: { kind: 'messages', messages: [{ role: 'root', content: '' }] } }],
    [{ task: 'ask', input: { kind: 'prefix', before: 1 } }],
    [{ task: 'ask', input: { kind: 'text', text: 'x' }, maxTokens: 0 }],
    [{ task: 'ask', input: { kind: 'text', text: 'x' }, mode: 'sometimes' }],
  ])('is refused as TypeError: %j', (value) => {
    expect(() => parseRequest(value)).toThrow(TypeError);
  });

  it('passes unchanged when it is right', () => {
    const request = { task: 'ask', input: { kind: 'prefix', before: 'x', after: '' } };
    expect(parseRequest(request)).toBe(request);
  });
});
