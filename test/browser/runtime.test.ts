import { afterEach, describe, expect, it, vi } from 'vitest';

import {
  createRuntime,
  EngineError,
  type Request,
  type Runtime,
  type RuntimeOptions,
} from '../../src/index.ts';

const SECRET = 'the patient has a rare illness';
const runtimes: Runtime[] = [];

afterEach(() => {
  vi.unstubAllGlobals();
  for (const runtime of runtimes.splice(0)) runtime.close();
});

function open(options: RuntimeOptions = {}): Runtime {
  const runtime = createRuntime({
    models: { baseUrl: '/test/helpers/fixture-models/' },
    model: 'tiny',
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

const ask = (task: string): Request => ({
  task,
  input: { kind: 'text', text: SECRET },
  maxTokens: 6,
});

/** Keeps everything this page sends, by whatever way it asks. */
function recordNetwork(): readonly string[] {
  const sent: string[] = [];
  const real = globalThis.fetch;
  vi.stubGlobal('fetch', async (input: RequestInfo | URL, init?: RequestInit) => {
    const url = input instanceof globalThis.Request ? input.url : String(input);
    sent.push(`${url} ${typeof init?.body === 'string' ? init.body : ''}`);
    return await real(input, init);
  });
  vi.spyOn(navigator, 'sendBeacon').mockImplementation((url, data) => {
    sent.push(`${String(url)} ${String(data)}`);
    return true;
  });
  return sent;
}

describe('A runtime in the browser', () => {
  it('downloads once, loads in its worker and answers on the device', async () => {
    const runtime = await openReady();
    const events: string[] = [];
    for await (const event of runtime.stream(ask('rewrite'))) events.push(event.type);
    expect(events[0]).toBe('decision');
    expect(events.filter((type) => type === 'text-delta').length).toBeGreaterThan(0);
    expect(events.at(-1)).toBe('finish');
    expect(runtime.modelState).toMatchObject({ status: 'ready', info: { engine: 'wasm' } });
  });

  it('finds the model stored at the second visit', async () => {
    await openReady();
    runtimes.splice(0).forEach((runtime) => runtime.close());
    const second = open();
    expect(await second.models.availability()).toBe('ready');
    await second.models.load();
    expect(second.modelState.status).toBe('ready');
    const { finish } = await second.generate(ask('rewrite'));
    expect(finish.tier).toBe('device');
  });

  it('lets no byte of a prompt leave on the device only', async () => {
    const sent = recordNetwork();
    const runtime = await openReady({ mode: 'only-on-device', remote: { baseUrl: '/edge/v1' } });
    for (const task of ['ask', 'create', 'rewrite', 'complete']) {
      const { finish } = await runtime.generate(ask(task));
      expect(finish.tier).toBe('device');
    }
    await runtime.complete.suggest({ before: SECRET, after: '', field: 'f' });
    expect(sent.filter((each) => each.includes('patient') || each.includes('/edge/'))).toEqual([]);
    const asked = performance.getEntriesByType('resource').map(({ name }) => name);
    expect(asked.filter((name) => name.includes('/edge/'))).toEqual([]);
  });

  it('sends questions to its own origin when it may', async () => {
    const sent = recordNetwork();
    const runtime = open({ remote: { baseUrl: '/edge/v1' }, mode: 'only-in-cloud' });
    // The test server has no such route: it answers with a page or a status, never with a completion.
    const failure = await runtime.generate(ask('ask')).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'NetworkError' });
    expect(sent.filter((each) => each.includes(SECRET))).toEqual([
      expect.stringContaining(`${location.origin}/edge/v1/chat/completions`),
    ]);
  });

  it("refuses another origin's endpoint and a provider's key", () => {
    expect(() => open({ remote: { baseUrl: 'https://other.example/v1' } })).toThrow(
      expect.objectContaining({ code: 'egress-forbidden' }),
    );
    expect(() => open({ remote: { baseUrl: 'https://api.openai.com/v1' } })).toThrow(
      expect.objectContaining({ code: 'key-in-page' }),
    );
  });

  it('completes again after its worker died', async () => {
    const workers: Worker[] = [];
    const runtime = await openReady({
      rules: [
        {
          model: '*',
          task: 'complete',
          signal: 'product',
          threshold: 0,
          holdBackTokens: 0,
          startTier: 'device',
        },
      ],
      createWorker() {
        const worker = new Worker(new URL('../../src/worker/worker.js', import.meta.url), {
          type: 'module',
        });
        workers.push(worker);
        return worker;
      },
    });
    const typing = { before: 'Hello the', after: '', field: 'message' };
    expect(await runtime.complete.suggest(typing)).not.toBeNull();
    const failed = new Promise<unknown>((resolve) => {
      runtime.addEventListener('model', ({ detail }) => {
        if (detail.state.status === 'error') resolve(detail.state.error);
      });
    });
    workers[0]?.terminate();
    expect(await failed).toBeInstanceOf(EngineError);
    expect(await runtime.complete.suggest(typing)).not.toBeNull();
    expect(workers).toHaveLength(2);
  });
});
