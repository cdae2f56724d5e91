import { describe, expect, it } from 'vitest';

import { createCascade, type CascadeOptions } from '../../../src/cascade/cascade.ts';
import type { FallbackNotice } from '../../../src/cascade/turn.ts';
import { EngineError, ModelError, NetworkError, PolicyError } from '../../../src/errors.ts';
import type { Decision, Mode, Request, Tier, TierEvent } from '../../../src/types.ts';
import { startReceipt } from '../../../src/tiers/receipt.ts';
import { collect, collectInto, finishOf, textOf } from '../../contract/tier.contract.ts';
import {
  createScriptedTier,
  type ScriptedTier,
  type ScriptStep,
} from '../../helpers/scripted-tier.ts';

const offline = new NetworkError('offline', 'The endpoint could not be reached.');
const notDownloaded = new ModelError('not-downloaded', 'The model is not on this device.');

function words(text: string, probability: number | null): readonly ScriptStep[] {
  return text.split(/(?<= )/u).map((word) => ({ text: word, probability }));
}

const SURE = words('a quick answer ', 0.9);
const UNSURE = words('a wild guess ', 0.3);
const CLOUD = words('the cloud knows', null);

interface Scene {
  readonly cascade: Tier;
  readonly device: ScriptedTier;
  readonly frontier: ScriptedTier;
  readonly notices: FallbackNotice[];
}

interface SceneOptions extends Partial<CascadeOptions> {
  readonly device?: readonly ScriptStep[];
  readonly frontier?: readonly ScriptStep[] | null;
  readonly in?: Mode;
}

function stage(options: SceneOptions = {}): Scene {
  const { device: deviceSteps = SURE, frontier: cloudSteps = CLOUD, in: mode, ...more } = options;
  const device = createScriptedTier({ id: 'device', place: 'device', steps: deviceSteps });
  const frontier = createScriptedTier({ id: 'frontier', place: 'remote', steps: cloudSteps ?? [] });
  const notices: FallbackNotice[] = [];
  const cascade = createCascade({
    tiers: cloudSteps === null ? [device] : [device, frontier],
    mode: () => mode ?? 'prefer-on-device',
    startReceipt,
    holdBackTokens: 2,
    onFallback: (notice) => void notices.push(notice),
    ...more,
  });
  return { cascade, device, frontier, notices };
}

function ask(task = 'rewrite', more: Partial<Request> = {}): Request {
  return { task, input: { kind: 'text', text: 'hello' }, ...more };
}

function decisionsOf(events: readonly TierEvent[]): readonly Decision[] {
  return events.flatMap((event) => (event.type === 'decision' ? [event.decision] : []));
}

async function failureOf(tier: Tier, request: Request, events: TierEvent[] = []): Promise<unknown> {
  return await collectInto(events, { tier, request }).catch((error: unknown) => error);
}

describe('A cascade that prefers the device', () => {
  it('keeps a sure answer and never calls the cloud', async () => {
    const { cascade, frontier } = stage();
    const events = await collect(cascade, ask());
    expect(events[0]).toMatchObject({ type: 'decision', decision: { reason: 'confident' } });
    expect(textOf(events)).toBe('a quick answer ');
    expect(finishOf(events)).toMatchObject({
      reason: 'stop',
      tier: 'device',
      confidence: { calibrationId: 'uncalibrated' },
      decision: { action: 'accept', reason: 'confident', threshold: 0.45 },
    });
    expect(finishOf(events).confidence.value).toBeCloseTo(0.9, 9);
    expect(frontier.calls).toHaveLength(0);
  });

  it('escalates an unsure draft before anything of it is shown', async () => {
    const { cascade, device, frontier } = stage({ device: UNSURE });
    const events = await collect(cascade, ask());
    expect(textOf(events)).toBe('the cloud knows');
    expect(decisionsOf(events)).toMatchObject([
      { action: 'escalate', reason: 'low-confidence', tier: 'device' },
    ]);
    expect(finishOf(events)).toMatchObject({
      tier: 'frontier',
      decision: { reason: 'low-confidence' },
    });
    expect(device.isStopped).toBe(true);
    expect(frontier.calls).toHaveLength(1);
  });

  it('escalates questions before the device runs', async () => {
    const { cascade, device } = stage();
    const events = await collect(cascade, ask('ask'));
    expect(decisionsOf(events)).toMatchObject([
      { action: 'escalate', reason: 'no-usable-signal', confidence: null },
    ]);
    expect(finishOf(events).tier).toBe('frontier');
    expect(device.calls).toHaveLength(0);
  });

  it('takes an unknown probability for no signal, not for a bad answer', async () => {
    const events = await collect(stage({ device: words('who can say ', null) }).cascade, ask());
    expect(finishOf(events).decision).toMatchObject({
      reason: 'no-usable-signal',
      confidence: null,
    });
  });

  it('keeps an unsure answer where there is no cloud, and says so', async () => {
    const { cascade } = stage({ device: UNSURE, frontier: null });
    const events = await collect(cascade, ask());
    expect(textOf(events)).toBe('a wild guess ');
    expect(finishOf(events)).toMatchObject({
      reason: 'stop',
      decision: { action: 'accept', reason: 'no-higher-tier' },
    });
    expect(finishOf(events).confidence.value).toBeCloseTo(0.3, 9);
  });
});

