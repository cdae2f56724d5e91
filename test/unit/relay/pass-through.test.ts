import { describe, expect, test } from 'vitest';

import { QUESTION, ask, eventsOf, openRelay, textOf } from './ask-relay.ts';
import { answerChunks, sendEvents, startUpstream, toEvents } from './scripted-upstream.ts';
import type { Answer } from './scripted-upstream.ts';

const KEY = { keyEnv: 'BIG_KEY' };
const ENV = { env: { BIG_KEY: 'sk-canary-0001' } };

describe('what the upstream receives', () => {
  test('the provider model, the key from the environment, and every known field', async () => {
    const upstream = await startUpstream((response) =>
      sendEvents(response, toEvents(answerChunks(['a']))),
    );
    const relay = openRelay(upstream.baseUrl, KEY, ENV);
    const fields = {
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0.3,
      top_p: 0.9,
      presence_penalty: -1,
      frequency_penalty: 0.5,
      max_tokens: 17,
      stop: ['\n\n', 'END'],
      seed: 7,
      logprobs: true,
      top_logprobs: 3,
    };
    const response = await ask(relay, { ...QUESTION, ...fields });
    await response.text();

    const [received] = upstream.requests;
    expect(received?.path).toBe('/v1/chat/completions');
    expect(received?.headers.authorization).toBe('Bearer sk-canary-0001');
    expect(received?.body).toEqual({ ...QUESTION, ...fields, model: 'big-1' });
  });

  test('no key when none is named, and nothing of the page’s own headers', async () => {
    const upstream = await startUpstream((response) =>
      sendEvents(response, toEvents(answerChunks(['a']))),
    );
    const relay = openRelay(upstream.baseUrl);
    const headers = {
      authorization: 'Bearer placeholder',
      cookie: 'session=1',
      'x-forwarded-for': '::1',
    };
    await (await ask(relay, { ...QUESTION, stream: true }, headers)).text();

    const received = upstream.requests[0]?.headers ?? {};
    expect(received).not.toHaveProperty('authorization');
    expect(received).not.toHaveProperty('cookie');
    expect(received).not.toHaveProperty('x-forwarded-for');
  });

  test('no field that the relay does not know, at any depth', async () => {
    const upstream = await startUpstream((response) =>
      sendEvents(response, toEvents(answerChunks(['a']))),
    );
    const relay = openRelay(upstream.baseUrl);
    const body = {
      model: 'frontier',
      messages: [{ role: 'user', content: 'Hi', name: 'x', url: 'http://evil.test' }],
      stream: true,
      stream_options: { include_usage: true, include_secrets: true },
      user: 'u-1',
      store: true,
      metadata: { base_url: 'http://evil.test' },
    };
    const response = await ask(relay, body);
    await response.text();

    expect(upstream.requests[0]?.body).toEqual({
      model: 'big-1',
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(response.headers.get('x-edgewise-dropped')).toBe('user, store, metadata');
  });

  test.each([
    [{ max_tokens: 9 }, { max_completion_tokens: 9 }],
    [{ max_completion_tokens: 8 }, { max_completion_tokens: 8 }],
    [{}, {}],
  ])('the token limit under the name the owner set: %j', async (sent, expected) => {
    const upstream = await startUpstream((response) =>
      sendEvents(response, toEvents(answerChunks(['a']))),
    );
    const relay = openRelay(upstream.baseUrl, { maxTokensField: 'max_completion_tokens' });
    await (await ask(relay, { ...QUESTION, stream: true, ...sent })).text();
    expect(upstream.requests[0]?.body).toEqual({
      ...QUESTION,
      model: 'big-1',
      stream: true,
      ...expected,
    });
  });
});

describe('a streamed answer', () => {
  test('arrives with the same text, finish, usage and log-probabilities, and says who answered', async () => {
    const usage = {
      prompt_tokens: 5,
      completion_tokens: 2,
      total_tokens: 7,
      prompt_tokens_details: { cached_tokens: 1 },
    };
    const logprobs = {
      content: [
        {
          token: 'Hé',
          logprob: -0.25,
          bytes: [72, 195, 169],
          top_logprobs: [{ token: 'H', logprob: -2, bytes: [72] }],
        },
      ],
      refusal: null,
    };
    const chunks = answerChunks(['Hé', 'ron 🪶']);
    const [choice] = chunks[1]!['choices'] as { logprobs: unknown }[];
    choice!.logprobs = logprobs;
    const last = { ...chunks[0], choices: [], usage, system_fingerprint: 'fp_1' };
    const upstream = await startUpstream((response) =>
      sendEvents(response, toEvents([...chunks, last])),
    );
    const response = await ask(openRelay(upstream.baseUrl), { ...QUESTION, stream: true });

    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('x-edgewise-upstream')).toBe('openai');
    const events = await eventsOf(response);
    expect(events.at(-1)).toBe('[DONE]');
    const mark = { edgewise: { kind: 'openai' } };
    expect(events.slice(0, -1).map((data) => JSON.parse(data))).toEqual(
      [...chunks, last].map((chunk) => ({ ...chunk, ...mark })),
    );
    expect(textOf(events)).toBe('Héron 🪶');
  });

  test('leaves out fields that are not part of OpenAI’s shape', async () => {
    const chunks = answerChunks(['a']).map((chunk) => ({ ...chunk, provider_secret: 'x' }));
    const upstream = await startUpstream((response) => sendEvents(response, toEvents(chunks)));
    const response = await ask(openRelay(upstream.baseUrl), { ...QUESTION, stream: true });
    expect(await response.text()).not.toContain('provider_secret');
  });

  test('is complete without the end marker once it has a finish reason', async () => {
    const upstream = await startUpstream((response) =>
      sendEvents(response, toEvents(answerChunks(['a']), '')),
    );
    const events = await eventsOf(
      await ask(openRelay(upstream.baseUrl), { ...QUESTION, stream: true }),
    );
    expect(events.at(-1)).toBe('[DONE]');
  });

  test('passes an end marker inside the text on as text', async () => {
    const upstream = await startUpstream((response) =>
      sendEvents(response, toEvents(answerChunks(['data: [DONE]\n\n', 'still here']))),
    );
    const events = await eventsOf(
      await ask(openRelay(upstream.baseUrl), { ...QUESTION, stream: true }),
    );
    expect(textOf(events)).toBe('data: [DONE]\n\nstill here');
    expect(events.at(-1)).toBe('[DONE]');
  });
});

describe('the connection to the upstream', () => {
  async function countConnections(requests: number, answer: Answer): Promise<number> {
    const ports = new Set<number | undefined>();
    const upstream = await startUpstream((response, request) => {
      ports.add(response.socket?.remotePort);
      return answer(response, request);
    });
    const relay = openRelay(upstream.baseUrl);
    for (let count = 0; count < requests; count += 1) {
      const events = await eventsOf(await ask(relay, { ...QUESTION, stream: true }));
      expect(events.at(-1)).toBe('[DONE]');
    }
    return ports.size;
  }

  test('serves later requests too', async () => {
    const body = toEvents(answerChunks(['a']));
    const connections = await countConnections(6, (response) => sendEvents(response, body));
    // Node frees a connection a moment after its answer, so two take turns.
    expect(connections).toBeLessThanOrEqual(2);
  });

  test('is given up when the upstream does not end after its end marker', async () => {
    const connections = await countConnections(2, (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(toEvents(answerChunks(['a'])));
    });
    expect(connections).toBe(2);
  });
});

describe('a whole answer', () => {
  test('arrives with the same content, finish and usage', async () => {
    const completion = {
      id: 'chatcmpl-2',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'big-1-2026',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'A bird.', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 },
    };
    const upstream = await startUpstream((response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ...completion, provider: { region: 'x' } }));
    });
    const response = await ask(openRelay(upstream.baseUrl), QUESTION);
    expect(response.headers.get('x-edgewise-upstream')).toBe('openai');
    expect(await response.json()).toEqual({ ...completion, edgewise: { kind: 'openai' } });
    expect(upstream.requests[0]?.body).toEqual({ ...QUESTION, model: 'big-1', stream: false });
  });
});
