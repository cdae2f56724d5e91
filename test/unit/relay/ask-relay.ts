import { onTestFinished } from 'vitest';

import { createRelay } from '../../../src/relay/app.ts';
import type { Relay, RelayOptions } from '../../../src/relay/app.ts';
import type { OpenAiUpstreamConfig, RelayConfig } from '../../../src/relay/config.ts';
import type { ErrorBody } from '../../../src/relay/relay-error.ts';

export const RELAY_URL = 'http://relay.test/edge';

export const QUESTION = {
  model: 'frontier',
  messages: [{ role: 'user', content: 'What is a heron?' }],
};

/** A relay with one upstream behind `frontier`; closed with the test. */
export function openRelay(
  baseUrl: string,
  overrides: Partial<OpenAiUpstreamConfig> & { readonly relay?: Partial<RelayConfig> } = {},
  options: RelayOptions = {},
): Relay {
  const { relay: settings, ...upstream } = overrides;
  const config: RelayConfig = {
    upstreams: [{ id: 'frontier', kind: 'openai', baseUrl, model: 'big-1', ...upstream }],
    ...settings,
  };
  const relay = createRelay(config, options);
  onTestFinished(() => relay.close());
  return relay;
}

/** POSTs a chat completion. */
export function ask(
  relay: Relay,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const request = new Request(`${RELAY_URL}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return relay.fetch(request);
}

export async function errorOf(response: Response): Promise<ErrorBody['error']> {
  return ((await response.json()) as ErrorBody).error;
}

/** The `data` of each event of a body, in order. */
export async function eventsOf(response: Response): Promise<string[]> {
  const text = await response.text();
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => event.replace(/^data: /, ''));
}

/** The text of all deltas. */
export function textOf(events: readonly string[]): string {
  return events
    .filter((data) => data.startsWith('{'))
    .map((data) => JSON.parse(data) as { choices?: { delta: { content?: string } }[] })
    .map(({ choices }) => choices?.[0]?.delta.content ?? '')
    .join('');
}
