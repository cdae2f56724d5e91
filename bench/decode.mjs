// Decode and prefill speed of our engine in a Chromium worker, both builds, beside a plain read loop of
// the same bytes in the same run: rounds of all of them take turns, so a busy machine slows them alike.
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright';
import { build, preview } from 'vite';
import { compileKernel, isUpToDate } from '../scripts/build-kernel.mjs';
import { ensureBrowser } from '../scripts/ensure-browser.mjs';
import { root } from '../scripts/helpers/command.mjs';
import { defaultModel, findModel } from './model-file.mjs';
import { atLeast, atMost, medianOf, quantileOf, rounded } from './report.mjs';

/** Decode may take at most this many times what merely reading its bytes takes. */
const READ_LOOP_BAR = 2;
/** A prompt must reach this share of the measured peak of its arithmetic; 0.6 is aimed at. */
const DOT_RATE_BAR = 0.4;
const ROUNDS = 12;
const CONTEXT_LENGTH = 512;
const PAGE_TIMEOUT_MS = 300_000;

export async function measure({ dataFolder }) {
  const entry = defaultModel();
  const modelFile = findModel(entry, dataFolder);
  await buildRoofs();
  const folder = mkdtempSync(path.join(tmpdir(), 'edgewise-bench-'));
  try {
    await buildPage(folder);
    const { samples, browserVersion } = await runPage({ folder, modelFile, entry });
    return summarise(samples, { entry, browserVersion });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const ROOFS = [
  { source: 'read-loop', name: 'read-loop', features: ['simd'] },
  { source: 'dot-rate', name: 'dot-rate-exact', features: ['simd'] },
  { source: 'dot-rate', name: 'dot-rate-fast', features: ['simd', 'relaxed-simd'] },
];

/** What one thread can read and multiply at most, to judge the engine by in the same run. */
async function buildRoofs() {
  for (const { source, name, features } of ROOFS) {
    const entry = path.join(root, 'bench/kernels', `${source}.ts`);
    const outFile = path.join(root, 'bench/kernels', `${name}.wasm`);
    if (!isUpToDate(outFile, [entry])) await compileKernel({ entry, outFile, features });
  }
}

async function buildPage(outDir) {
  await build({
    configFile: false,
    root: path.join(root, 'bench/decode'),
    logLevel: 'error',
    worker: { format: 'es' },
    build: { outDir, emptyOutDir: false, assetsInlineLimit: 0, target: 'es2022' },
  });
}

async function runPage({ folder, modelFile, entry }) {
  const server = await serve(folder, modelFile);
  const browser = await chromium.launch({ executablePath: ensureBrowser() });
  try {
    const page = await browser.newPage();
    await page.goto(server.resolvedUrls.local[0]);
    await page.waitForFunction(() => 'measureDecode' in globalThis);
    page.setDefaultTimeout(PAGE_TIMEOUT_MS);
    const samples = await page.evaluate((options) => globalThis.measureDecode(options), {
      modelUrl: '/model.gguf',
      sizeBytes: entry.sizeBytes,
      sha256: entry.sha256,
      rounds: ROUNDS,
      contextLength: CONTEXT_LENGTH,
    });
    return { samples, browserVersion: browser.version() };
  } finally {
    await browser.close();
    await server.close();
  }
}

function serve(outDir, modelFile) {
  const model = {
    name: 'model-file',
    configurePreviewServer({ middlewares }) {
      middlewares.use('/model.gguf', (_request, response) => {
        createReadStream(modelFile).pipe(response);
      });
    },
  };
  return preview({
    configFile: false,
    root: path.join(root, 'bench/decode'),
    logLevel: 'error',
    plugins: [model],
    build: { outDir },
    preview: { host: '127.0.0.1', port: 0 },
  });
}

function summarise(samples, { entry, browserVersion }) {
  const readLoopMs = medianOf(samples.readLoopMs);
  const exact = figuresOf('exact', samples, readLoopMs);
  const fast = figuresOf('fast', samples, readLoopMs);
  return {
    figures: {
      ...fast,
      ...exact,
      readLoopMs: rounded(readLoopMs),
      readLoopGBPerSecond: rounded(samples.bytesPerToken / readLoopMs / 1e6),
      bytesPerToken: samples.bytesPerToken,
    },
    bars: [
      atMost(
        'decode (fast) relative to reading its bytes',
        fast.fastDecodePerReadLoop,
        READ_LOOP_BAR,
      ),
      atLeast(
        'prefill of 128 tokens (fast), share of the peak dot rate',
        fast.fastPrefill128PerDotPeak,
        { bar: DOT_RATE_BAR, goal: 0.6 },
      ),
    ],
    context: {
      model: entry.id,
      browser: `Chromium ${browserVersion}`,
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      loadAverage: rounded(loadavg()[0]),
      threads: 1,
      rounds: ROUNDS,
      decodedTokens: samples.builds.fast.decodeMs.length,
      contextTokens: samples.contextTokens,
      contextLength: CONTEXT_LENGTH,
      prompt32Tokens: samples.builds.fast.promptTokens.short,
      prompt128Tokens: samples.builds.fast.promptTokens.long,
    },
  };
}

function figuresOf(name, samples, readLoopMs) {
  const times = samples.builds[name];
  const decodeMs = medianOf(times.decodeMs);
  const prefill32Ms = medianOf(times.prefill32Ms);
  const prefill128Ms = medianOf(times.prefill128Ms);
  const peakGigaMacs = medianOf(samples.gigaMacs[name]);
  const prefillGigaMacs =
    (times.promptTokens.long * samples.layerMacsPerToken) / prefill128Ms / 1e6;
  const figures = {
    DecodeMs: decodeMs,
    DecodeP90Ms: quantileOf(times.decodeMs, 0.9),
    DecodeTokensPerSecond: 1000 / decodeMs,
    DecodePerReadLoop: decodeMs / readLoopMs,
    Prefill32Ms: prefill32Ms,
    Prefill32P90Ms: quantileOf(times.prefill32Ms, 0.9),
    Prefill32TokensPerSecond: (times.promptTokens.short * 1000) / prefill32Ms,
    Prefill128Ms: prefill128Ms,
    Prefill128P90Ms: quantileOf(times.prefill128Ms, 0.9),
    DotPeakGigaMacs: peakGigaMacs,
    Prefill128PerDotPeak: prefillGigaMacs / peakGigaMacs,
    Prefill128TokensPerSecond: (times.promptTokens.long * 1000) / prefill128Ms,
    LoadMs: times.loadMs,
    MemoryBytes: times.memoryBytes,
  };
  return Object.fromEntries(
    Object.entries(figures).map(([key, value]) => [`${name}${key}`, rounded(value)]),
  );
}
