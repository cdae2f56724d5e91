import { afterEach, expect, test } from 'vitest';
import type { EngineStep, Precision, TokenEvidence } from '../../src/types.ts';
import { connect, type HostConnection } from '../../src/worker/connect.ts';
import golden from '../golden/tiny.json' with { type: 'json' };

/** Tokens compared: later ones may stand on a near tie of the random model. */
const COMPARED_TOKENS = 8;
const CHAT = 'chat, system';

let connection: HostConnection | null = null;

afterEach(() => connection?.close());

function open(precision: Precision): HostConnection {
  connection = connect({ baseUrl: '/test/helpers/fixture-models/', precision });
  return connection;
}

function vectors() {
  const prompt = golden.prompts.find(({ name }) => name === CHAT)!;
  return { messages: prompt.input.messages!, greedy: prompt.greedy.slice(0, COMPARED_TOKENS) };
}

async function evidenceOf(host: HostConnection): Promise<readonly TokenEvidence[]> {
  const messages = vectors().messages.map(({ role, content }) => ({ role: asRole(role), content }));
  const steps: EngineStep[] = [];
  const request = {
    modelId: 'tiny',
    sessionId: 'isolated',
    priority: 'interactive' as const,
    input: { kind: 'messages' as const, messages },
    maxTokens: COMPARED_TOKENS,
  };
  for await (const step of host.generate(request)) steps.push(step);
  return steps.flatMap((step) => (step.type === 'token' ? [step.evidence] : []));
}

function asRole(role: string): 'system' | 'user' | 'assistant' {
  return role === 'system' || role === 'assistant' ? role : 'user';
}

test('the page is cross-origin isolated, as the headers of this project ask', () => {
  expect(crossOriginIsolated).toBe(true);
  expect(typeof SharedArrayBuffer).toBe('function');
});

test('the worker downloads and answers as the reference does', async () => {
  const host = open('exact');
  await host.models.download('tiny');
  const evidence = await evidenceOf(host);
  const { greedy } = vectors();
  expect(evidence).toHaveLength(greedy.length);
  for (const [index, { logProbability, margin }] of greedy.entries()) {
    expect(evidence[index]!.logProbability).toBeCloseTo(logProbability, 1);
    expect(evidence[index]!.margin).toBeCloseTo(margin, 1);
  }
});

test('the fast build answers here too', async () => {
  const host = open('fast');
  await host.models.download('tiny');
  const info = await host.models.load('tiny');
  expect(info.precision).toBe('fast');
  const [first] = await evidenceOf(host);
  expect(first!.logProbability).toBeCloseTo(vectors().greedy[0]!.logProbability, 0);
});
