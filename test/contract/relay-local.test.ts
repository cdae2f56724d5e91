import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { pullModel } from '../../src/cli/pull-model.ts';
import { createTerminalReport } from '../../src/cli/terminal-report.ts';
import { createLocalHost } from '../../src/relay/local-host.ts';
import { createRelay } from '../../src/relay/app.ts';
import type { Relay } from '../../src/relay/app.ts';
import { wrapWorker } from '../../src/relay/upstreams/local-thread.ts';
import type { LocalThread } from '../../src/relay/upstreams/local-thread.ts';
import type { LocalReport } from '../../src/relay/upstreams/local-protocol.ts';
import { connect } from '../../src/worker/connect.ts';
import type { HostConnection } from '../../src/worker/connect.ts';

const FIXTURE = fileURLToPath(new URL('../../models/fixture/tiny.gguf', import.meta.url));
const THREAD = new URL('./relay-thread.mjs', import.meta.url);

let modelsDir = '';

beforeAll(async () => {
  modelsDir = await mkdtemp(path.join(tmpdir(), 'edgewise-relay-'));
  await pullModel({
    from: FIXTURE,
    newId: 'tiny',
    outFolder: modelsDir,
    cacheFolder: path.join(modelsDir, 'cache'),
    signal: new AbortController().signal,
    report: createTerminalReport({ isQuiet: true }),
  });
});

afterAll(() => rm(modelsDir, { recursive: true }));

const MESSAGES = [{ role: 'user', content: 'one two three' }] as const;
const GREEDY = { model: 'slm', messages: MESSAGES, temperature: 0, max_tokens: 12 };

/** Far more than the other request of a test needs; the fixture's context ends it sooner. */
const LONG_TOKENS = 400;

interface Scene {
  readonly relay: Relay;
  /** Everything the thread reported. */
  readonly reports: readonly LocalReport[];
  readonly workers: readonly Worker[];
}

/** A relay whose local upstream is the real host and engine in a real thread. */
function openScene(folder = modelsDir): Scene {
  const reports: LocalReport[] = [];
  const workers: Worker[] = [];
  const startLocalThread = (workerData: object): LocalThread => {
    const worker = new Worker(THREAD, { workerData });
    worker.on('message', (report: LocalReport) => reports.push(report));
    workers.push(worker);
    return wrapWorker(worker);
  };
  const upstream = { id: 'local', kind: 'local', alias: 'slm', modelsDir: folder } as const;
  const relay = createRelay({ upstreams: [upstream] }, { startLocalThread });
  onTestFinished(() => relay.close());
  return { relay, reports, workers };
}

function ask({ relay }: Scene, body: object, signal?: AbortSignal): Promise<Response> {
  return relay.fetch(
    new Request('http://relay.test/edge/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...(signal && { signal }),
    }),
  );
}

interface Answer {
  readonly choices: readonly {
    readonly message: { readonly content: string };
    readonly finish_reason: string;
  }[];
  readonly model: string;
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number };
}

async function answerOf(response: Promise<Response>): Promise<Answer> {
  return (await (await response).json()) as Answer;
}

function connectDirectly(): HostConnection {
  const baseUrl = pathToFileURL(modelsDir + path.sep);
  const connection = connect({ baseUrl, inProcess: true, contextLength: 2048 });
  onTestFinished(() => connection.close());
  return connection;
}

/** What the engine says without any relay. */
async function askEngineDirectly(): Promise<string> {
  const connection = connectDirectly();
  let text = '';
  const request = {
    modelId: 'tiny',
    sessionId: 'direct',
    priority: 'interactive',
    input: { kind: 'messages', messages: MESSAGES },
    maxTokens: GREEDY.max_tokens,
  } as const;
  for await (const step of connection.generate(request)) {
    if (step.type === 'token') text += step.text;
  }
  return text;
}

/** Each case starts a thread, which starts Vite: a second or two, more on a busy machine. */
const TIMEOUT_MS = 30_000;

