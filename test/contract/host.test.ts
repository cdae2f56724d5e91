import { describe, expect, it } from 'vitest';
import { connect } from '../../src/worker/connect.ts';
import type { HostConnection } from '../../src/worker/connect.ts';
import { fetchFile } from '../../src/worker/file-fetch.ts';
import { createHost } from '../../src/worker/host.ts';
import { collect, describeHost, MODEL_ID, request, tokensOf } from './host.contract.ts';

const FIXTURES = new URL('../helpers/fixture-models/', import.meta.url);
const SERVED = 'http://models.test/';

/** Answers requests to `SERVED` out of the fixture folder. */
const fetchFixture: typeof fetch = (input, init) => {
  const url = input instanceof Request ? input.url : String(input);
  return fetchFile(new URL(url.slice(SERVED.length), FIXTURES), init);
};

function connectInProcess(): HostConnection {
  return connect({
    baseUrl: SERVED,
    inProcess: true,
    createHost: (options) => createHost({ ...options, fetch: fetchFixture }),
  });
}

describeHost('the host in Node', async () => connectInProcess());

describe('a host without storage', () => {
  it('works from memory and tells the page', async () => {
    const connection = connectInProcess();
    try {
      const warnings: string[] = [];
      connection.onWarning(({ code }) => warnings.push(code));
      await connection.models.download(MODEL_ID);
      expect(warnings).toEqual(['storage-unavailable']);
      const steps = await collect(connection, request('a', 'Hello', 4));
      expect(tokensOf(steps)).toHaveLength(4);
    } finally {
      connection.close();
    }
  });
});

describe('models in a local folder', () => {
  it('are ready without a download and loaded straight from there', async () => {
    const connection = connect({ baseUrl: FIXTURES, inProcess: true });
    try {
      expect(await connection.models.availability(MODEL_ID)).toBe('ready');
      const steps = await collect(connection, request('a', 'Hello', 4));
      expect(tokensOf(steps)).toHaveLength(4);
      await expect(connection.models.load('tinny')).rejects.toMatchObject({ code: 'not-found' });
    } finally {
      connection.close();
    }
  });

  it('need an absolute address in Node', () => {
    expect(() => connect({ baseUrl: 'models/', inProcess: true })).toThrow(
      /createRuntime\(\{ baseUrl/,
    );
  });
});
