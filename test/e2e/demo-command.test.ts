import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';

import { realModelPath } from '../helpers/real-model.ts';
import { type Demo, startDemo } from './demo-process.ts';

const demos: Demo[] = [];

afterEach(async () => {
  await Promise.all(demos.splice(0).map((demo) => demo.stop()));
});

async function start(args: readonly string[]): Promise<Demo> {
  const demo = await startDemo(args);
  demos.push(demo);
  return demo;
}

/** Ids of all processes below one. */
function descendants(parent: number): number[] {
  const lines = execFileSync('ps', ['-e', '-o', 'pid=,ppid=']).toString().trim().split('\n');
  const rows = lines.map((line) => line.trim().split(/\s+/).map(Number));
  const children = rows.filter(([, ppid]) => ppid === parent).map(([pid = 0]) => pid);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s ends all of it and leaves nothing running',
  async (signal) => {
    const demo = await start(['--no-pull', '--local-upstream']);
    const pid = demo.process.pid ?? 0;
    // A connection that stays open must not keep it alive.
    const response = await fetch(demo.url);
    expect(response.status).toBe(200);
    const others = descendants(pid);
    const ended = new Promise((resolve) => demo.process.once('exit', resolve));
    demo.process.kill(signal);
    expect(await ended).toBe(0);
    expect([pid, ...others].filter(isAlive)).toEqual([]);
    await expect(fetch(demo.url)).rejects.toThrow();
  },
);

test.each([
  // A terminal sends Ctrl+C to everything that runs in it; who ends a service ends npm alone.
  ['Ctrl+C in a terminal', (pid: number) => process.kill(-pid, 'SIGINT')],
  ['SIGTERM to npm alone', (pid: number) => process.kill(pid, 'SIGTERM')],
])('%s ends what npm run demo started', async (_name, interrupt) => {
  const npm = spawn('npm', ['run', 'demo', '--', '--port', '0', '--no-pull'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const pid = npm.pid ?? 0;
  let printed = '';
  npm.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  onTestFinished(() => {
    if (isAlive(pid)) process.kill(-pid, 'SIGKILL');
  });
  await expect.poll(() => printed, { timeout: 60_000 }).toContain('Ctrl+C');
  const all = [pid, ...descendants(pid)];
  expect(all.length).toBeGreaterThan(1);
  interrupt(pid);
  await expect.poll(() => all.filter(isAlive), { timeout: 10_000 }).toEqual([]);
});

test('a second Ctrl+C ends it at once, with what still refuses to end', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'edgewise-demo-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const stubborn = path.join(folder, 'stubborn.mjs');
  // Loaded into every process of it: those that are not the demo itself never end by SIGTERM.
  writeFileSync(
    stubborn,
    `if (!process.argv[1]?.endsWith('demo.mjs')) {
       process.on('SIGTERM', () => {});
       setInterval(() => {}, 1000);
       console.log('stubborn ' + process.pid);
     }`,
  );
  const child = spawn(process.execPath, ['scripts/demo.mjs', '--port', '0', '--models', folder], {
    env: { ...process.env, NODE_OPTIONS: `--import=${stubborn}` },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  await expect.poll(() => printed, { timeout: 60_000 }).toContain('stubborn');
  const all = [child.pid ?? 0, ...descendants(child.pid ?? 0)];
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  const again = setInterval(() => child.kill('SIGINT'), 100);
  expect(await ended).toBe(130);
  clearInterval(again);
  await expect.poll(() => all.filter(isAlive), { timeout: 10_000 }).toEqual([]);
});

test('another model than the one of the page does not count as the model', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'edgewise-demo-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(path.join(folder, 'other'));
  writeFileSync(path.join(folder, 'other/other.gguf'), 'GGUF');
  const other = { id: 'other', name: 'Other', file: 'other.gguf', sizeBytes: 4 };
  writeFileSync(path.join(folder, 'catalogue.json'), JSON.stringify([other]));
  const demo = await start(['--no-pull', '--models', folder]);
  expect(demo.output()).toContain(`smollm2-135m-instruct-q4_1 is not in ${folder}`);
});

test('a port in use is said clearly', async () => {
  const server = http.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await expect(startDemo(['--no-pull', '--port', String(port)])).rejects.toThrow(
    new RegExp(`Port ${port} is in use.*--port`, 's'),
  );
  await new Promise((resolve) => server.close(resolve));
});

test('a wrong option is said clearly', async () => {
  await expect(startDemo(['--port', 'seven'])).rejects.toThrow(/--port needs a number/);
});

test.runIf(realModelPath() !== null)('serves weights in ranges, once per version', async () => {
  const demo = await start([]);
  const catalogue = (await (await fetch(`${demo.url}models/catalogue.json`)).json()) as {
    id: string;
    file: string;
    sizeBytes: number;
  }[];
  const [model] = catalogue;
  const address = `${demo.url}models/${model?.id}/${model?.file}`;
  const part = await fetch(address, { headers: { range: 'bytes=0-3' } });
  expect(part.status).toBe(206);
  expect(await part.text()).toBe('GGUF');
  expect(part.headers.get('content-range')).toBe(`bytes 0-3/${model?.sizeBytes}`);
  expect(part.headers.get('cache-control')).toContain('immutable');
  const etag = part.headers.get('etag') ?? '';
  const tail = await fetch(address, { headers: { range: 'bytes=-5', 'if-range': etag } });
  expect((await tail.arrayBuffer()).byteLength).toBe(5);
  const beyond = await fetch(address, { headers: { range: 'bytes=99999999999-' } });
  expect(beyond.status).toBe(416);
  const same = await fetch(address, { headers: { 'if-none-match': etag } });
  expect(same.status).toBe(304);
});

test.each([
  '../package.json',
  '%2e%2e/%2e%2e/package.json',
  'models/..%2f..%2fpackage.json',
  '%00',
  '%E0%A4%A',
])('serves nothing outside its folders: %s', async (name) => {
  const demo = await start(['--no-pull']);
  const { port } = new URL(demo.url);
  const status = await new Promise((resolve, reject) => {
    // `fetch` would tidy the path up before it is sent.
    const request = http.get({ host: '127.0.0.1', port, path: `/${name}` }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.once('error', reject);
  });
  expect([400, 404]).toContain(status);
});
