import { describe, expect, it } from 'vitest';
import { createDeviceTier } from '../../../src/tiers/device.ts';
import type { DeviceTierOptions } from '../../../src/tiers/device.ts';
import type { EngineStep, Request, TierEvent, TokenEvidence } from '../../../src/types.ts';
import type { GenerateOptions, GenerateRequest } from '../../../src/worker/connect.ts';

const evidence = (textLength: number, logProbability = -0.1): TokenEvidence => ({
  textLength,
  logProbability,
  margin: 2,
  isTyped: false,
});
const token = (text: string, logProbability?: number): EngineStep => ({
  type: 'token',
  text,
  evidence: evidence(text.length, logProbability),
});
const usage = { inputTokens: 9, cachedTokens: 4, outputTokens: 3, busyMs: 12 };
const end: EngineStep = { type: 'end', reason: 'stop', usage };
const request: Request = { task: 'ask', input: { kind: 'text', text: 'Hello' } };

type Script = (signal: AbortSignal | undefined) => AsyncIterable<EngineStep>;

/** Only what the tier hands on is looked at here; the real connection has its own cases. */
function open(script: Script, options: Partial<DeviceTierOptions> = {}) {
  const sent: GenerateRequest[] = [];
  const connection = {
    generate(call: GenerateRequest, { signal }: GenerateOptions = {}) {
      sent.push(call);
      return script(signal);
    },
  };
  return { tier: createDeviceTier({ connection, modelId: 'tiny', ...options }), sent };
}

const steps = (...list: EngineStep[]): Script =>
  async function* () {
    yield* list;
  };

async function collect(events: AsyncIterable<TierEvent>): Promise<TierEvent[]> {
  const all: TierEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe('createDeviceTier', () => {
  it('gives one event per token and one finish with the receipt of the run', async () => {
    const { tier } = open(
      steps({ type: 'prefill', doneTokens: 9, totalTokens: 9 }, token('He'), token('y'), end),
    );
    const events = await collect(tier.generate(request));
    expect(events.slice(0, 2)).toEqual([
      { type: 'text-delta', text: 'He', evidence: [evidence(2)] },
      { type: 'text-delta', text: 'y', evidence: [evidence(1)] },
    ]);
    expect(events).toHaveLength(3);
    expect(events[2]).toMatchObject({
      type: 'finish',
      reason: 'stop',
      tier: 'device',
      confidence: { value: null, calibrationId: 'uncalibrated' },
      decision: null,
      receipt: {
        task: 'ask',
        tier: 'device',
        modelId: 'tiny',
        ...usage,
        energyWh: null,
        costUsd: null,
      },
    });
  });

  it('joins the evidence of half a character to the text that completes it', async () => {
    const { tier } = open(steps(token('', -1), token('', -2), token('é', -3), end));
    const [first] = await collect(tier.generate(request));
    expect(first).toEqual({
      type: 'text-delta',
      text: 'é',
      evidence: [evidence(0, -1), evidence(0, -2), evidence(1, -3)],
    });
  });

  it('loses no evidence when the last token never gets a text', async () => {
    const { tier } = open(steps(token('a'), token('', -4), end));
    const events = await collect(tier.generate(request));
    expect(events[1]).toEqual({ type: 'text-delta', text: '', evidence: [evidence(0, -4)] });
    expect(events).toHaveLength(3);
  });

  it('asks for completions with priority, few tokens, and an early end', async () => {
    const { tier, sent } = open(steps(end));
    const input = { kind: 'prefix', before: 'Hel' } as const;
    await collect(tier.generate({ task: 'complete', input, sessionId: 'field', minProduct: 0.5 }));
    expect(sent).toEqual([
      {
        modelId: 'tiny',
        sessionId: 'field',
        priority: 'keystroke',
        input,
        maxTokens: 16,
        minProduct: 0.5,
      },
    ]);
  });

  it('asks for answers with a session of their own and hands options on', async () => {
    const { tier, sent } = open(steps(end));
    const options = { stop: ['\n'], sampling: { temperature: 1, seed: 3 }, maxTokens: 40 };
    await collect(tier.generate(request));
    await collect(tier.generate({ ...request, ...options }));
    expect(sent[0]).toMatchObject({ priority: 'interactive', maxTokens: 256 });
    expect(sent[0]).not.toHaveProperty('minProduct');
    // Nothing continues it, so it must not push out the KV of a field.
    expect(sent[0]).toMatchObject({ isOneShot: true });
    expect(sent[1]).toMatchObject(options);
    expect(sent[0]?.sessionId).not.toBe(sent[1]?.sessionId);
  });

  it('throws the reason of an abort before the first event, even after a token without text', async () => {
    const controller = new AbortController();
    const reason = new Error('never mind');
    const { tier } = open(async function* (signal) {
      yield token('');
      controller.abort(reason);
      signal?.throwIfAborted();
    });
    const run = collect(tier.generate(request, { signal: controller.signal }));
    await expect(run).rejects.toBe(reason);
  });

  it('finishes with abort after the first event, though more had arrived', async () => {
    const controller = new AbortController();
    const { tier } = open(steps(token('a'), token('b'), token('c'), end));
    const events: TierEvent[] = [];
    for await (const event of tier.generate(request, { signal: controller.signal })) {
      events.push(event);
      controller.abort();
    }
    expect(events).toHaveLength(2);
    expect(events[1]).toMatchObject({
      type: 'finish',
      reason: 'abort',
      receipt: { outputTokens: 1, inputTokens: null, busyMs: null },
    });
  });

  it('throws what the connection throws, with the text before it kept', async () => {
    const failure = new Error('crashed');
    const { tier } = open(async function* () {
      yield token('a');
      throw failure;
    });
    const events: TierEvent[] = [];
    const run = (async () => {
      for await (const event of tier.generate(request)) events.push(event);
    })();
    await expect(run).rejects.toBe(failure);
    expect(events.map((event) => event.type)).toEqual(['text-delta']);
  });

  it('ends the run when its reader leaves', async () => {
    let hasLeft = false;
    const { tier } = open(async function* () {
      try {
        for (;;) yield token('a');
      } finally {
        hasLeft = true;
      }
    });
    for await (const event of tier.generate(request)) if (event.type === 'text-delta') break;
    expect(hasLeft).toBe(true);
  });

  it('gets ready for a request by computing its prompt, and gives up with its signal', async () => {
    const completion: Request = {
      task: 'complete',
      input: { kind: 'prefix', before: 'See you tom' },
      sessionId: 'message',
      maxTokens: 12,
      minProduct: 0.5,
    };
    const { tier, sent } = open(
      steps({ type: 'prefill', doneTokens: 4, totalTokens: 4 }, { ...end, reason: 'length' }),
    );
    await tier.prepare!(completion);
    await collect(tier.generate(completion));
    // The same prompt only when all else is the same too.
    expect(sent[0]).toEqual({ ...sent[1], isPromptOnly: true });

    const reason = new Error('typed on');
    const { tier: failing } = open(async function* (signal) {
      yield { type: 'prefill', doneTokens: 1, totalTokens: 2 } as const;
      throw signal?.reason;
    });
    await expect(failing.prepare!(completion, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
  });
});
