import { fileURLToPath } from 'node:url';

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import type { Rule } from '../../src/cascade/rules.ts';
import { createRuntime, type Runtime } from '../../src/runtime.ts';
import type { RuntimeOptions } from '../../src/runtime/options.ts';
import type { Mode, Request } from '../../src/types.ts';
import { streamOf } from '../helpers/scripted-server.ts';
import { serveFolder, type StaticServer } from '../helpers/static-server.ts';

const FIXTURES = fileURLToPath(new URL('../helpers/fixture-models/', import.meta.url));
const SECRET = 'the patient has a rare illness';
const ENDPOINT = 'http://127.0.0.1:9/edge/v1';
const runtimes: Runtime[] = [];
let models: StaticServer;

beforeAll(async () => {
  models = await serveFolder(FIXTURES);
});
afterAll(async () => {
  await models.stop();
});

afterEach(() => {
  vi.unstubAllGlobals();
  for (const runtime of runtimes.splice(0)) runtime.close();
});

function open(options: RuntimeOptions = {}): Runtime {
  const runtime = createRuntime({
    models: { baseUrl: models.url },
    model: 'tiny',
    inProcess: true,
    ...options,
  });
  runtimes.push(runtime);
  return runtime;
}

async function openReady(options: RuntimeOptions = {}): Promise<Runtime> {
  const runtime = open(options);
  await runtime.models.download();
  await runtime.models.load();
  return runtime;
}

/** Answers like an endpoint and keeps what was sent to it. */
function recordFetch(): { readonly fetch: typeof fetch; readonly sent: string[] } {
  const sent: string[] = [];
  return {
    sent,
    async fetch(_input, init) {
      sent.push(String(init?.body ?? ''));
      const headers = { 'content-type': 'text/event-stream' };
      return new Response(streamOf(['from ', 'the ', 'cloud']), { headers });
    },
  };
}

const ask = (task: string, text = SECRET): Request => ({
  task,
  input: { kind: 'text', text },
  maxTokens: 4,
});

/** The fixture's weights are random: it is never sure, so the rule asks for nothing. */
const ANYTHING: Rule = {
  model: '*',
  task: 'complete',
  signal: 'product',
  threshold: 0,
  holdBackTokens: 0,
  startTier: 'device',
};

