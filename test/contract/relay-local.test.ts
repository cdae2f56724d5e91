import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { pullModel } from '../../src/cli/pull-model.ts';
import { createTerminalReport } from '../../src/cli/terminal-report.ts';
import { createRelay } from '../../src/relay/app.ts';
import type { Relay } from '../../src/relay/app.ts';
import { wrapWorker } from '../../src/relay/upstreams/local-thread.ts';
import type { LocalThread } from '../../src/relay/upstreams/local-thread.ts';
import type { LocalReport } from '../../src/relay/upstreams/local-protocol.ts';
import { connect } from '../../src/worker/connect.ts';

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

/** What the engine says without any relay. */
async function askEngineDirectly(): Promise<string> {
  const baseUrl = pathToFileURL(modelsDir + path.sep);
  const connection = connect({ baseUrl, inProcess: true, contextLength: 2048 });
  onTestFinished(() => connection.close());
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
    const scene = openScene();
    const alone = await answerOf(ask(scene, GREEDY));
    const long = ask(scene, { ...GREEDY, max_tokens: 400 });
    await expect.poll(() => tokensOf(scene, 2), { timeout: TIMEOUT_MS }).toBeGreaterThan(0);
    const beside = await answerOf(ask(scene, GREEDY));
    expect(endsOf(scene, 2)).toBe(0);
    expect(beside.choices[0]?.message.content).toBe(alone.choices[0]?.message.content);
    const [first] = (await answerOf(long)).choices;
    expect(first?.finish_reason).toBe('length');
    expect(first?.message.content.startsWith(alone.choices[0]?.message.content ?? '?')).toBe(true);
    expect(scene.workers).toHaveLength(1);
  });

  test('stops the engine when the client leaves', async () => {
    const scene = openScene();
    const leave = new AbortController();
    const response = await ask(scene, { ...GREEDY, max_tokens: 1900, stream: true }, leave.signal);
    await response.body?.getReader().read();
    leave.abort();
    // The next request's answer proves that the thread is alive and past the abort.
    await answerOf(ask(scene, GREEDY));
    const afterAbort = tokensOf(scene, 1);
    await answerOf(ask(scene, GREEDY));
    expect(tokensOf(scene, 1)).toBe(afterAbort);
    expect(afterAbort).toBeLessThan(1900);
    expect(endsOf(scene, 1)).toBe(0);
  });

  test('a thread that ends mid-answer fails the call, and the next call gets a new one', async () => {
    const scene = openScene();
    const response = await ask(scene, { ...GREEDY, max_tokens: 1900, stream: true });
    const text = response.text();
    await scene.workers[0]?.terminate();
    expect(await text).toContain('worker-crashed');
    expect(await text).not.toContain('[DONE]');
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

function tokensOf({ reports }: Scene, id: number): number {
  return reports.filter((report) => report.id === id && isStep(report, 'token')).length;
}

function endsOf({ reports }: Scene, id: number): number {
  return reports.filter((report) => report.id === id && isStep(report, 'end')).length;
}

function isStep(report: LocalReport, type: 'token' | 'end'): boolean {
  return report.type === 'step' && report.step.type === type;
}
