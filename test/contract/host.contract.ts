import { afterEach, describe, expect, it } from 'vitest';
import type { EngineStep, ModelState } from '../../src/types.ts';
import type { GenerateOptions, GenerateRequest, HostConnection } from '../../src/worker/connect.ts';

/** The fixture model every host is tested with: random weights, a few hundred kB. */
export const MODEL_ID = 'tiny';

/** The fixture model goes on with this until it is stopped. */
export const LONG_TEXT = 'Tell me everything about it';

/** The cases a host has to pass wherever it runs, on the real engine. `open` connects to a new one. */
export function describeHost(name: string, open: () => Promise<HostConnection>): void {
  describe(`${name} as a host`, () => {
    const connections: HostConnection[] = [];
    const openHost = async (): Promise<HostConnection> => {
      const connection = await open();
      connections.push(connection);
      await connection.models.remove(MODEL_ID);
      return connection;
    };
    const openLoaded = async (): Promise<HostConnection> => {
      const connection = await openHost();
      await connection.models.download(MODEL_ID);
      await connection.models.load(MODEL_ID);
      return connection;
    };
    afterEach(() => {
      for (const connection of connections.splice(0)) connection.close();
    });

    it('lists the models on offer', async () => {
      const { models } = await openHost();
      const ids = (await models.catalogue()).map((entry) => entry.id);
      expect(ids).toEqual(['tiny', 'tiny-mixed']);
    });

    it('names the known models when asked for an unknown one', async () => {
      const connection = await openHost();
      const expected = { code: 'not-found', message: expect.stringContaining('tiny, tiny-mixed') };
      await expect(connection.models.load('tinny')).rejects.toMatchObject(expected);
      await expect(connection.models.download('tinny')).rejects.toMatchObject(expected);
      await expect(
        collect(connection, { ...request('a', 'Hello'), modelId: 'tinny' }),
      ).rejects.toMatchObject(expected);
    });

    it('never starts a download by itself', async () => {
      const connection = await openHost();
      await expect(collect(connection, request('a', 'Hello'))).rejects.toMatchObject({
        name: 'ModelError',
        code: 'not-downloaded',
        message: expect.stringContaining("models.download('tiny')"),
      });
      expect(await connection.models.availability(MODEL_ID)).toBe('absent');
    });

    it('downloads with progress and tells the state of the model', async () => {
      const connection = await openHost();
      const states: ModelState['status'][] = [];
      connection.onState((state, id) => {
        if (id === MODEL_ID && states.at(-1) !== state.status) states.push(state.status);
      });
      const doneBytes: number[] = [];
      await connection.models.download(MODEL_ID, {
        onProgress: (progress) => doneBytes.push(progress.doneBytes / progress.totalBytes),
      });
      expect(doneBytes.at(-1)).toBe(1);
      expect(await connection.models.availability(MODEL_ID)).toBe('ready');
      const info = await connection.models.load(MODEL_ID);
      expect(info).toMatchObject({ engine: 'wasm', architecture: 'llama' });
      expect(states.slice(-4)).toEqual(['downloading', 'stored', 'loading', 'ready']);
    });

    it('says that a model is stored once it was downloaded, and absent when it is not', async () => {
      const connection = await openHost();
      let last: ModelState | null = null;
      connection.onState((state, id) => {
        if (id === MODEL_ID) last = state;
      });
      await expect(connection.models.load(MODEL_ID)).rejects.toMatchObject({
        code: 'not-downloaded',
      });
      expect(last).toEqual({ status: 'absent' });
      await connection.models.download(MODEL_ID);
      expect(last).toEqual({ status: 'stored' });
    });

    it('removes a model that is still on its way, and leaves nothing of it', async () => {
      const connection = await openHost();
      const download = connection.models.download(MODEL_ID);
      const outcome = expect(download).rejects.toMatchObject({ code: 'closed' });
      await connection.models.remove(MODEL_ID);
      await outcome;
      expect(await connection.models.availability(MODEL_ID)).toBe('absent');
    });

    it('shares one load between those who ask at the same time', async () => {
      const connection = await openHost();
      await connection.models.download(MODEL_ID);
      let loads = 0;
      connection.onState((state) => {
        if (state.status === 'loading') loads += 1;
      });
      const leave = new AbortController();
      const left = connection.models.load(MODEL_ID, { signal: leave.signal });
      const stayed = connection.models.load(MODEL_ID);
      const reason = new Error('changed my mind');
      leave.abort(reason);
      await expect(left).rejects.toBe(reason);
      expect((await stayed).engine).toBe('wasm');
      await connection.models.load(MODEL_ID);
      expect(loads).toBe(1);
    });

    it('generates the same tokens each time, and one end, last', async () => {
      const connection = await openLoaded();
      const first = await collect(connection, request('a', 'Hello there', 12));
      const second = await collect(connection, request('b', 'Hello there', 12));
      expect(tokensOf(first)).toEqual(tokensOf(second));
      expect(tokensOf(first).length).toBeGreaterThan(3);
      expect(first.filter((step) => step.type === 'end')).toHaveLength(1);
      expect(first.at(-1)).toMatchObject({
        type: 'end',
        usage: { outputTokens: tokensOf(first).length },
      });
    });

    it('loads a stored model when a request needs it', async () => {
      const connection = await openLoaded();
      const before = tokensOf(await collect(connection, request('a', 'Once upon', 8)));
      await connection.models.unload();
      if ((await connection.models.availability(MODEL_ID)) !== 'ready') {
        // A memory store gives its shards to the engine and keeps none.
        await connection.models.download(MODEL_ID);
      }
      expect(tokensOf(await collect(connection, request('a', 'Once upon', 8)))).toEqual(before);
    });

    it('runs a long answer and typing side by side, each as if alone', async () => {
      const connection = await openLoaded();
      const long = request('answer', LONG_TEXT, 120);
      const texts = ['T', 'Th', 'The', 'The ', 'The d', 'The do', 'The dog'];
      const typed = texts.map((text): GenerateRequest => keystroke('field', text));
      const alone = [];
      for (const one of [long, ...typed]) {
        alone.push(
          tokensOf(await collect(connection, { ...one, sessionId: `alone ${alone.length}` })),
        );
      }

      let isAnswering = true;
      const answer = collect(connection, long).finally(() => {
        isAnswering = false;
      });
      const together = [];
      for (const one of typed) {
        together.push(tokensOf(await collect(connection, one)));
        expect(isAnswering).toBe(true);
      }
      expect([tokensOf(await answer), ...together]).toEqual(alone);
      expect(alone[0]?.length).toBeGreaterThan(40);
    });

    it('lets a key pass a long answer at its next step', async () => {
      const connection = await openLoaded();
      const order: string[] = [];
      const read = async (label: string, call: GenerateRequest): Promise<void> => {
        for await (const _ of connection.generate(call)) order.push(label);
      };
      let typing: Promise<void> | null = null;
      for await (const _ of connection.generate(request('answer', LONG_TEXT, 100))) {
        order.push('answer');
        if (order.length === 6) typing = read('key', keystroke('field', 'He'));
      }
      await typing;
      const firstKey = order.indexOf('key');
      const keys = order.filter((entry) => entry === 'key').length;
      expect(keys).toBeGreaterThan(2);
      // Nothing of the answer comes between two steps of the key.
      expect(order.slice(firstKey, firstKey + keys).every((entry) => entry === 'key')).toBe(true);
      expect(firstKey).toBeLessThan(order.lastIndexOf('answer'));
    });

    it('ends the older request of a session when a newer one comes', async () => {
      const connection = await openLoaded();
      const older = connection.generate(request('field', LONG_TEXT, 200));
      const steps = older[Symbol.asyncIterator]();
      await steps.next();
      const newer = collect(connection, request('field', 'An end', 4));
      await expect(drain(steps)).rejects.toMatchObject({ code: 'superseded', isRetryable: false });
      expect(tokensOf(await newer)).toHaveLength(4);
    });

    it('answers with its first token once the prompt was computed beforehand', async () => {
      const connection = await openLoaded();
      const typed = keystroke('field', 'The dog is in the gard');
      const cold = await collect(connection, { ...typed, sessionId: 'other' });
      expect(cold[0]).toMatchObject({ type: 'prefill' });
      const ready = await collect(connection, { ...typed, isPromptOnly: true });
      expect(tokensOf(ready)).toEqual([]);
      expect(ready.at(-1)).toMatchObject({ type: 'end', usage: { outputTokens: 0 } });
      const warm = await collect(connection, typed);
      expect(warm.filter((step) => step.type === 'prefill')).toEqual([]);
      expect(tokensOf(warm)).toEqual(tokensOf(cold));
    });

    it("throws the signal's reason and frees the engine", async () => {
      const connection = await openLoaded();
      const controller = new AbortController();
      const reason = new Error('enough');
      let count = 0;
      const run = (async () => {
        const options: GenerateOptions = { signal: controller.signal };
        for await (const _ of connection.generate(request('a', LONG_TEXT, 400), options)) {
          count += 1;
          if (count === 3) controller.abort(reason);
        }
      })();
      await expect(run).rejects.toBe(reason);
      expect(count).toBe(3);
      expect(tokensOf(await collect(connection, request('a', 'On and', 3)))).toHaveLength(3);
    });

    it('does not begin when the signal is aborted already', async () => {
      const connection = await openLoaded();
      const reason = new Error('never mind');
      const signal = AbortSignal.abort(reason);
      await expect(collect(connection, request('a', 'Hello'), { signal })).rejects.toBe(reason);
      await expect(connection.models.load(MODEL_ID, { signal })).rejects.toBe(reason);
    });

    it('ends the run when its reader leaves', async () => {
      const connection = await openLoaded();
      for (let round = 0; round < 8; round += 1) {
        // More rounds than slots: each would keep its slot if leaving did not end the run.
        for await (const step of connection.generate(request(`reader ${round}`, 'Go on', 400))) {
          if (step.type === 'token') break;
        }
      }
      expect(tokensOf(await collect(connection, request('last', 'Go on', 3)))).toHaveLength(3);
    });

    it('refuses a malformed request at once and shows the right call', async () => {
      const connection = await openHost();
      const malformed = { modelId: MODEL_ID, input: 'Hello' } as unknown as GenerateRequest;
      expect(() => connection.generate(malformed)).toThrow(TypeError);
      expect(() => connection.generate(malformed)).toThrow(/generate\(\{ modelId/);
      await expect(connection.models.load('')).rejects.toThrow(/models\.load\('MODEL-ID'\)/);
    });

    it('passes on what the engine says of a request it cannot take', async () => {
      const connection = await openLoaded();
      const input = { kind: 'text', text: 'far too long '.repeat(600) } as const;
      await expect(collect(connection, { ...request('a', ''), input })).rejects.toMatchObject({
        name: 'EngineError',
        code: 'context-full',
      });
    });

    it('serves more sessions than it has slots', async () => {
      const connection = await openLoaded();
      const runs = Array.from({ length: 9 }, (_, index) =>
        collect(connection, request(`session ${index}`, `Number ${index}`, 6)),
      );
      for (const steps of await Promise.all(runs)) expect(steps.at(-1)?.type).toBe('end');
    });

    it('rejects what is pending when it is closed, and every later call', async () => {
      const connection = await openLoaded();
      const steps = connection.generate(request('a', LONG_TEXT, 400))[Symbol.asyncIterator]();
      await steps.next();
      connection.close();
      const closed = { name: 'EngineError', code: 'closed' };
      await expect(drain(steps)).rejects.toMatchObject(closed);
      await expect(connection.models.catalogue()).rejects.toMatchObject(closed);
      await expect(collect(connection, request('a', 'Hello'))).rejects.toMatchObject(closed);
    });
  });
}

export function request(sessionId: string, text: string, maxTokens = 16): GenerateRequest {
  const input = { kind: 'prefix', before: text } as const;
  return { modelId: MODEL_ID, sessionId, priority: 'interactive', input, maxTokens };
}

export function keystroke(sessionId: string, text: string): GenerateRequest {
  return { ...request(sessionId, text, 6), priority: 'keystroke' };
}

export async function collect(
  connection: HostConnection,
  call: GenerateRequest,
  options: GenerateOptions = {},
): Promise<EngineStep[]> {
  const steps: EngineStep[] = [];
  for await (const step of connection.generate(call, options)) steps.push(step);
  return steps;
}

export function tokensOf(steps: readonly EngineStep[]): string[] {
  return steps.flatMap((step) => (step.type === 'token' ? [step.text] : []));
}

async function drain(steps: AsyncIterator<EngineStep>): Promise<void> {
  while ((await steps.next()).done !== true);
}