describe('A collapse after the first words', () => {
  const COLLAPSING = [...words('it began well ', 0.7), ...words('then broke down', 0.1)];

  it('stops by default, with what was sure', async () => {
    const { cascade, device, frontier } = stage({ device: COLLAPSING });
    const events = await collect(cascade, ask());
    expect(textOf(events)).toBe('it began well ');
    expect(finishOf(events)).toMatchObject({
      reason: 'low-confidence',
      tier: 'device',
      decision: { action: 'refuse' },
    });
    expect(finishOf(events).confidence.value).toBeLessThan(0.45);
    expect(device.isStopped).toBe(true);
    expect(frontier.calls).toHaveLength(0);
  });

  it('appends from above when the app chose so, giving the draft along', async () => {
    const { cascade, frontier } = stage({ device: COLLAPSING, onCollapse: 'append' });
    const events = await collect(cascade, ask());
    expect(textOf(events)).toBe('it began well the cloud knows');
    expect(events.some((event) => event.type === 'text-reset')).toBe(false);
    expect(frontier.calls[0]?.input).toMatchObject({
      kind: 'messages',
      messages: [
        { role: 'user', content: 'hello' },
        { role: 'assistant', content: 'it began well ' },
        { role: 'user' },
      ],
    });
  });

  it('is replaced only when the app asked for it, with a reset', async () => {
    const { cascade, frontier } = stage({ device: COLLAPSING, onCollapse: 'replace' });
    const events = await collect(cascade, ask());
    expect(textOf(events)).toBe('the cloud knows');
    expect(events.filter((event) => event.type === 'text-reset')).toHaveLength(1);
    expect(frontier.calls[0]?.input).toEqual({ kind: 'text', text: 'hello' });
  });

  it('withdraws nothing when the tier above fails: the device goes on, marked so', async () => {
    const { cascade, notices } = stage({
      device: COLLAPSING,
      onCollapse: 'replace',
      frontier: [{ fail: offline }],
    });
    const events = await collect(cascade, ask());
    expect(textOf(events)).toBe('it began well then broke down');
    expect(events.some((event) => event.type === 'text-reset')).toBe(false);
    expect(finishOf(events).decision).toMatchObject({
      action: 'accept',
      reason: 'remote-unavailable',
    });
    expect(notices).toMatchObject([{ from: 'frontier', to: 'device', error: offline }]);
  });
});