describe('the local upstream with the real engine in a thread', { timeout: TIMEOUT_MS }, () => {
  test('answers with the engine’s own text, whole and streamed', async () => {
    const scene = openScene();
    const expected = await askEngineDirectly();
    expect(expected).not.toBe('');

    const answer = await answerOf(ask(scene, GREEDY));
    expect(answer.choices[0]?.message.content).toBe(expected);
    expect(answer.model).toBe('tiny');
    expect(answer.usage.prompt_tokens).toBeGreaterThan(0);
    expect(answer.usage.completion_tokens).toBeGreaterThan(0);

    const streamed = await (await ask(scene, { ...GREEDY, stream: true })).text();
    const events = streamed.split('\n\n').filter((event) => event.startsWith('data: {'));
    const texts = events.map((event) => {
      const chunk = JSON.parse(event.slice(6)) as {
        choices: { delta: { content?: string } }[];
      };
      return chunk.choices[0]?.delta.content ?? '';
    });
    expect(texts.join('')).toBe(expected);
    expect(streamed.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  test('serves a second request while one runs, each as if it were alone', async () => {
    const alone = await answerOf(ask(openScene(), GREEDY));
    const scene = openScene();
    // Both wait for the same load, so the long one cannot end before the other begins.
    const long = answerOf(ask(scene, { ...GREEDY, max_tokens: LONG_TOKENS }));
    const beside = await answerOf(ask(scene, GREEDY));
    const text = alone.choices[0]?.message.content ?? '';
    expect(beside.choices[0]?.message.content).toBe(text);
    expect((await long).choices[0]?.message.content.startsWith(text)).toBe(true);

    const order = scene.reports.map((report) => `${report.id} ${kindOf(report)}`);
    expect(order.indexOf('1 token')).toBeLessThan(order.indexOf('2 end'));
    expect(order.indexOf('2 end')).toBeLessThan(order.indexOf('1 end'));
    expect(scene.workers).toHaveLength(1);
  });

  test('never computes for a client that left while the model was loading', async () => {
    const scene = openScene();
    const leave = new AbortController();
    const left = ask(scene, { ...GREEDY, stream: true }, leave.signal);
    await expect.poll(() => scene.workers.length).toBe(1);
    leave.abort();
    expect((await left).status).toBe(499);
    await answerOf(ask(scene, GREEDY));
    expect(new Set(scene.reports.map(({ id }) => id))).toEqual(new Set([2]));
  });

  test('a thread that ends fails the call, and the next call gets a new one', async () => {
    const scene = openScene();
    const response = ask(scene, { ...GREEDY, stream: true });
    await expect.poll(() => scene.workers.length).toBe(1);
    await scene.workers[0]?.terminate();
    expect((await response).status).toBe(502);
    expect(await (await response).json()).toMatchObject({ error: { code: 'worker-crashed' } });
    expect((await answerOf(ask(scene, GREEDY))).model).toBe('tiny');
    expect(scene.workers).toHaveLength(2);
  });

  test('says how to get a model when the folder has none', async () => {
    const empty = await mkdtemp(path.join(tmpdir(), 'edgewise-relay-'));
    onTestFinished(() => rm(empty, { recursive: true }));
    const response = await ask(openScene(empty), GREEDY);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      error: { code: 'not-downloaded', message: expect.stringContaining('edgewise pull') },
    });
  });

  test('a prompt that does not fit is refused', async () => {
    const messages = [{ role: 'user', content: 'word '.repeat(5000) }];
    const response = await ask(openScene(), { ...GREEDY, messages, stream: true });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'context-full' } });
  });
});

test('an abort between two tokens stops the engine before the next one', async () => {
  const reports: string[] = [];
  let finish: () => void = () => {};
  const isFinished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const run = createLocalHost({
    connection: connectDirectly(),
    modelId: null,
    report(report) {
      reports.push(`${report.id} ${kindOf(report)}`);
      if (reports.filter((line) => line === '1 token').length === 3) run({ type: 'abort', id: 1 });
      if (reports.at(-1) === '2 end') finish();
    },
  });
  const input = { kind: 'messages', messages: MESSAGES } as const;
  run({ type: 'generate', id: 1, request: { input, maxTokens: LONG_TOKENS } });
  run({ type: 'generate', id: 2, request: { input, maxTokens: 40 } });
  await isFinished;
  expect(reports.filter((line) => line === '1 token')).toHaveLength(3);
  expect(reports).not.toContain('1 end');
  expect(reports.filter((line) => line === '2 token')).toHaveLength(40);
});

function kindOf(report: LocalReport): string {
  return report.type === 'step' ? report.step.type : report.type;
}
