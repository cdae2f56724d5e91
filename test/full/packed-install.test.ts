import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureBrowser } from '../../scripts/ensure-browser.mjs';
import golden from '../golden/tiny.json' with { type: 'json' };
import { createPackedApp, type PackedApp } from '../helpers/packed-app.ts';
import { realModelPath } from '../helpers/real-model.ts';
import { serveFolder } from '../helpers/static-server.ts';
import { startVite, type ViteServer } from '../helpers/vite-process.ts';

const root = path.resolve(import.meta.dirname, '../..');
const fixture = path.join(root, 'models/fixture/tiny.gguf');
const chat = golden.prompts.find(({ name }) => name === 'chat, system')!;
const COMPARED_TOKENS = 8;

/** What a customer writes: everything by the package's name. The page shows what the model saw. */
const MAIN = `
import { createRuntime } from 'edgewise';

const edge = createRuntime({
  models: { baseUrl: '/models/' },
  model: 'tiny',
  mode: 'only-on-device',
});
globalThis.edge = edge;
globalThis.ask = async (messages, maxTokens) => {
  await edge.models.download();
  const events = [];
  const request = { task: 'rewrite', input: { kind: 'messages', messages }, maxTokens };
  for await (const event of edge.stream(request)) events.push(event);
  return events;
};
document.body.dataset.state = 'ready';
`;

/** Where a page without a bundler finds what the package imports by name. */
const IMPORT_MAP = {
  imports: {
    edgewise: '/node_modules/edgewise/dist/index.js',
    comlink: '/node_modules/comlink/dist/esm/comlink.mjs',
    'eventsource-parser': '/node_modules/eventsource-parser/dist/index.js',
    idb: '/node_modules/idb/build/index.js',
    '@huggingface/jinja': '/node_modules/@huggingface/jinja/dist/index.js',
    '@huggingface/tokenizers': '/node_modules/@huggingface/tokenizers/dist/tokenizers.mjs',
  },
};

const RAW_PAGE = `<!doctype html><html lang="en"><title>raw</title><link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify(IMPORT_MAP)}</script>
<body><script type="module">${MAIN.replaceAll("'/models/'", "'/public/models/'").replace(
  "model: 'tiny'",
  "model: 'tiny',\n  inProcess: true",
)}</script></body></html>`;

const PAGE = `<!doctype html><html lang="en"><title>app</title><link rel="icon" href="data:,">
<body><script type="module" src="/main.js"></script></body></html>`;

const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
const TSC_FLAGS =
  '--noEmit --strict --skipLibCheck --module nodenext --target es2022 --lib es2023,dom,dom.iterable,dom.asynciterable'.split(
    ' ',
  );

const WRONG_USE = `
import { createRuntime } from 'edgewise';
// @ts-expect-error -- a base URL is text or a URL
createRuntime({ models: { baseUrl: 7 } });
`;

/** What the samples of the README take for granted; imported where a sample leaves it out. */
const SURROUNDINGS = `
declare global {
  var createRuntime: typeof import('edgewise').createRuntime;
  var question: string;
  var text: string;
  function show(text: string): void;
  function sortInMyCloud(text: string): Promise<string>;
}
export {};
`;

let app: PackedApp;
let browser: Browser;

beforeAll(async () => {
  app = createPackedApp();
  app.write('index.html', PAGE);
  app.write('main.js', MAIN);
  app.run('npx', ['--no-install', 'edgewise', 'pull', '--from', fixture, '--id', 'tiny']);
  browser = await chromium.launch({ executablePath: ensureBrowser() });
});

afterAll(async () => {
  await browser?.close();
  app?.remove();
});

interface SeenEvent {
  readonly type: string;
  readonly evidence?: readonly { readonly logProbability: number }[];
  readonly tier?: string;
}

/** Asks on the page, and compares what the model saw with the reference. */
async function expectAnswer(page: Page): Promise<void> {
  await page.waitForSelector('body[data-state="ready"]', { state: 'attached' });
  const events = await page.evaluate<SeenEvent[], unknown[]>(
    ([messages, maxTokens]) =>
      (globalThis as unknown as { ask(...rest: unknown[]): Promise<SeenEvent[]> }).ask(
        messages,
        maxTokens,
      ),
    [chat.input.messages, COMPARED_TOKENS],
  );
  const evidence = events.flatMap((event) => event.evidence ?? []);
  expect(events.at(-1)?.type).toBe('finish');
  expect(evidence).toHaveLength(COMPARED_TOKENS);
  for (const [index, { logProbability }] of evidence.entries()) {
    // The fast build: int8 activations.
    expect(Math.abs(logProbability - chat.greedy[index]!.logProbability)).toBeLessThan(0.5);
  }
}

