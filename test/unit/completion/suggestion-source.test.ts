import { describe, expect, it } from 'vitest';

import { createRuleSet } from '../../../src/cascade/rules.ts';
import { createSuggestionSource } from '../../../src/completion/suggestion-source.ts';
import { EngineError } from '../../../src/errors.ts';
import type { Decision, Mode, SuggestionRequest } from '../../../src/types.ts';
import { createScriptedTier, type ScriptStep } from '../../helpers/scripted-tier.ts';

interface SceneOptions {
  readonly steps: readonly ScriptStep[];
  readonly mode?: Mode;
  readonly isReady?: boolean;
}

function stage({ steps, mode = 'prefer-on-device', isReady = true }: SceneOptions) {
  const device = createScriptedTier({ id: 'device', place: 'device', steps });
  const refusals: Decision[] = [];
  const source = createSuggestionSource({
    tiers: [device],
    mode: () => mode,
    rules: createRuleSet(),
    isReady: () => isReady,
    onRefusal: (decision) => void refusals.push(decision),
  });
  return { device, source, refusals };
}

const typing: SuggestionRequest = { before: 'See you tom', after: '', field: 'message' };
const TOMORROW: readonly ScriptStep[] = [
  { text: '', probability: 1, isTyped: true },
  { text: 'orrow', probability: 0.9 },
  { text: ' at', probability: 0.3 },
  { text: ' noon', probability: 0.9 },
];

describe('A suggestion', () => {
  it('is the sure part of what the device says, with its product as raw confidence', async () => {
    const { device, source } = stage({ steps: TOMORROW });
    const suggestion = await source.suggest(typing);
    expect(suggestion).toMatchObject({
      text: 'orrow ',
      tier: 'device',
      confidence: { calibrationId: 'uncalibrated' },
    });
    expect(suggestion?.confidence.value).toBeCloseTo(0.9, 9);
    expect(device.calls).toMatchObject([
      {
        task: 'complete',
        sessionId: 'message',
        input: { kind: 'prefix', before: 'See you tom', after: '' },
      },
    ]);
  });

  it('costs no token beyond the first unsure one', async () => {
    const { device, source } = stage({ steps: [...TOMORROW, { wait: true }] });
    expect(await source.suggest(typing)).toMatchObject({ text: 'orrow ' });
    expect(device.isStopped).toBe(true);
  });

  it('is null when nothing is sure enough', async () => {
    const { source } = stage({ steps: [{ text: 'ato', probability: 0.2 }] });
    expect(await source.suggest(typing)).toBeNull();
  });

  it('is null while the model is not ready, and does not wake it', async () => {
    const { device, source } = stage({ steps: TOMORROW, isReady: false });
    expect(await source.suggest(typing)).toBeNull();
    expect(device.calls).toHaveLength(0);
  });

  it('is null in the cloud only, with a decision', async () => {
    const { device, source, refusals } = stage({ steps: TOMORROW, mode: 'only-in-cloud' });
    expect(await source.suggest(typing)).toBeNull();
    expect(refusals).toMatchObject([{ action: 'refuse', reason: 'mode-only-in-cloud' }]);
    expect(device.calls).toHaveLength(0);
  });

  it('is null when a newer request of the field took over', async () => {
    const { source } = stage({ steps: [{ fail: new EngineError('superseded', 'Newer.') }] });
    expect(await source.suggest(typing)).toBeNull();
  });

  it("throws the signal's reason after an abort, before and during", async () => {
    const reason = new Error('typed on');
    const { source } = stage({ steps: [{ wait: true }] });
    const early = { ...typing, signal: AbortSignal.abort(reason) };
    await expect(source.suggest(early)).rejects.toBe(reason);
    const controller = new AbortController();
    const pending = source.suggest({ ...typing, signal: controller.signal });
    controller.abort(reason);
    await expect(pending).rejects.toBe(reason);
  });

  it('throws what the device failed with', async () => {
    const crash = new EngineError('worker-crashed', 'The worker died.');
    const { source } = stage({ steps: [{ fail: crash }] });
    await expect(source.suggest(typing)).rejects.toBe(crash);
  });

  it('rejects a malformed request with TypeError', async () => {
    const { source } = stage({ steps: TOMORROW });
    const wrong = { before: 'x', field: 'f' } as SuggestionRequest;
    await expect(source.suggest(wrong)).rejects.toThrow(TypeError);
  });
});

describe('Getting ready for a suggestion', () => {
  it('asks the device for exactly what the suggestion will ask it', async () => {
    const { device, source } = stage({ steps: TOMORROW });
    await source.prepare!(typing);
    expect(device.calls).toHaveLength(0);
    await source.suggest(typing);
    expect(device.prepared).toEqual(device.calls);
  });

  it('wakes no model, and sends nobody a decision', async () => {
    const asleep = stage({ steps: TOMORROW, isReady: false });
    await asleep.source.prepare!(typing);
    expect(asleep.device.prepared).toHaveLength(0);
    const cloud = stage({ steps: TOMORROW, mode: 'only-in-cloud' });
    await cloud.source.prepare!(typing);
    expect(cloud.device.prepared).toHaveLength(0);
    expect(cloud.refusals).toHaveLength(0);
  });

  it('ends with its signal, and keeps what fails for the suggestion to throw', async () => {
    const { device, source } = stage({ steps: [{ wait: true }] });
    const controller = new AbortController();
    const getting = source.prepare!({ ...typing, signal: controller.signal });
    controller.abort(new Error('typed on'));
    await expect(getting).resolves.toBeUndefined();
    expect(device.isStopped).toBe(true);
    const crash = new EngineError('worker-crashed', 'The worker died.');
    const failing = stage({ steps: [{ fail: crash }] }).source;
    await expect(failing.prepare!(typing)).resolves.toBeUndefined();
    await expect(failing.suggest(typing)).rejects.toBe(crash);
  });
});
