import { describe, expect, it } from 'vitest';

import type { Request } from '../../../src/types.ts';
import { collect, finishOf, textOf } from '../../contract/tier.contract.ts';
import { chunkOf, openStream, streamOf } from '../../helpers/scripted-server.ts';
import { request, SECRET, useScriptedServer } from './remote-fixture.ts';

const WORDS = ['Grüße', ' aus', ' 東京'];

const fixture = useScriptedServer();
const { openTier, playEvents } = fixture;

describe('A remote tier', () => {
  it('sends the request in the shape of chat completions', async () => {
    playEvents(chunkOf('ok', 'stop'), '[DONE]');
    const tier = openTier({ model: 'big', headers: { 'x-session': 's1' }, requestLogprobs: true });
    await collect(tier, {
      ...request,
      maxTokens: 9,
      stop: ['\n'],
      sampling: { temperature: 0.5, topP: 0.9, seed: 3, topK: 5 },
    });
    const { path, headers, body } = fixture.server.received.at(-1)!;
    expect(path).toBe('/edge/v1/chat/completions');
    expect(headers['x-session']).toBe('s1');
    expect(JSON.parse(body)).toEqual({
      model: 'big',
      messages: [{ role: 'user', content: SECRET }],
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 9,
      temperature: 0.5,
      top_p: 0.9,
      seed: 3,
      stop: ['\n'],
      logprobs: true,
      top_logprobs: 2,
    });
  });

  it('turns text at the caret into a chat, with and without text after it', async () => {
    playEvents(chunkOf('ok', 'stop'), '[DONE]');
    const complete = (after?: string): Request => ({
      task: 'continue',
      input: { kind: 'prefix', before: 'Dear ', ...(after === undefined ? {} : { after }) },
    });
    await collect(openTier(), complete());
    await collect(openTier(), complete(', hello'));
    const asked = fixture.server.received
      .slice(-2)
      .map(({ body }) => JSON.parse(body).messages.at(-1).content);
    expect(asked).toEqual(['Dear ', 'Dear <caret/>, hello']);
  });

  it('reads text, usage and model', async () => {
    fixture.server.play((response) => {
      openStream(response);
      response.end(streamOf(WORDS));
    });
    const events = await collect(openTier(), request);
    expect(textOf(events)).toBe(WORDS.join(''));
    const { reason, receipt, confidence } = finishOf(events);
    expect(reason).toBe('stop');
    expect(receipt).toMatchObject({
      modelId: 'm-1',
      inputTokens: 7,
      cachedTokens: 3,
      outputTokens: WORDS.length,
      busyMs: null,
      costUsd: null,
      energyWh: null,
    });
    expect(confidence).toEqual({ value: null, calibrationId: 'uncalibrated' });
  });

  it('takes log-probabilities as evidence, and their absence as unknown', async () => {
    const withLogprobs = JSON.stringify({
      choices: [
        {
          delta: { content: 'Hi there' },
          finish_reason: 'stop',
          logprobs: {
            content: [
              { token: 'Hi', logprob: -0.5, top_logprobs: [{ logprob: -0.5 }, { logprob: -2 }] },
              { token: ' there', logprob: -1 },
            ],
          },
        },
      ],
    });
    playEvents(chunkOf('blind'), withLogprobs, '[DONE]');
    const events = await collect(openTier(), request);
    const evidence = events.flatMap((event) => (event.type === 'text-delta' ? event.evidence : []));
    expect(evidence).toEqual([
      { textLength: 5, logProbability: null, margin: null, isTyped: false },
      { textLength: 2, logProbability: -0.5, margin: 1.5, isTyped: false },
      { textLength: 6, logProbability: -1, margin: null, isTyped: false },
    ]);
  });

  it('accepts an answer that is not streamed', async () => {
    fixture.server.play((response) => {
      const message = { role: 'assistant', content: 'whole' };
      response.writeHead(200, { 'content-type': 'application/json' }).end(
        JSON.stringify({
          choices: [{ index: 0, message, finish_reason: 'length' }],
          usage: { prompt_tokens: 4, completion_tokens: 1 },
        }),
      );
    });
    const events = await collect(openTier(), request);
    expect(textOf(events)).toBe('whole');
    expect(finishOf(events)).toMatchObject({ reason: 'length', receipt: { inputTokens: 4 } });
  });
});