async function openApp(url: string): Promise<{ page: Page; problems: string[] }> {
  const problems: string[] = [];
  const page = await browser.newPage();
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('requestfailed', (request) => {
    // A download that has all its bytes lets go of the connection, which Chromium calls aborted.
    if (request.failure()?.errorText === 'net::ERR_ABORTED') return;
    problems.push(`${request.url()} failed`);
  });
  await page.goto(url);
  return { page, problems };
}

describe('an app that installed the packed package', () => {
  let server: ViteServer | null = null;

  afterAll(() => server?.stop());

  test.each(['dev', 'preview'] as const)('answers in a worker under vite %s', async (mode) => {
    if (mode === 'preview') app.run('npx', ['--no-install', 'vite', 'build']);
    await server?.stop();
    server = await startVite(app.folder, mode);
    const { page, problems } = await openApp(server.url);
    await expectAnswer(page);
    expect(page.workers()).toHaveLength(1);
    expect(problems).toEqual([]);
    await page.close();
  });

  // Import maps do not reach into workers, so the model runs on the page's own thread here.
  test('answers without a bundler, with an import map and inProcess', async () => {
    app.write('raw.html', RAW_PAGE);
    const files = await serveFolder(app.folder);
    try {
      const { page, problems } = await openApp(`${files.url}raw.html`);
      await expectAnswer(page);
      expect(problems).toEqual([]);
      await page.close();
    } finally {
      await files.stop();
    }
  });

  test('needs none of the optional peers in the page', () => {
    for (const peer of ['hono', 'valibot', 'yauzl']) {
      expect(existsSync(path.join(app.folder, 'node_modules', peer)), peer).toBe(false);
    }
  });

  test('has types for every entry, and the samples of the README compile', () => {
    app.write('wrong.ts', WRONG_USE);
    const samples = readFileSync(path.join(root, 'README.md'), 'utf8').matchAll(
      /```ts\n(.*?)```/gs,
    );
    const files = [...samples].map(([, code], index) => {
      const file = `sample-${index}.ts`;
      app.write(file, `${code}\n${SURROUNDINGS}`);
      return file;
    });
    expect(files.length).toBeGreaterThan(0);
    expect(app.run(process.execPath, [tsc, ...TSC_FLAGS, 'wrong.ts', ...files])).toBe('');
  });
});

describe('a second clone', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'edgewise-clone-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const command = (): string => path.join(app.folder, 'node_modules/edgewise/dist/cli/edgewise.js');
  const forbid = pathToFileURL(path.join(root, 'test/helpers/forbid-network.mjs')).href;

  /** The command, unable to connect anywhere or to start a program. */
  const pull = (env: NodeJS.ProcessEnv, ...rest: string[]): string =>
    app.run(
      process.execPath,
      ['--import', forbid, command(), 'pull', '--out', folder, ...rest],
      env,
    );

  // The real model is left out only when EDGEWISE_OFFLINE=1 says so and it is not in the cache.
  test.skipIf(realModelPath() === null)('gets the model from the cache without a network', () => {
    pull(process.env);
    const { default: id } = readCatalogue();
    const manifest = JSON.parse(readFileSync(path.join(folder, id, 'manifest.json'), 'utf8'));
    expect(manifest.shards).toHaveLength(Math.ceil(manifest.sizeBytes / manifest.shardBytes));
    expect(existsSync(path.join(folder, id, manifest.file))).toBe(true);
  });

  test('without a cache it says that no source can be reached, and writes nothing', () => {
    const cache = path.join(folder, 'empty-cache');
    const out = path.join(folder, 'out');
    expect(() => pull({ ...process.env, XDG_CACHE_HOME: cache }, '--out', out)).toThrow(/pull/);
    expect(existsSync(out)).toBe(false);
  });

  test('takes a file of its own from disk', () => {
    const file = path.join(folder, 'own.gguf');
    copyFileSync(fixture, file);
    mkdirSync(path.join(folder, 'own-cache'));
    const env = { ...process.env, XDG_CACHE_HOME: path.join(folder, 'own-cache') };
    expect(pull(env, '--from', file, '--id', 'own')).toContain('own');
  });

  function readCatalogue(): { readonly default: string } {
    return JSON.parse(readFileSync(path.join(root, 'models/catalogue.json'), 'utf8'));
  }
});
