// One page in a real browser for a benchmark: built with Vite, served from this machine, opened as often
// as fresh tabs are wanted.
import { createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright';
import { build, preview } from 'vite';
import { ensureBrowser } from '../scripts/ensure-browser.mjs';
import { root } from '../scripts/helpers/command.mjs';
import { rounded } from './report.mjs';

const PAGE_TIMEOUT_MS = 1_500_000;

/**
 * Builds `bench/<name>/index.html`, serves it with `files` (name to path) below `/files/`, and gives
 * `use` a browser and a way to open the page in a tab of its own. `browserFlags` go to Chromium;
 * `isIsolated`: with the headers that threads need, which customers' pages do not have.
 */
export async function withBenchPage(options, use) {
  const { name, alias = {} } = options;
  const folder = mkdtempSync(path.join(tmpdir(), `edgewise-${name}-`));
  try {
    await build({
      configFile: false,
      root: path.join(root, 'bench', name),
      logLevel: 'error',
      worker: { format: 'es' },
      resolve: { alias },
      build: {
        outDir: folder,
        emptyOutDir: false,
        assetsInlineLimit: 0,
        target: 'es2022',
        minify: false,
      },
    });
    return await serveAndUse(folder, options, use);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

async function serveAndUse(folder, options, use) {
  const { name, files, browserFlags = [], isIsolated = false } = options;
  const server = await preview({
    configFile: false,
    root: path.join(root, 'bench', name),
    logLevel: 'error',
    plugins: [servingFiles(files)],
    build: { outDir: folder },
    preview: { host: '127.0.0.1', port: 0, headers: isIsolated ? ISOLATION : {} },
  });
  const browser = await chromium.launch({ executablePath: ensureBrowser(), args: browserFlags });
  try {
    const url = server.resolvedUrls.local[0];
    return await use({ browser, openTab: () => openTab(browser, url) });
  } finally {
    await browser.close();
    await server.close();
  }
}

/** A context of its own, so that nothing of an earlier tab is warm. */
async function openTab(browser, url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(PAGE_TIMEOUT_MS);
  await page.goto(url);
  await page.waitForFunction(() => globalThis.isReady);
  return { page, close: () => context.close() };
}

function servingFiles(files) {
  return {
    name: 'bench-files',
    configurePreviewServer({ middlewares }) {
      middlewares.use('/files', (request, response) => {
        const file = files[path.basename(request.url)];
        if (file === undefined) {
          response.statusCode = 404;
          response.end();
          return;
        }
        response.setHeader('content-length', statSync(file).size);
        createReadStream(file).pipe(response);
      });
    },
  };
}

/** What a figure was measured on. */
export function describeMachine(browser) {
  return {
    browser: `Chromium ${browser.version()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    loadAverage: rounded(loadavg()[0]),
  };
}

/** To be asked after a measurement: what else ran meanwhile shows, beside our one or two busy threads. */
export function loadAverageNow() {
  return rounded(loadavg()[0]);
}
