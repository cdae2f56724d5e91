import { describe, expect, onTestFinished, test } from 'vitest';

import { createRelay } from '../../../src/relay/app.ts';
import type { Relay } from '../../../src/relay/app.ts';
import type { LocalCommand, LocalReport } from '../../../src/relay/upstreams/local-protocol.ts';
import type { LocalThread, StartLocalThread } from '../../../src/relay/upstreams/local-thread.ts';
import type { EngineStep } from '../../../src/types.ts';
import { ask, errorOf, eventsOf, textOf } from './ask-relay.ts';

interface FakeThread {
  readonly start: StartLocalThread;
  readonly commands: readonly LocalCommand[];
  /** How many threads were started. */
  starts: number;
  report(report: LocalReport): void;
  die(cause: Error): void;
  isTerminated: boolean;
}

/** A thread that says exactly what the test tells it to. */
function createFakeThread(onCommand: (command: LocalCommand) => void = () => {}): FakeThread {
  const commands: LocalCommand[] = [];
  let onReport: (report: LocalReport) => void = () => {};
  let onGone: (cause: Error) => void = () => {};
  const fake: FakeThread = {
    commands,
    starts: 0,
    isTerminated: false,
    report: (report) => onReport(report),
    die: (cause) => onGone(cause),
    start() {
      fake.starts += 1;
      return {
        send(command) {
          commands.push(command);
          onCommand(command);
        },
        onReport(listener) {
          onReport = listener;
        },
        onGone(listener) {
          onGone = listener;
        },
        async terminate() {
          fake.isTerminated = true;
        },
      } satisfies LocalThread;
    },
  };
  return fake;
}

function openLocalRelay(thread: FakeThread): Relay {
  const upstream = { id: 'local', kind: 'local', alias: 'slm', modelsDir: '/models' } as const;
  const relay = createRelay({ upstreams: [upstream] }, { startLocalThread: thread.start });
  onTestFinished(() => relay.close());
  return relay;
}

const QUESTION = { model: 'slm', messages: [{ role: 'user', content: 'Hi' }] };

function token(text: string, logProbability = -0.5): EngineStep {
  return {
    type: 'token',
    text,
    evidence: { textLength: text.length, logProbability, margin: 1, isTyped: false },
  };
}

function end(reason: 'stop' | 'length' = 'stop'): EngineStep {
  return {
    type: 'end',
    reason,
    usage: { inputTokens: 11, cachedTokens: 4, outputTokens: 2, busyMs: 3 },
  };
}

/** Answers each `generate` with these steps. */
function answering(steps: readonly EngineStep[]): FakeThread {
  const thread = createFakeThread((command) => {
    if (command.type !== 'generate') return;
    const { id } = command;
    thread.report({ type: 'start', id, modelId: 'tiny' });
    for (const step of steps) thread.report({ type: 'step', id, step });
  });
  return thread;
}

