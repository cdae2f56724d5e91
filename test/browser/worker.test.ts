import { afterEach, describe, expect, it, vi } from 'vitest';
import { EngineError } from '../../src/errors.ts';
import type { ModelState } from '../../src/types.ts';
import { connect } from '../../src/worker/connect.ts';
import type { ConnectOptions, HostConnection } from '../../src/worker/connect.ts';
import { isWireError } from '../../src/worker/wire-error.ts';
import type { WireError } from '../../src/worker/wire-error.ts';
import {
  collect,
  describeHost,
  keystroke,
  LONG_TEXT,
  MODEL_ID,
  request,
  tokensOf,
} from '../contract/host.contract.ts';
import { describeWire } from '../contract/wire.contract.ts';

const baseUrl = '/test/helpers/fixture-models/';
const connections: HostConnection[] = [];

afterEach(() => {
  for (const connection of connections.splice(0)) connection.close();
});

function open(options: Partial<ConnectOptions> = {}): HostConnection {
  const connection = connect({ baseUrl, ...options });
  connections.push(connection);
  return connection;
}

/** A connection whose workers the test can reach, as a crash would. */
function openWithWorkers(): { connection: HostConnection; workers: Worker[] } {
  const workers: Worker[] = [];
  const connection = open({
    createWorker() {
      const worker = new Worker(new URL('../../src/worker/worker.js', import.meta.url), {
        type: 'module',
      });
      workers.push(worker);
      return worker;
    },
  });
  return { connection, workers };
}

function openFaulty(): HostConnection {
  return open({
    createWorker: () =>
      new Worker(new URL('../helpers/fault-worker.ts', import.meta.url), { type: 'module' }),
  });
}

describeHost('the host in a worker', async () => connect({ baseUrl }));
describeHost("the host on the page's thread", async () => connect({ baseUrl, inProcess: true }));

describe('a worker that dies', () => {
  it('rejects every pending call within a second, and the next call starts a new one', async () => {
    const { connection, workers } = openWithWorkers();
    await connection.models.download(MODEL_ID);
    const alone = tokensOf(await collect(connection, request('alone', 'Once upon', 8)));
    const states: ModelState['status'][] = [];
    connection.onState((state) => states.push(state.status));

    const answer = connection.generate(request('a', LONG_TEXT, 400))[Symbol.asyncIterator]();
    await answer.next();
    const pending = [
      drain(answer),
      collect(connection, request('b', LONG_TEXT, 400)),
      collect(connection, keystroke('c', 'He')),
      connection.models.catalogue(),
    ].map(async (call) => outcomeOf(call));
    const killedAt = performance.now();
    workers[0]?.terminate();
    const outcomes = await Promise.all(pending);
    expect(performance.now() - killedAt).toBeLessThan(1_000);
    for (const outcome of outcomes) {
      expect(outcome).toBeInstanceOf(EngineError);
      expect(outcome).toMatchObject({ code: 'worker-crashed', isRetryable: true });
    }
    expect(states.at(-1)).toBe('error');

    // No download, no load: the new worker finds the model in storage.
    expect(tokensOf(await collect(connection, request('a', 'Once upon', 8)))).toEqual(alone);
    expect(workers).toHaveLength(2);
    expect(states.slice(-2)).toEqual(['loading', 'ready']);
  });

  it('is noticed when an error nobody catches takes it down', async () => {
    const connection = openFaulty();
    await connection.models.download(MODEL_ID);
    const bystander = collect(connection, request('b', 'endless', 1e6));
    const failure = await outcomeOf(collect(connection, request('a', 'crash')));
    expect(failure).toMatchObject({ code: 'worker-crashed' });
    expect((failure as EngineError).cause).toMatchObject({
      message: expect.stringContaining('pulled the worker down'),
    });
    await expect(bystander).rejects.toMatchObject({ code: 'worker-crashed' });
    expect(tokensOf(await collect(connection, request('a', 'abc')))).toEqual(['a', 'b', 'c']);
  });

  it('says that the script did not load', async () => {
    const connection = open({
      createWorker: () => new Worker('/no-such-worker.js', { type: 'module' }),
    });
    const failure = await outcomeOf(connection.models.catalogue());
    expect(failure).toMatchObject({ code: 'worker-crashed' });
    expect((failure as EngineError).cause).toMatchObject({
      message: expect.stringMatching(/script/),
    });
  });

  it('is noticed when it dies between two calls', async () => {
    const { connection, workers } = openWithWorkers();
    await connection.models.catalogue();
    workers[0]?.terminate();
    await vi.waitFor(async () => {
      await connection.models.catalogue();
      expect(workers).toHaveLength(2);
    });
  });
});

