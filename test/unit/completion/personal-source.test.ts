import { describe, expect, it } from 'vitest';

import { createRuleSet } from '../../../src/cascade/rules.ts';
import type {
  CompletionCalibration,
  CompletionCalibrationEntry,
} from '../../../src/completion/completion-calibration.ts';
import {
  findCompletionEntry,
  leastProduct,
} from '../../../src/completion/completion-calibration.ts';
import { createSuggestionSource } from '../../../src/completion/suggestion-source.ts';
import { createWordMemory } from '../../../src/completion/word-memory.ts';
import { createScriptedTier, type ScriptStep } from '../../helpers/scripted-tier.ts';

/** Probability = product + shift, as far as log-odds go: shift 0 takes products as they are. */
const shifted = (intercept: number) =>
  ({ kind: 'logistic', transform: 'logit', intercept, weight: 1, lowest: 0, highest: 1 }) as const;

const RARELY_RIGHT = {
  kind: 'isotonic',
  steps: [{ from: 0, to: 1, probability: 0.3 }],
} as const;

function entry(
  maps: CompletionCalibrationEntry['maps'],
  history: CompletionCalibrationEntry['history'] = '1-99',
): CompletionCalibrationEntry {
  return { history, maps, threshold: 0.6, shown: shifted(0), samples: 1000 };
}

function calibrationOf(...entries: CompletionCalibrationEntry[]): CompletionCalibration {
  return {
    version: 1,
    id: 'test-calibration',
    modelId: 'tiny',
    modelSha256: '0'.repeat(64),
    precision: 'exact',
    promptHistory: 12,
    flashBudget: 5,
    turns: 100,
    date: '2026-11-24',
    dataSha256: '0'.repeat(64),
    entries,
  };
}

function personalOf(...messages: string[]) {
  const memory = createWordMemory();
  for (const message of messages) memory.learn(message);
  return { size: memory.size, predict: memory.predict, recent: () => messages };
}

interface SceneOptions {
  readonly steps?: readonly ScriptStep[];
  readonly messages?: readonly string[];
  readonly isReady?: boolean;
  readonly calibration?: CompletionCalibration | null;
}

function stage({ steps = [], messages = [], isReady = true, calibration = null }: SceneOptions) {
  const device = createScriptedTier({ id: 'device', place: 'device', steps });
  const personal = personalOf(...messages);
  const source = createSuggestionSource({
    tiers: [device],
    mode: () => 'only-on-device',
    rules: createRuleSet(),
    isReady: () => isReady,
    personal: () => personal,
    calibration: () => calibration,
  });
  return { device, source };
}

const typing = { before: 'See you tom', after: '', field: 'message' };
const TOMATO: readonly ScriptStep[] = [
  { text: 'ato', probability: 0.7 },
  { text: ' soup', probability: 0.1 },
];
const both = { model: shifted(0), memory: shifted(0) };

describe('a suggestion from the person’s own words', () => {
  it('comes before the model is there, and says that no model made it', async () => {
    const { device, source } = stage({
      isReady: false,
      messages: ['See you tomorrow', 'See you tomorrow'],
    });
    expect(await source.suggest(typing)).toMatchObject({ text: 'orrow ', tier: 'memory' });
    expect(device.calls).toHaveLength(0);
  });

  it('wins where it is surer than the model, by what both are worth', async () => {
    const messages = Array.from({ length: 8 }, () => 'See you tomorrow');
    const surer = stage({ steps: TOMATO, messages, calibration: calibrationOf(entry(both)) });
    expect(await surer.source.suggest(typing)).toMatchObject({
      text: 'orrow ',
      tier: 'memory',
      confidence: { calibrationId: 'test-calibration' },
    });
    // The same products, but the memory's are worth little.
    const weak = entry({ model: shifted(0), memory: RARELY_RIGHT });
    const modest = stage({ steps: TOMATO, messages, calibration: calibrationOf(weak) });
    expect(await modest.source.suggest(typing)).toMatchObject({ text: 'ato ', tier: 'device' });
  });

  it('is left out where nothing says what it is worth beside the model', async () => {
    const messages = Array.from({ length: 8 }, () => 'See you tomorrow');
    const { source } = stage({ steps: TOMATO, messages });
    expect(await source.suggest(typing)).toMatchObject({ text: 'ato ', tier: 'device' });
  });

  it('stands in the model’s prompt, before what is typed', async () => {
    const messages = ['first message here', 'second message here'];
    const { device, source } = stage({
      steps: TOMATO,
      messages,
      calibration: calibrationOf(entry(both)),
    });
    await source.suggest(typing);
    expect(device.calls).toMatchObject([
      { input: { before: 'first message here\nsecond message here\nSee you tom' } },
    ]);
  });
});

describe('a calibration of completions', () => {
  const small = entry(both, '1-99');
  const large = entry(both, '300-999');
  const alone = entry({ model: shifted(0) }, '0');
  const calibration = calibrationOf(small, large, alone);

  it('is that of the history there is, or of the next smaller one', () => {
    expect(findCompletionEntry(calibration, ['model', 'memory'], 30)).toBe(small);
    expect(findCompletionEntry(calibration, ['model', 'memory'], 200)).toBe(small);
    expect(findCompletionEntry(calibration, ['model', 'memory'], 5000)).toBe(large);
    expect(findCompletionEntry(calibration, ['model'], 0)).toBe(alone);
  });

  it('is none for sources it was not fitted for', () => {
    expect(findCompletionEntry(calibration, ['memory'], 30)).toBeNull();
    expect(findCompletionEntry(calibrationOf(large), ['model', 'memory'], 30)).toBeNull();
  });

  it('tells the least product that reaches a probability', () => {
    expect(leastProduct(shifted(0), 0.6)).toBeCloseTo(0.6, 6);
    // log(0.6 / 0.4) - 1 = -0.594…, whose logistic is 0.3556.
    expect(leastProduct(shifted(1), 0.6)).toBeCloseTo(0.3556, 3);
    expect(leastProduct(RARELY_RIGHT, 0.6)).toBe(Number.POSITIVE_INFINITY);
  });
});