describe('the local upstream', () => {
  test('streams tokens in OpenAI’s shape and says that it is local', async () => {
    const prefill: EngineStep = { type: 'prefill', doneTokens: 11, totalTokens: 11 };
    const thread = answering([prefill, token('He'), token('llo'), end()]);
    const response = await ask(openLocalRelay(thread), {
      ...QUESTION,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(response.headers.get('x-edgewise-upstream')).toBe('local');
    const events = await eventsOf(response);
    expect(textOf(events)).toBe('Hello');
    expect(events.at(-1)).toBe('[DONE]');
    const chunks = events.slice(0, -1).map((data) => JSON.parse(data) as Record<string, unknown>);
    for (const chunk of chunks) {
      expect(chunk).toMatchObject({
        object: 'chat.completion.chunk',
        model: 'tiny',
        system_fingerprint: 'edgewise-local',
        edgewise: { kind: 'local' },
      });
    }
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.at(-2)).toMatchObject({ choices: [{ finish_reason: 'stop' }] });
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: {
        prompt_tokens: 11,
        completion_tokens: 2,
        total_tokens: 13,
        prompt_tokens_details: { cached_tokens: 4 },
      },
    });
  });

  test('gives the whole answer with usage and the length as finish reason', async () => {
    const thread = answering([token('He'), token('llo'), end('length')]);
    const response = await ask(openLocalRelay(thread), { ...QUESTION, logprobs: true });
    expect(await response.json()).toMatchObject({
      object: 'chat.completion',
      model: 'tiny',
      edgewise: { kind: 'local' },
      choices: [
        {
          message: { role: 'assistant', content: 'Hello' },
          finish_reason: 'length',
          logprobs: {
            content: [
              { token: 'He', logprob: -0.5 },
              { token: 'llo', logprob: -0.5 },
            ],
          },
        },
      ],
      usage: { total_tokens: 13 },
    });
  });

  test('hands the engine messages, limit, stop and sampling', async () => {
    const thread = answering([end()]);
    const messages = [
      { role: 'developer', content: 'Brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
    ];
    const fields = { max_tokens: 5, stop: '\n', temperature: 0, top_p: 0.5, seed: 9 };
    await ask(openLocalRelay(thread), { ...QUESTION, ...fields, messages });
    expect(thread.commands[0]).toMatchObject({
      type: 'generate',
      request: {
        input: {
          kind: 'messages',
          messages: [
            { role: 'system', content: 'Brief.' },
            { role: 'user', content: 'a\nb' },
          ],
        },
        maxTokens: 5,
        stop: ['\n'],
        sampling: { temperature: 0, topP: 0.5, seed: 9 },
      },
    });
  });

  test('answers greedily when the page names no temperature', async () => {
    const thread = answering([end()]);
    await ask(openLocalRelay(thread), QUESTION);
    expect(thread.commands[0]).toMatchObject({ request: { sampling: { temperature: 0 } } });
  });

  test('takes a top_p of 0 for the best token alone', async () => {
    const thread = answering([end()]);
    const response = await ask(openLocalRelay(thread), { ...QUESTION, top_p: 0 });
    expect(response.status).toBe(200);
    const smallest = { topP: Number.MIN_VALUE };
    expect(thread.commands[0]).toMatchObject({ request: { sampling: smallest } });
  });

  test.each([{ presence_penalty: 1 }, { frequency_penalty: -1 }, { top_logprobs: 2 }])(
    'refuses %j, which the engine cannot do',
    async (fields) => {
      const thread = answering([end()]);
      const response = await ask(openLocalRelay(thread), { ...QUESTION, ...fields });
      expect(response.status).toBe(400);
      expect((await errorOf(response)).code).toBe('unsupported-field');
      expect(thread.starts).toBe(0);
    },
  );

  test('serves two requests at a time on one thread', async () => {
    const thread = createFakeThread();
    const relay = openLocalRelay(thread);
    const first = ask(relay, QUESTION);
    const second = ask(relay, QUESTION);
    await expect.poll(() => thread.commands.length).toBe(2);
    const ids = thread.commands.map(({ id }) => id);
    for (const id of ids) thread.report({ type: 'start', id, modelId: 'tiny' });
    for (const id of ids.toReversed()) {
      thread.report({ type: 'step', id, step: token(`answer ${id}`) });
      thread.report({ type: 'step', id, step: end() });
    }
    const contents = await Promise.all(
      [first, second].map(async (answer) => {
        const body = (await (await answer).json()) as {
          choices: { message: { content: string } }[];
        };
        return body.choices[0]?.message.content;
      }),
    );
    expect(contents).toEqual(ids.map((id) => `answer ${id}`));
    expect(thread.starts).toBe(1);
  });

  test('passes an error of the engine on with its code and status', async () => {
    const thread = createFakeThread(({ id }) =>
      thread.report({
        type: 'error',
        id,
        error: {
          status: 400,
          type: 'invalid_request_error',
          code: 'context-full',
          message: 'The prompt does not fit.',
          isRetryable: false,
          place: null,
        },
      }),
    );
    const response = await ask(openLocalRelay(thread), { ...QUESTION, stream: true });
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toMatchObject({
      code: 'context-full',
      message: 'The prompt does not fit.',
    });
  });

  test('fails running calls when the thread dies, and starts a new one for the next', async () => {
    const thread = createFakeThread();
    const relay = openLocalRelay(thread);
    const waiting = ask(relay, { ...QUESTION, stream: true });
    await expect.poll(() => thread.commands.length).toBe(1);
    thread.die(new Error('CANARY'));
    const response = await waiting;
    expect(response.status).toBe(502);
    const error = await errorOf(response);
    expect(error.code).toBe('worker-crashed');
    expect(error.message).not.toContain('CANARY');

    const next = ask(relay, QUESTION);
    await expect.poll(() => thread.commands.length).toBe(2);
    expect(thread.starts).toBe(2);
    const id = thread.commands[1]?.id ?? 0;
    thread.report({ type: 'start', id, modelId: 'tiny' });
    thread.report({ type: 'step', id, step: end() });
    expect((await next).status).toBe(200);
  });

  test('a thread that dies mid-stream leaves no end marker', async () => {
    const thread = createFakeThread();
    const response = ask(openLocalRelay(thread), { ...QUESTION, stream: true });
    await expect.poll(() => thread.commands.length).toBe(1);
    const id = thread.commands[0]?.id ?? 0;
    thread.report({ type: 'start', id, modelId: 'tiny' });
    thread.report({ type: 'step', id, step: token('Half') });
    const reader = (await response).body!.getReader();
    let text = '';
    while (!text.includes('Half')) text += new TextDecoder().decode((await reader.read()).value);
    thread.die(new Error('gone'));
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      text += new TextDecoder().decode(next.value);
    }
    expect(text).toContain('worker-crashed');
    expect(text).not.toContain('[DONE]');
  });

  test('tells the engine when the client leaves', async () => {
    const thread = createFakeThread();
    const relay = openLocalRelay(thread);
    const leave = new AbortController();
    const answer = relay.fetch(
      new Request('http://relay.test/edge/v1/chat/completions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...QUESTION, stream: true }),
        signal: leave.signal,
      }),
    );
    await expect.poll(() => thread.commands.length).toBe(1);
    leave.abort();
    expect((await answer).status).toBe(499);
    const id = thread.commands[0]?.id;
    expect(thread.commands[1]).toEqual({ type: 'abort', id });
  });

  test('ends its thread when the relay closes', async () => {
    const thread = answering([end()]);
    const relay = openLocalRelay(thread);
    await ask(relay, QUESTION);
    await relay.close();
    expect(thread.isTerminated).toBe(true);
  });
});