describe('an engine that fails', () => {
  it('passes its typed error on and keeps the other runs', async () => {
    const connection = openFaulty();
    await connection.models.download(MODEL_ID);
    const other = collect(connection, request('b', 'a longer text', 100));
    await expect(collect(connection, request('a', 'throw typed'))).rejects.toMatchObject({
      name: 'EngineError',
      code: 'out-of-memory',
    });
    expect(tokensOf(await other).join('')).toBe('a longer text');
  });

  it('is loaded anew after an error that leaves it in doubt', async () => {
    const connection = openFaulty();
    await connection.models.download(MODEL_ID);
    const failure = await outcomeOf(collect(connection, request('a', 'throw')));
    expect(failure).toMatchObject({ code: 'internal', isRetryable: true });
    expect((failure as EngineError).cause).toMatchObject({ message: 'unreachable' });
    expect(tokensOf(await collect(connection, request('a', 'abc')))).toEqual(['a', 'b', 'c']);
  });

  it('does not hold the caller when a step never ends', async () => {
    const connection = openFaulty();
    await connection.models.download(MODEL_ID);
    const controller = new AbortController();
    const run = collect(connection, request('a', 'hang'), { signal: controller.signal });
    const reason = new Error('long enough');
    await connection.models.load(MODEL_ID);
    controller.abort(reason);
    await expect(run).rejects.toBe(reason);
  });
});

describe('a page without what models need', () => {
  const all = {
    hasWorker: true,
    hasWebAssembly: true,
    hasSimd: true,
    hasCurrentApis: true,
    isFilePage: false,
  };

  it.each([
    ['no-worker', { ...all, hasWorker: false }],
    ['no-wasm', { ...all, hasWebAssembly: false, hasSimd: false }],
    ['no-simd', { ...all, hasSimd: false }],
    ['feature-missing', { ...all, hasCurrentApis: false }],
    ['file-page', { ...all, isFilePage: true }],
  ])('says %s', async (code, capabilities) => {
    const connection = open({ capabilities });
    const expected = { name: 'UnsupportedError', code };
    await expect(connection.models.load(MODEL_ID)).rejects.toMatchObject(expected);
    await expect(collect(connection, request('a', 'Hello'))).rejects.toMatchObject(expected);
    expect(await connection.models.availability(MODEL_ID)).toBe('unsupported');
  });

  it('runs on its own thread when told to', async () => {
    const connection = open({ capabilities: { ...all, hasWorker: false }, inProcess: true });
    expect(await connection.models.catalogue()).toHaveLength(2);
  });
});

describe('errors over a real worker', () => {
  describeWire(async (wire) => {
    const url = new URL('../helpers/wire-echo-worker.ts', import.meta.url);
    const worker = new Worker(url, { type: 'module' });
    try {
      return await new Promise<WireError>((resolve, reject) => {
        worker.addEventListener('message', ({ data }: MessageEvent<unknown>) =>
          isWireError(data) ? resolve(data) : reject(new Error('Not an error came back.')),
        );
        worker.addEventListener('error', (event) => reject(new Error(event.message)));
        worker.postMessage(wire);
      });
    } finally {
      worker.terminate();
    }
  });
});

async function outcomeOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    return error;
  }
}

async function drain(steps: AsyncIterator<unknown>): Promise<void> {
  while ((await steps.next()).done !== true);
}
