import { afterEach, describe, expect, it, vi } from 'vitest';
import { startWorker } from '../../../src/worker/start-worker.ts';

interface Started {
  readonly url: unknown;
  readonly options: unknown;
}

function stubWorker(): Started[] {
  const started: Started[] = [];
  vi.stubGlobal('Worker', function Worker(url: unknown, options: unknown) {
    started.push({ url, options });
  });
  return started;
}

afterEach(() => vi.unstubAllGlobals());

describe('startWorker', () => {
  it('starts the module worker of the package', () => {
    const started = stubWorker();
    startWorker();
    expect(String(started[0]?.url)).toMatch(/\/src\/worker\/worker\.js/);
    expect(started[0]?.options).toEqual({ type: 'module' });
  });

  it('passes its address through the policy `edgewise`, made once per page', () => {
    const started = stubWorker();
    const names: string[] = [];
    vi.stubGlobal('trustedTypes', {
      createPolicy(name: string, rules: { createScriptURL(url: string): string }) {
        names.push(name);
        return { createScriptURL: (url: string) => ({ trusted: rules.createScriptURL(url) }) };
      },
    });
    startWorker();
    startWorker();
    expect(names).toEqual(['edgewise']);
    expect(started).toHaveLength(2);
    for (const { url, options } of started) {
      expect(url).toEqual({ trusted: expect.stringMatching(/\/src\/worker\/worker\.js/) });
      expect(options).toEqual({ type: 'module' });
    }
  });

  it('lets the refusal of a page that does not list the policy through', () => {
    stubWorker();
    const refusal = new TypeError('Policy "edgewise" disallowed.');
    vi.stubGlobal('trustedTypes', {
      createPolicy() {
        throw refusal;
      },
    });
    expect(() => startWorker()).toThrow(refusal);
  });
});
