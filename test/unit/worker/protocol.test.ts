import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isGenerateRequest,
  parseHostMessage,
  parsePageMessage,
  parseStartMessage,
} from '../../../src/worker/protocol.ts';

const envelope = { epoch: 'e', from: 'page', id: 1 };
const input = { kind: 'prefix', before: 'Hello' };
const request = { modelId: 'm', sessionId: 's', priority: 'keystroke', input, maxTokens: 4 };
const error = { kind: 'native', name: 'Error', message: 'no', stack: '' };

describe('parsePageMessage', () => {
  it.each([
    [{ ...envelope, type: 'ping' }],
    [{ ...envelope, type: 'abort' }],
    [{ ...envelope, type: 'generate', request }],
  ])('takes %o', (message) => {
    expect(parsePageMessage(message)).toBe(message);
  });

  it.each([
    ['no envelope', { type: 'ping' }],
    ['no epoch', { ...envelope, epoch: '', type: 'ping' }],
    ['a fraction as id', { ...envelope, id: 1.5, type: 'ping' }],
    ['a negative id', { ...envelope, id: -1, type: 'ping' }],
    ['an unknown type', { ...envelope, type: 'launch' }],
    ['a type off the prototype', { ...envelope, type: 'constructor' }],
    ['no request', { ...envelope, type: 'generate' }],
    ['a list', [envelope]],
    ['a text', 'ping'],
    ['nothing', null],
  ])('ignores a message with %s', (_, message) => {
    expect(parsePageMessage(message)).toBeNull();
  });
});

describe('isGenerateRequest', () => {
  it.each([
    [request],
    [{ ...request, input: { kind: 'text', text: '' } }],
    [{ ...request, input: { kind: 'messages', messages: [{ role: 'user', content: 'Hi' }] } }],
    [{ ...request, isOneShot: false, isPromptOnly: true }],
    [{ ...request, stop: ['\n'], sampling: { temperature: 0.5, seed: 1 }, minProduct: 0.5 }],
  ])('accepts %o', (value) => {
    expect(isGenerateRequest(value)).toBe(true);
  });

  it.each([
    [{ ...request, priority: 'urgent' }],
    [{ ...request, maxTokens: Number.NaN }],
    [{ ...request, modelId: '' }],
    [{ ...request, input: { kind: 'prefix' } }],
    [{ ...request, input: { kind: 'audio' } }],
    [{ ...request, input: { kind: 'messages', messages: [{ role: 'robot', content: '' }] } }],
    [{ ...request, stop: 'x' }],
    [{ ...request, isPromptOnly: 1 }],
    [{ ...request, sampling: { temperature: 'hot' } }],
  ])('rejects %o', (value) => {
    expect(isGenerateRequest(value)).toBe(false);
  });
});

describe('parseHostMessage', () => {
  it.each([
    [{ ...envelope, type: 'ready', hasLock: true }],
    [{ ...envelope, type: 'pong' }],
    [{ ...envelope, type: 'error', error }],
    [{ ...envelope, type: 'step', step: { type: 'prefill', doneTokens: 1, totalTokens: 2 } }],
    [{ ...envelope, type: 'state', modelId: 'm', state: { status: 'error', error } }],
    [{ ...envelope, type: 'warning', warning: { code: 'storage-full', message: 'full' } }],
  ])('takes %o', (message) => {
    expect(parseHostMessage(message)).toBe(message);
  });

  it.each([
    [{ ...envelope, type: 'step', step: { type: 'token', text: 1 } }],
    [{ ...envelope, type: 'error', error: { kind: 'native' } }],
    [{ ...envelope, type: 'state', modelId: 'm', state: { status: 'confused' } }],
    [{ ...envelope, type: 'state', modelId: 'm', state: { status: 'error' } }],
    [{ ...envelope, type: 'toString' }],
    [{ ...envelope, type: '__proto__' }],
  ])('ignores %o', (message) => {
    expect(parseHostMessage(message)).toBeNull();
  });
});

describe('parseStartMessage', () => {
  const { port1: port, port2: controlPort } = new MessageChannel();
  const start = {
    ...envelope,
    type: 'start',
    options: { baseUrl: 'http://a/' },
    port,
    controlPort,
  };

  it('takes a start with both ports and an address', () => {
    expect(parseStartMessage(start)).toBe(start);
  });

  it.each([
    ['no address', { options: {} }],
    ['a negative number of slots', { options: { baseUrl: 'http://a/', maxSlots: -1 } }],
    ['an unknown precision', { options: { baseUrl: 'http://a/', precision: 'sloppy' } }],
    ['no port', { port: {} }],
    ['another type', { type: 'begin' }],
  ])('ignores a start with %s', (_, fields) => {
    expect(parseStartMessage({ ...start, ...fields })).toBeNull();
  });
});

it('ignores whatever else arrives, without throwing and without a trace', () => {
  const before = JSON.stringify(Object.getOwnPropertyNames(Object.prototype));
  const types = ['generate', 'abort', 'ping', 'step', 'error', 'state', 'start', 'constructor'];
  const message = fc.oneof(
    fc.anything({ withNullPrototype: true, withSparseArray: true, withBigInt: true }),
    fc
      .record({ type: fc.constantFrom(...types), request: fc.anything(), step: fc.anything() })
      .map((fields) => ({ ...envelope, ...fields })),
  );
  fc.assert(
    fc.property(message, (data) => {
      for (const parse of [parseHostMessage, parsePageMessage, parseStartMessage]) {
        const parsed = parse(data);
        expect(parsed === null || parsed === data).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
  expect(JSON.stringify(Object.getOwnPropertyNames(Object.prototype))).toBe(before);
});
