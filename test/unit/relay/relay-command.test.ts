import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { run } from '../../../src/cli/relay.ts';
import { UsageError } from '../../../src/cli/usage-error.ts';
import { importPeers } from '../../../src/relay/require-peer.ts';

interface Output {
  readonly out: () => string;
  readonly error: () => string;
}

function captureOutput(): Output {
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    const spy = vi.spyOn(process[name], 'write').mockImplementation((text) => {
      texts[name] += String(text);
      return true;
    });
    onTestFinished(() => spy.mockRestore());
  }
  return { out: () => texts.stdout, error: () => texts.stderr };
}

async function writeConfig(config: unknown): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'edgewise-relay-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'relay.json');
  await writeFile(file, JSON.stringify(config));
  return file;
}

describe('edgewise relay', () => {
  test('serves until it is stopped, then frees its port', async () => {
    const output = captureOutput();
    const config = await writeConfig({
      upstreams: [
        {
          id: 'frontier',
          kind: 'openai',
          baseUrl: 'http://127.0.0.1:9/v1',
          model: 'big-1',
          keyEnv: 'EDGEWISE_TEST_NO_KEY',
        },
      ],
    });
    const listenersBefore = process.listenerCount('SIGTERM');
    const exitCode = run(['--config', config, '--port', '0', '--local']);
    await expect.poll(output.out).toContain('Ctrl+C ends it.');
    expect(output.out()).toContain(
      'frontier: big-1 at 127.0.0.1:9 (EDGEWISE_TEST_NO_KEY is not set',
    );
    expect(output.out()).toContain('slm: the model on this machine');
    const url = /http:\/\/127\.0\.0\.1:\d+\/edge/.exec(output.out())?.[0] ?? '';
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok' });
    await expect.poll(output.out).toMatch(/GET {2}\/healthz {2}200 {2}\d+ ms/);

    process.emit('SIGTERM');
    expect(await exitCode).toBe(0);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
    expect(process.listenerCount('SIGTERM')).toBe(listenersBefore);
  });

  test('on loopback answers to loopback names only', async () => {
    const output = captureOutput();
    const exitCode = run(['--port', '0', '--quiet']);
    await expect.poll(output.out).toContain('Ctrl+C ends it.');
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(output.out())?.[1]);
    const { request } = await import('node:http');
    const ask = async (host: string): Promise<number> => {
      const call = request({ port, host: '127.0.0.1', path: '/edge/healthz', headers: { host } });
      call.end();
      const [response] = (await once(call, 'response')) as [{ statusCode: number; resume(): void }];
      response.resume();
      return response.statusCode;
    };
    expect(await ask(`localhost:${port}`)).toBe(200);
    expect(await ask(`rebound.test:${port}`)).toBe(403);
    process.emit('SIGTERM');
    expect(await exitCode).toBe(0);
  });

  test('says which port is taken and how to choose another', async () => {
    const output = captureOutput();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as AddressInfo;
    expect(await run(['--port', String(port)])).toBe(1);
    expect(output.error()).toContain(
      `Port ${port} of 127.0.0.1 is in use. Free it, or choose another: --port`,
    );
  });

  test('explains a configuration that is wrong', async () => {
    const output = captureOutput();
    const config = await writeConfig({ upstreams: [{ id: 'a', kind: 'openai' }] });
    expect(await run(['--config', config])).toBe(1);
    expect(output.error()).toContain('upstreams.0.baseUrl: missing');
  });

  test.each(['', 'http', '70000', '-1', '1.5'])('refuses the port %j', async (port) => {
    await expect(run([`--port=${port}`])).rejects.toThrow(UsageError);
  });

  test('--help lists the options', async () => {
    const output = captureOutput();
    expect(await run(['--help'])).toBe(0);
    expect(output.out()).toContain('--config FILE');
  });
});

describe('importPeers', () => {
  function missing(specifier: string): () => Promise<never> {
    const text = `Cannot find package '${specifier}' imported from /app/node_modules/edgewise/dist/relay/app.js`;
    return () => Promise.reject(Object.assign(new Error(text), { code: 'ERR_MODULE_NOT_FOUND' }));
  }

  test.each(['hono', '@hono/node-server', 'valibot'])('says how to install %s', async (peer) => {
    await expect(importPeers(missing(peer), 'edgewise relay')).rejects.toMatchObject({
      name: 'UnsupportedError',
      code: 'feature-missing',
      message: `edgewise relay needs the package "${peer}", which is not installed. Run: npm install hono @hono/node-server valibot`,
      details: { peer },
    });
  });

  test('passes other failures on', async () => {
    await expect(importPeers(missing('left-pad'), 'x')).rejects.toThrow(/left-pad/);
    const broken = new SyntaxError('broken');
    await expect(importPeers(() => Promise.reject(broken), 'x')).rejects.toBe(broken);
  });
});
