import { afterEach, describe, expect, it, vi } from 'vitest';

import { PolicyError } from '../../../src/errors.ts';
import { createRemoteTier, type RemoteTierOptions } from '../../../src/tiers/remote.ts';
import type { Tier } from '../../../src/types.ts';
import { collect } from '../../contract/tier.contract.ts';
import { streamOf } from '../../helpers/scripted-server.ts';
import { failureOf, request } from './remote-fixture.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('The endpoint of a remote tier', () => {
  const page = 'https://app.example/notes';

  function onPage(options: Partial<RemoteTierOptions>): () => Tier {
    vi.stubGlobal('location', { href: page });
    return () => createRemoteTier({ id: 'frontier', baseUrl: '/edge/v1', ...options });
  }

  it('is a path of the page', async () => {
    const urls: string[] = [];
    const answer: typeof fetch = async (input) => {
      urls.push(String(input));
      return new Response(streamOf(['ok']), { headers: { 'content-type': 'text/event-stream' } });
    };
    await collect(onPage({ fetch: answer, baseUrl: '/edge/v1/' })(), request);
    expect(urls).toEqual(['https://app.example/edge/v1/chat/completions']);
  });

  it('is on no other origin unless that is allowed', () => {
    const open = onPage({ baseUrl: 'https://other.example/v1' });
    expect(open).toThrow(expect.objectContaining({ code: 'egress-forbidden' }));
    expect(onPage({ baseUrl: 'https://other.example/v1', allowCrossOrigin: true })).not.toThrow();
  });

  it.each<[string, Partial<RemoteTierOptions>]>([
    ['a provider', { baseUrl: 'https://api.openai.com/v1', allowCrossOrigin: true }],
    ['a bearer key', { headers: { authorization: 'Bearer sk-proj-abcdefghijklmnop123' } }],
    ['a key header', { headers: { 'X-Api-Key': 'anything' } }],
    ['another bearer key', { headers: { Authorization: 'Bearer gsk_abcdefghijklmnop' } }],
    ['a key in the query', { baseUrl: '/edge/v1?api_key=abc' }],
    ['a user in the address', { baseUrl: 'https://me:pw@app.example/v1' }],
  ])('refuses %s', (_, options) => {
    expect(onPage(options)).toThrow(PolicyError);
    expect(onPage(options)).toThrow(expect.objectContaining({ code: 'key-in-page' }));
  });

  it('refuses a key in headers that are made for each request, and sends nothing', async () => {
    const sent = vi.fn<typeof fetch>();
    const headers = (): Record<string, string> => ({ authorization: 'Bearer sk-abcdefghijklmnop' });
    const failure = await failureOf(onPage({ fetch: sent, headers })());
    expect(failure).toMatchObject({ code: 'key-in-page' });
    expect(sent).not.toHaveBeenCalled();
  });

  it("lets the app's own session token pass", () => {
    const headers = { authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc' };
    expect(onPage({ headers })).not.toThrow();
  });

  it.each([
    ['no id', { id: '' }],
    ['no address', { baseUrl: '' }],
    ['a script', { baseUrl: 'javascript:alert(1)' }],
  ])('throws TypeError for %s', (_, options) => {
    expect(onPage(options)).toThrow(TypeError);
  });
});