describe('A runtime', () => {
  it('lists models, downloads, loads and tells how it is going', async () => {
    const runtime = open();
    const states: string[] = [];
    const progress: number[] = [];
    runtime.addEventListener('model', ({ detail }) => void states.push(detail.state.status));
    runtime.addEventListener('progress', ({ detail }) => {
      progress.push(detail.progress.doneBytes);
    });
    expect(runtime.modelState).toEqual({ status: 'absent' });
    expect((await runtime.models.catalogue()).map(({ id }) => id)).toContain('tiny');
    expect(await runtime.models.availability()).toBe('absent');
    await runtime.models.download();
    await runtime.models.load();
    expect(runtime.modelState.status).toBe('ready');
    expect(states).toEqual(expect.arrayContaining(['downloading', 'loading', 'ready']));
    expect(progress.length).toBeGreaterThan(0);
  });

  it('answers on the device, with the decisions it took', async () => {
    const runtime = await openReady();
    const heard: string[] = [];
    runtime.addEventListener('decision', ({ detail }) => {
      heard.push(`${detail.task} ${detail.decision.reason}`);
    });
    const { text, finish, decisions } = await runtime.generate(ask('rewrite'));
    expect(text.length).toBeGreaterThan(0);
    expect(finish).toMatchObject({ tier: 'device', decision: { reason: 'no-higher-tier' } });
    expect(finish.receipt).toMatchObject({ modelId: 'tiny', costUsd: null, energyWh: null });
    expect(finish.receipt.outputTokens).toBeGreaterThan(0);
    expect(decisions.map(({ reason }) => reason)).toEqual(['no-higher-tier']);
    expect(heard).toEqual(['rewrite no-higher-tier']);
  });

  it('says in a typed error that a browser is too old to cancel, also for the cloud', async () => {
    const { fetch, sent } = recordFetch();
    const runtime = open({ mode: 'only-in-cloud', remote: { baseUrl: ENDPOINT, fetch } });
    const any = vi.spyOn(AbortSignal as { any: unknown }, 'any', 'get').mockReturnValue(undefined);
    try {
      await expect(
        runtime.generate(ask('ask'), { signal: new AbortController().signal }),
      ).rejects.toMatchObject({ name: 'UnsupportedError', code: 'feature-missing' });
    } finally {
      any.mockRestore();
    }
    expect(sent).toEqual([]);
  });

  it('lets the engine end a completion where it is no longer shown', async () => {
    const runtime = await openReady({ rules: [{ ...ANYTHING, threshold: 0.3 }] });
    const post = vi.spyOn(MessagePort.prototype, 'postMessage');
    try {
      await runtime.complete.suggest({ before: 'Hello th', after: '', field: 'f' });
      expect(post).toHaveBeenCalledWith(
        expect.objectContaining({ request: expect.objectContaining({ minProduct: 0.3 }) }),
      );
    } finally {
      post.mockRestore();
    }
  });

  it('sends what the device cannot do to the endpoint, and tells of a fallback', async () => {
    const { fetch, sent } = recordFetch();
    const runtime = open({ remote: { baseUrl: ENDPOINT, fetch } });
    const fallbacks: string[] = [];
    runtime.addEventListener('fallback', ({ detail }) => {
      if (detail.kind === 'tier') fallbacks.push(`${detail.from} ${detail.to} ${detail.reason}`);
    });
    expect(await runtime.generate(ask('ask'))).toMatchObject({
      text: 'from the cloud',
      finish: { tier: 'frontier', decision: { reason: 'no-usable-signal' } },
    });
    // No model on the device yet.
    expect(await runtime.generate(ask('rewrite'))).toMatchObject({
      finish: { tier: 'frontier', decision: { reason: 'device-unavailable' } },
    });
    expect(fallbacks).toEqual(['device frontier device-unavailable']);
    expect(sent).toHaveLength(2);
  });

  it('uses the aliases of its endpoint', async () => {
    const { fetch, sent } = recordFetch();
    const remote = { baseUrl: ENDPOINT, fetch, slm: 'small-one', frontier: 'big-one' };
    const runtime = open({ remote });
    await runtime.generate(ask('ask'));
    await runtime.generate(ask('create'));
    expect(sent.map((body) => JSON.parse(body).model)).toEqual(['small-one', 'big-one']);
  });

  it.each(['ask', 'create', 'rewrite', 'complete', 'own'])(
    'lets no byte of a prompt leave on the device only: %s',
    async (task) => {
      const { fetch, sent } = recordFetch();
      const everything: string[] = [];
      const real = globalThis.fetch;
      vi.stubGlobal(
        'fetch',
        async (input: string | URL | globalThis.Request, init?: RequestInit) => {
          everything.push(`${String(input)} ${String(init?.body ?? '')}`);
          return await real(input, init);
        },
      );
      const runtime = await openReady({
        mode: 'only-on-device',
        remote: { baseUrl: ENDPOINT, fetch },
      });
      const { finish } = await runtime.generate(ask(task));
      await runtime.complete.suggest({ before: SECRET, after: '', field: 'f' });
      expect(finish.tier).toBe('device');
      expect(sent).toEqual([]);
      expect(everything.filter((each) => each.includes('patient'))).toEqual([]);
    },
  );

  it('lets no byte leave on the device only when the model is missing', async () => {
    const { fetch, sent } = recordFetch();
    const runtime = open({ mode: 'only-on-device', remote: { baseUrl: ENDPOINT, fetch } });
    await expect(runtime.generate(ask('ask'))).rejects.toMatchObject({ code: 'not-downloaded' });
    expect(sent).toEqual([]);
  });

  it('changes its mode for the next request, and knows only the five', async () => {
    const { fetch, sent } = recordFetch();
    const runtime = await openReady({ remote: { baseUrl: ENDPOINT, fetch } });
    expect(runtime.mode).toBe('prefer-on-device');
    runtime.mode = 'prefer-in-cloud';
    expect((await runtime.generate(ask('rewrite'))).finish.tier).toBe('frontier');
    runtime.mode = 'only-on-device';
    expect((await runtime.generate(ask('rewrite'))).finish.tier).toBe('device');
    expect(sent).toHaveLength(1);
    expect(() => {
      runtime.mode = 'sometimes' as Mode;
    }).toThrow(TypeError);
    expect(runtime.mode).toBe('only-on-device');
  });

  it('stops telling those who no longer listen', async () => {
    const runtime = await openReady();
    const heard = vi.fn<() => void>();
    runtime.addEventListener('decision', heard);
    runtime.removeEventListener('decision', heard);
    await runtime.generate(ask('rewrite'));
    expect(heard).not.toHaveBeenCalled();
  });

  it('ends pending calls when it is closed, and answers no more', async () => {
    const runtime = await openReady({ mode: 'only-on-device' });
    const request = { ...ask('rewrite'), maxTokens: 200 };
    const events: string[] = [];
    for await (const event of runtime.stream(request)) {
      events.push(event.type === 'finish' ? event.reason : event.type);
      if (event.type === 'text-delta') runtime.close();
    }
    expect(events.at(-1)).toBe('abort');
    await expect(runtime.generate(request)).rejects.toMatchObject({ code: 'closed' });
    await expect(runtime.models.load()).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('The suggestions of a runtime', () => {
  const typing = { before: 'Hello the', after: '', field: 'message' };

  it('come from the device, once the model is ready', async () => {
    const runtime = open({ rules: [ANYTHING] });
    expect(await runtime.complete.suggest(typing)).toBeNull();
    expect(await runtime.models.availability()).toBe('absent');
    await runtime.models.download();
    await runtime.models.load();
    const suggestion = await runtime.complete.suggest(typing);
    expect(suggestion).toMatchObject({
      tier: 'device',
      confidence: { calibrationId: 'uncalibrated' },
    });
    expect(suggestion?.text.length).toBeGreaterThan(0);
  });

  it('are null in the cloud only, with a decision', async () => {
    const runtime = await openReady({ mode: 'only-in-cloud', rules: [ANYTHING] });
    const reasons: string[] = [];
    runtime.addEventListener('decision', ({ detail }) => void reasons.push(detail.decision.reason));
    expect(await runtime.complete.suggest(typing)).toBeNull();
    expect(reasons).toEqual(['mode-only-in-cloud']);
  });

  it('are null for a request a newer one of its field took over from', async () => {
    const runtime = await openReady({ rules: [ANYTHING] });
    const older = runtime.complete.suggest(typing);
    const newer = runtime.complete.suggest({ ...typing, before: 'Hello then' });
    const outcomes = await Promise.all([older, newer]);
    expect(outcomes[0]).toBeNull();
    expect(outcomes[1]).not.toBeNull();
  });
});

describe('Wrong options', () => {
  it.each<[string, unknown, RegExp]>([
    ['an unknown name', { modle: 'x' }, /Unknown option "modle"\. Known: models, model/],
    ['an unknown name in models', { models: { url: '/m' } }, /Unknown option "models\.url"/],
    ['an unknown name in remote', { remote: { baseUrl: '/e', key: 'x' } }, /"remote\.key"/],
    ['a name every object has', { toString: 1 }, /Unknown option "toString"/],
    ['an endpoint without address', { remote: {} }, /remote needs baseUrl/],
    ['an unknown mode', { mode: 'always' }, /Known: only-on-device/],
    ['an unknown choice', { onCollapse: 'panic' }, /onCollapse/],
    ['half a token', { holdBackTokens: 0.5 }, /holdBackTokens/],
    ['a wrong rule', { rules: [{ task: 'x' }] }, /A rule needs/],
    ['a wrong egress rule', { egress: [{ field: 'x' }] }, /egress/],
    ['a text', 'fast please', /must be an object/],
  ])('are refused with TypeError: %s', (_, options, message) => {
    expect(() => createRuntime(options as RuntimeOptions)).toThrow(TypeError);
    expect(() => createRuntime(options as RuntimeOptions)).toThrow(message);
  });

  it('are refused when they hold a key', () => {
    const headers = { authorization: 'Bearer sk-abcdefghijklmnopqrst' };
    expect(() => open({ remote: { baseUrl: ENDPOINT, headers } })).toThrow(
      expect.objectContaining({ code: 'key-in-page' }),
    );
  });
});
