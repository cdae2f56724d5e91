import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readLog } from '../../../src/audit/read-log.ts';
import { lines, readText, streamOf } from './log-text.ts';

const USER = { role: 'user', content: 'Where is my card?' };
const SYSTEM = { role: 'system', content: 'Sort into card or loan.' };

function completion(message: unknown, more: object = {}): object {
  return { object: 'chat.completion', choices: [{ index: 0, message }], ...more };
}

const ANSWER = completion({ role: 'assistant', content: 'card' });
const UNKNOWN = {
  instructions: null,
  timeMs: null,
  durationMs: null,
  costUsd: null,
  inputTokens: null,
  outputTokens: null,
};
const CALL = { text: 'Where is my card?', answer: 'card', ...UNKNOWN };

describe('shapes of a log', () => {
  it.each([
    ['request and response', { request: { messages: [SYSTEM, USER] }, response: ANSWER }],
    [
      'request and response as text',
      { request: JSON.stringify({ messages: [USER] }), response: JSON.stringify(ANSWER) },
    ],
    ['one flat object', { messages: [SYSTEM, USER], choices: [{ message: { content: 'card' } }] }],
    ['messages for fine-tuning', { messages: [USER, { role: 'assistant', content: 'card' }] }],
    ['messages beside an answer', { messages: [SYSTEM, USER], completion: 'card' }],
    [
      'parts of content',
      {
        request: { messages: [{ ...USER, content: [{ type: 'text', text: USER.content }] }] },
        response: ANSWER,
      },
    ],
    [
      'Responses API',
      {
        request: { input: 'Where is my card?', instructions: 'Sort.' },
        response: {
          object: 'response',
          output: [
            { type: 'reasoning' },
            {
              type: 'message',
              role: 'assistant',
              content: [{ type: 'output_text', text: 'card' }],
            },
          ],
        },
      },
    ],
    ['AI SDK text', { prompt: 'Where is my card?', text: 'card' }],
    ['AI SDK result', { prompt: [USER], result: { text: 'card', finishReason: 'stop' } }],
    ['AI SDK enum', { prompt: 'Where is my card?', object: 'card' }],
    ['text and answer', { text: 'Where is my card?', answer: 'card' }],
    ['text and label', { text: 'Where is my card?', label: 'card' }],
    ['inputs and outputs', { inputs: { messages: [USER] }, outputs: ANSWER }],
  ])('reads %s', async (_, entry) => {
    expect((await readText(lines(entry))).calls).toEqual([
      {
        ...CALL,
        instructions: expect.toSatisfy((value) => value === null || typeof value === 'string'),
      },
    ]);
  });

  it('takes the arguments of one tool call for the answer', async () => {
    const tool = { function: { name: 'sort', arguments: '{"label":"card"}' } };
    const response = completion({ role: 'assistant', content: null, tool_calls: [tool] });
    const { calls } = await readText(lines({ request: { messages: [USER] }, response }));
    expect(calls).toEqual([{ ...CALL, answer: '{"label":"card"}' }]);
  });

  it('reads each answer of a chat of UI messages, a line or a list', async () => {
    const part = (text: string) => [{ type: 'text', text }];
    const chat = {
      id: 'chat-1',
      messages: [
        { role: 'user', parts: part('one') },
        {
          role: 'assistant',
          parts: [{ type: 'step-start' }, ...part('a')],
          createdAt: '2026-01-02',
        },
        { role: 'user', parts: part('two') },
        { role: 'assistant', parts: part('b'), metadata: { createdAt: 1_767_312_000_000 } },
        { role: 'user', parts: part('no answer yet') },
      ],
    };
    const log = await readText(lines(chat));
    expect(log.form).toBe('ai-sdk');
    expect(log.calls.map(({ text, answer, timeMs }) => [text, answer, timeMs])).toEqual([
      ['one', 'a', 1_767_312_000_000],
      ['two', 'b', 1_767_312_000_000],
    ]);
    expect((await readText(JSON.stringify(chat.messages))).calls).toEqual(log.calls);
    expect((await readText(JSON.stringify([chat]))).calls).toEqual(log.calls);
  });

  it('joins the two files of a batch by their id', async () => {
    const input = { custom_id: 'a', method: 'POST', url: '/v1/x', body: { messages: [USER] } };
    const output = { id: 'batch_1', custom_id: 'a', response: { status_code: 200, body: ANSWER } };
    const lonely = { ...input, custom_id: 'b' };
    const log = await readText(lines(input, lonely, output));
    expect(log.calls).toEqual([CALL]);
    expect(log.skipped['no-answer']).toBe(1);
  });

  it('reads time, cost, duration and tokens in the names that logs use', async () => {
    const usage = { prompt_tokens: 20, completion_tokens: 2, cost: 0.001 };
    const { calls } = await readText(
      lines(
        {
          request: { messages: [USER] },
          response: { ...ANSWER, created: 1_767_312_000, usage },
          latency_ms: 410,
        },
        {
          prompt: 'x',
          text: 'y',
          usage: { inputTokens: 5, outputTokens: 6 },
          timestamp: '2026-01-02T00:00:00Z',
        },
      ),
    );
    const timeMs = 1_767_312_000_000;
    expect(calls).toMatchObject([
      { timeMs, durationMs: 410, costUsd: 0.001, inputTokens: 20, outputTokens: 2 },
      { timeMs, durationMs: null, costUsd: null, inputTokens: 5, outputTokens: 6 },
    ]);
  });
});