describe('A cascade whose tiers fail', () => {
  it('goes above when the device cannot answer, and says so', async () => {
    const { cascade, notices } = stage({ device: [{ fail: notDownloaded }] });
    const events = await collect(cascade, ask());
    expect(textOf(events)).toBe('the cloud knows');
    expect(finishOf(events).decision).toMatchObject({
      action: 'escalate',
      reason: 'device-unavailable',
    });
    expect(notices).toMatchObject([
      { from: 'device', to: 'frontier', reason: 'device-unavailable', error: notDownloaded },
    ]);
  });

  it('does not hide a wrong model id behind the cloud', async () => {
    const unknown = new ModelError('not-found', 'There is no such model.');
    const { cascade, frontier } = stage({ device: [{ fail: unknown }] });
    expect(await failureOf(cascade, ask())).toBe(unknown);
    expect(frontier.calls).toHaveLength(0);
  });

  it("throws the device's error where there is nobody above", async () => {
    const { cascade } = stage({ device: [{ fail: notDownloaded }], frontier: null });
    expect(await failureOf(cascade, ask())).toBe(notDownloaded);
  });

  it('restarts nothing after words were shown: the error is thrown', async () => {
    const crash = new EngineError('worker-crashed', 'The worker died.');
    const { cascade, frontier } = stage({ device: [...SURE, { fail: crash }] });
    const events: TierEvent[] = [];
    expect(await failureOf(cascade, ask(), events)).toBe(crash);
    expect(textOf(events)).toBe('a quick answer ');
    expect(frontier.calls).toHaveLength(0);
  });

  it.each([
    new EngineError('superseded', 'A newer request took over.'),
    new EngineError('closed', 'The runtime was closed.'),
    new PolicyError('refused', 'Withheld.'),
    new Error('a bug'),
  ])('does not take "$message" for a failing tier', async (error) => {
    const { cascade, frontier } = stage({ device: [{ fail: error }] });
    expect(await failureOf(cascade, ask())).toBe(error);
    expect(frontier.calls).toHaveLength(0);
  });

  it('keeps the unsure draft when the cloud is away, whole and only once', async () => {
    const { cascade, device } = stage({ device: UNSURE, frontier: [{ fail: offline }] });
    const events = await collect(cascade, ask());
    expect(textOf(events)).toBe('a wild guess ');
    expect(device.calls).toHaveLength(1);
    expect(decisionsOf(events).map(({ reason }) => reason)).toEqual([
      'low-confidence',
      'remote-unavailable',
    ]);
    expect(finishOf(events)).toMatchObject({
      reason: 'stop',
      decision: { reason: 'remote-unavailable' },
    });
  });

  it('lets the device answer a question when the cloud is away', async () => {
    const { cascade } = stage({ frontier: [{ fail: offline }] });
    const events = await collect(cascade, ask('ask'));
    expect(textOf(events)).toBe('a quick answer ');
    expect(finishOf(events)).toMatchObject({
      tier: 'device',
      confidence: { value: null, calibrationId: 'uncalibrated' },
      decision: { action: 'accept', reason: 'remote-unavailable' },
    });
  });

  it("throws the cloud's error when the device cannot stand in either", async () => {
    const { cascade } = stage({ device: [{ fail: notDownloaded }], frontier: [{ fail: offline }] });
    expect(await failureOf(cascade, ask('ask'))).toBe(offline);
    expect(await failureOf(cascade, ask('rewrite'))).toBe(offline);
  });

  it('marks a cut stream as truncated, and does not start again', async () => {
    const { cascade, device, frontier } = stage({ frontier: [...CLOUD, { end: 'truncated' }] });
    const events = await collect(cascade, ask('ask'));
    expect(textOf(events)).toBe('the cloud knows');
    expect(finishOf(events).reason).toBe('truncated');
    expect(device.calls).toHaveLength(0);
    expect(frontier.calls).toHaveLength(1);
  });

  it('takes a stream cut before its first word for a failure', async () => {
    const { cascade } = stage({ frontier: [{ end: 'truncated' }] });
    expect(finishOf(await collect(cascade, ask('ask'))).decision?.reason).toBe(
      'remote-unavailable',
    );
  });

  it('throws when the cloud fails after its first word', async () => {
    const { cascade, device } = stage({ frontier: [...CLOUD, { fail: offline }] });
    const events: TierEvent[] = [];
    expect(await failureOf(cascade, ask('ask'), events)).toBe(offline);
    expect(textOf(events)).toBe('the cloud knows');
    expect(device.calls).toHaveLength(0);
  });
});

