import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { parseChatRequest } from '../../../src/relay/chat-request.ts';
import { RelayError } from '../../../src/relay/relay-error.ts';

const BASE = { model: 'slm', messages: [{ role: 'user', content: 'CANARY' }] };

function errorFor(body: unknown): RelayError {
  try {
    parseChatRequest(body);
  } catch (error) {
    if (error instanceof RelayError) return error;
    throw error;
  }
  throw new Error('It was accepted.');
}

describe('parseChatRequest', () => {
  test('keeps known fields and leaves out nulls', () => {
    const { request, droppedFields } = parseChatRequest({ ...BASE, temperature: null, seed: 3 });
    expect(request).toEqual({ ...BASE, stream: false, seed: 3 });
    expect(droppedFields).toEqual([]);
  });

  test('takes text parts and a developer message', () => {
    const messages = [
      { role: 'developer', content: 'Be brief.' },
      { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
    ];
    expect(parseChatRequest({ ...BASE, messages }).request.messages).toEqual(messages);
  });

  test.each<[string, object, string]>([
    ['no model', { model: undefined }, 'model'],
    ['no messages', { messages: undefined }, 'messages'],
    ['an empty list of messages', { messages: [] }, 'messages'],
    ['an unknown role', { messages: [{ role: 'root', content: 'CANARY' }] }, 'messages.0.role'],
    ['a tool message', { messages: [{ role: 'tool', content: 'CANARY' }] }, 'messages.0.role'],
    ['content that is no text', { messages: [{ role: 'user', content: 7 }] }, 'messages.0.content'],
    [
      'an image',
      {
        messages: [
          { role: 'user', content: [{ type: 'image_url', image_url: { url: 'http://CANARY' } }] },
        ],
      },
      'messages.0.content',
    ],
    ['a temperature above 2', { temperature: 2.5 }, 'temperature'],
    ['a temperature as text', { temperature: 'CANARY' }, 'temperature'],
    ['top_p below 0', { top_p: -0.1 }, 'top_p'],
    ['half a token', { max_tokens: 1.5 }, 'max_tokens'],
    ['no tokens', { max_completion_tokens: 0 }, 'max_completion_tokens'],
    ['five stops', { stop: ['CANARY', 'b', 'c', 'd', 'e'] }, 'stop'],
    ['an empty stop', { stop: '' }, 'stop'],
    ['stream as text', { stream: 'CANARY' }, 'stream'],
    ['too many alternatives', { top_logprobs: 21 }, 'top_logprobs'],
  ])('refuses %s and names the field, not its value', (_name, fields, param) => {
    const error = errorFor({ ...BASE, ...fields });
    expect(error).toMatchObject({ status: 400, code: 'invalid-field', param });
    expect(error.message).toContain(param);
    expect(error.message).not.toContain('CANARY');
  });

  test.each([
    'url',
    'base_url',
    'baseURL',
    'api_base',
    'endpoint',
    'api_key',
    'apiKey',
    'openai-api-key',
    'authorization',
    'headers',
    'extra_headers',
    'access_token',
    'client_secret',
    'proxy',
    'host',
    'callback_uri',
    'webhook_url',
    'password',
  ])('refuses the field %s', (field) => {
    const error = errorFor({ ...BASE, [field]: 'CANARY' });
    expect(error).toMatchObject({ status: 400, code: 'forbidden-field', param: field });
    expect(error.message).not.toContain('CANARY');
  });

  test.each<[string, unknown]>([
    ['n', 2],
    ['tools', [{ type: 'function' }]],
    ['tool_choice', 'required'],
    ['response_format', { type: 'json_object' }],
    ['logit_bias', { 50256: -100 }],
    ['modalities', ['text', 'audio']],
  ])('refuses %s that would change the answer', (field, value) => {
    const error = errorFor({ ...BASE, [field]: value });
    expect(error).toMatchObject({ status: 400, code: 'unsupported-field', param: field });
  });

  test.each<[string, unknown]>([
    ['n', 1],
    ['tools', []],
    ['tool_choice', 'auto'],
    ['response_format', { type: 'text' }],
    ['logit_bias', {}],
    ['tools', null],
  ])('takes %s when it asks for nothing', (field, value) => {
    const { request, droppedFields } = parseChatRequest({ ...BASE, [field]: value });
    expect(request).toEqual({ ...BASE, stream: false });
    expect(droppedFields).toEqual([]);
  });

  test.each([
    'user',
    'metadata',
    'store',
    'reasoning_effort',
    'prompt_cache_key',
    'max_output_tokens',
  ])('drops %s and says so', (field) => {
    const { request, droppedFields } = parseChatRequest({ ...BASE, [field]: 'x' });
    expect(request).toEqual({ ...BASE, stream: false });
    expect(droppedFields).toEqual([field]);
  });

  test('leaves prototypes alone, whatever the body says', () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    const hostile = fc
      .dictionary(
        fc.constantFrom('__proto__', 'constructor', 'prototype', 'model', 'messages', 'stop', 'x'),
        fc.jsonValue(),
      )
      .map((fields) => JSON.parse(JSON.stringify({ ...BASE, ...fields })) as unknown);
    fc.assert(
      fc.property(hostile, (body) => {
        try {
          parseChatRequest(body);
        } catch (error) {
          expect(error).toBeInstanceOf(RelayError);
        }
        expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
        expect({}).not.toHaveProperty('polluted');
      }),
      { numRuns: 300, seed: 7 },
    );
    const body = JSON.parse(
      `{"model":"slm","messages":[{"role":"user","content":"a","__proto__":{"polluted":1}}],"__proto__":{"polluted":1}}`,
    );
    expect(parseChatRequest(body).request).not.toHaveProperty('polluted');
  });
});