describe('instructions', () => {
  it.each([
    [{ request: { messages: [SYSTEM, USER] }, response: ANSWER }],
    [{ request: { input: [{ ...SYSTEM, role: 'developer' }, USER] }, response: 'card' }],
    [{ request: { input: 'x', instructions: SYSTEM.content }, response: 'card' }],
    [{ system: SYSTEM.content, prompt: 'x', text: 'card' }],
  ])('are read from %j', async (entry) => {
    expect((await readText(lines(entry))).calls[0]?.instructions).toBe(SYSTEM.content);
  });
});

describe('a CSV', () => {
  it('finds its columns by name, else takes the first two', async () => {
    const named = await readText('id,Category,Text,Cost USD,cost_usd\n1,card,"a, b",9,0.5\n');
    expect(named.form).toBe('csv');
    expect(named.calls).toEqual([{ ...CALL, text: 'a, b', answer: 'card', costUsd: 0.5 }]);
    const unnamed = await readText('frage,antwort\nwo,da\n');
    expect(unnamed.calls).toEqual([{ ...CALL, text: 'wo', answer: 'da' }]);
  });

  it('counts rows that cannot be used', async () => {
    const log = await readText('text,label\na,x\nb\n,x\nc,\nd,y\n');
    expect(log.calls.map(({ text }) => text)).toEqual(['a', 'd']);
    expect(log.skipped).toMatchObject({ malformed: 1, 'no-request': 1, 'no-answer': 1 });
    expect(log.firstSkippedLine).toBe(3);
  });
});

describe('odd logs', () => {
  it('counts lines that cannot be used, and says where the first one is', async () => {
    const image = { ...USER, content: [{ type: 'image_url', image_url: {} }] };
    const log = await readText(
      lines(
        { text: 'a', answer: 'x' },
        '{"text": "torn',
        '42',
        { request: { messages: [image] }, response: ANSWER },
        { request: { messages: [USER] }, response: { error: { message: 'no' } } },
        { request: { messages: [USER] }, response: { status_code: 500, body: {} } },
        { request: { messages: [] }, response: ANSWER },
        { request: { messages: [USER] }, response: completion({ content: null }) },
      ),
    );
    expect(log.calls).toHaveLength(1);
    expect(log.skipped).toEqual({
      malformed: 2,
      'no-request': 1,
      'no-answer': 1,
      'failed-call': 2,
      'not-text': 1,
    });
    expect(log.firstSkippedLine).toBe(2);
  });

  it.each([1, 3, 64_000])(
    'reads a mark, CRLF, blank lines and gzip in pieces of %i',
    async (size) => {
      const text = `\uFEFF\r\n${lines({ text: 'Größe 🦊', answer: 'x' })}\r\n\r\n${lines({ text: 'b', answer: 'y' })}`;
      const plain = await readText(text, size);
      expect(plain.calls.map((call) => call.text)).toEqual(['Größe 🦊', 'b']);
      expect(plain.skipped.malformed).toBe(0);
      expect((await readText(gzipSync(text), size)).calls).toEqual(plain.calls);
    },
  );

  it('keeps the last calls of a huge log', async () => {
    const text = Array.from({ length: 200_005 }, (_, index) => `{"text":"${index}","answer":"x"}`);
    const log = await readText(text.join('\n'), 1_000_000);
    expect(log.calls).toHaveLength(200_000);
    expect(log.droppedCalls).toBe(5);
    expect([log.calls[0]?.text, log.calls.at(-1)?.text]).toEqual(['5', '200004']);
  });

  it.each([
    ['nothing', '', /it is empty/],
    ['blank lines', '\n \n', /it is empty/],
    ['no call', '{"secret words": 1}', /1 no-request/],
    ['one column', 'secret words\nmore', /neither JSON nor a CSV/],
    ['an open quote', 'text,label\n"secret words', /Line 2 of the log has a quote/],
  ])('refuses %s without quoting it', async (_, text, message) => {
    const error = await readText(text).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ name: 'DataError', message: expect.stringMatching(message) });
    expect(JSON.stringify([error, String(error)])).not.toContain('secret');
  });

  it.each([
    ['Latin-1', new Uint8Array([0x7b, 0x22, 0xe4, 0x22])],
    ['a torn gzip file', gzipSync('{"text":"a","answer":"b"}').subarray(0, 20)],
  ])('refuses %s', async (_, bytes) => {
    await expect(readText(bytes)).rejects.toMatchObject({ name: 'DataError', code: 'bad-row' });
  });

  it('stops when it is told to', async () => {
    const signal = AbortSignal.abort(new DOMException('Stopped.', 'AbortError'));
    const reading = readLog(streamOf('{"text":"a","answer":"b"}'), { signal });
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
  });
});