describe('The modes of a cascade', () => {
  it.each(['ask', 'create', 'rewrite', 'complete', 'own'])(
    'never call the cloud on the device only, for %s',
    async (task) => {
      for (const steps of [SURE, UNSURE, words('?', null)]) {
        const { cascade, frontier } = stage({ device: steps, in: 'only-on-device' });
        await collect(cascade, ask(task));
        expect(frontier.calls).toHaveLength(0);
      }
    },
  );

  it('never call the cloud on the device only, not even when the device fails', async () => {
    const { cascade, frontier } = stage({
      device: [{ fail: notDownloaded }],
      in: 'only-on-device',
    });
    expect(await failureOf(cascade, ask('ask'))).toBe(notDownloaded);
    expect(frontier.calls).toHaveLength(0);
  });

  it('let the device answer questions on the device only, with no confidence to show', async () => {
    const events = await collect(stage({ in: 'only-on-device' }).cascade, ask('ask'));
    expect(finishOf(events)).toMatchObject({
      tier: 'device',
      confidence: { value: null, calibrationId: 'uncalibrated' },
      decision: { reason: 'mode-only-on-device', action: 'accept' },
    });
  });

  it('start in the cloud where it is preferred', async () => {
    const { cascade, device } = stage({ in: 'prefer-in-cloud' });
    const events = await collect(cascade, ask());
    expect(finishOf(events)).toMatchObject({
      tier: 'frontier',
      decision: { reason: 'mode-prefer-in-cloud' },
    });
    expect(device.calls).toHaveLength(0);
  });

  it('never ask the device in the cloud only', async () => {
    const { cascade, device } = stage({ in: 'only-in-cloud', frontier: [{ fail: offline }] });
    expect(await failureOf(cascade, ask())).toBe(offline);
    expect(device.calls).toHaveLength(0);
  });

  it('are overruled by the request', async () => {
    const { cascade, frontier } = stage({ device: UNSURE });
    await collect(cascade, ask('rewrite', { mode: 'only-on-device' }));
    expect(frontier.calls).toHaveLength(0);
  });

  it.each<Mode>(['only-on-device', 'prefer-on-device', 'prefer-in-cloud', 'only-in-cloud'])(
    'never send what is being typed, in %s',
    async (mode) => {
      for (const steps of [SURE, UNSURE, [{ fail: notDownloaded }]]) {
        const { cascade, frontier } = stage({ device: steps, in: mode });
        await failureOf(cascade, ask('complete'));
        expect(frontier.calls).toHaveLength(0);
      }
    },
  );

  it('refuse completion in the cloud only, with a decision', async () => {
    const events: TierEvent[] = [];
    const failure = await failureOf(
      stage({ in: 'only-in-cloud' }).cascade,
      ask('complete'),
      events,
    );
    expect(events).toMatchObject([
      { type: 'decision', decision: { action: 'refuse', reason: 'mode-only-in-cloud' } },
    ]);
    expect(failure).toMatchObject({ name: 'PolicyError', code: 'refused' });
  });

  it('keep on the device what a rule keeps there', async () => {
    const { cascade, frontier } = stage({
      device: UNSURE,
      egress: [{ field: 'notes', egress: 'local-only' }],
    });
    const events = await collect(cascade, ask('rewrite', { field: 'notes' }));
    expect(finishOf(events).decision?.reason).toBe('rule-local-only');
    await collect(cascade, ask('rewrite', { field: 'other' }));
    expect(frontier.calls.map(({ field }) => field)).toEqual(['other']);
  });
});

describe('Completion in a cascade', () => {
  it('ends where the product falls below the threshold', async () => {
    const { cascade } = stage({ device: [...words('one two ', 0.9), ...words('three', 0.5)] });
    const events = await collect(cascade, ask('complete'));
    expect(textOf(events)).toBe('one two ');
    expect(finishOf(events)).toMatchObject({ reason: 'low-confidence', tier: 'device' });
  });
});

describe('An abort in a cascade', () => {
  it.each(['prefer-on-device', 'prefer-in-cloud'] as const)(
    'ends the stream once something was sent, in %s',
    async (mode) => {
      const { cascade, device, frontier } = stage({
        device: [{ wait: true }],
        frontier: [{ wait: true }],
        in: mode,
      });
      const controller = new AbortController();
      const events: TierEvent[] = [];
      const request = ask(mode === 'prefer-on-device' ? 'ask' : 'rewrite');
      for await (const event of cascade.generate(request, { signal: controller.signal })) {
        events.push(event);
        controller.abort(new Error('enough'));
      }
      expect(finishOf(events)).toMatchObject({
        reason: 'abort',
        receipt: { tier: expect.any(String) },
      });
      expect(device.calls.length + frontier.calls.length).toBe(1);
    },
  );

  it.each([
    { device: [...words('it began well ', 0.7), ...words('then broke down', 0.1)], tier: 'device' },
    { device: UNSURE, tier: 'frontier' },
  ])('names the tier asked last, and $tier for the text', async ({ device, tier }) => {
    const { cascade } = stage({ device, frontier: [{ wait: true }], onCollapse: 'append' });
    const controller = new AbortController();
    const events: TierEvent[] = [];
    for await (const event of cascade.generate(ask(), { signal: controller.signal })) {
      events.push(event);
      if (event.type !== 'decision' || event.decision.action !== 'escalate') continue;
      controller.abort(new Error('enough'));
    }
    expect(finishOf(events)).toMatchObject({
      reason: 'abort',
      tier,
      decision: { action: 'escalate', reason: 'low-confidence' },
      receipt: { tier: 'frontier', outputTokens: null },
    });
  });

  it("throws the signal's reason before anything was sent", async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const { cascade } = stage({ device: [{ wait: true }] });
    const run = collect(cascade, ask(), controller.signal);
    controller.abort(reason);
    await expect(run).rejects.toBe(reason);
  });
});

describe('A malformed request to a cascade', () => {
  it('throws at once, not while reading', () => {
    expect(() => stage().cascade.generate({ task: 'ask' } as Request)).toThrow(TypeError);
  });
});
