// Decode and prefill of our engine beside its in-browser CPU peers, in one Chromium page: each engine in
// its own worker, rounds taking turns, medians and ratios. What only this needs (peers, an ONNX graph, a
// Q4_0 file) is installed and made at first use.
import { createReadStream, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright';
import { build, preview } from 'vite';
import { ensureBrowser } from '../scripts/ensure-browser.mjs';
import { root, runCommand } from '../scripts/helpers/command.mjs';
import { defaultModel, findModel } from './model-file.mjs';
import { atLeast, medianOf, quantileOf, rounded } from './report.mjs';

const benchFolder = path.join(root, 'bench');
const cacheFolder = path.join(benchFolder, '.cache');
const ROUNDS = 4;
const DECODED_TOKENS = 16;
const PAGE_TIMEOUT_MS = 1_500_000;

/** Peer time divided by ours, medians: the least that must hold, and what is aimed at. */
const RATIOS = {
  fast: {
    decodeMs: {
      wllama2Q41: [5.5, 7],
      wllama2Q40: [3.5, 4.5],
      wllama3: [12, 16],
      wllama3Threads: [7, 9],
      onnxInt8: [5.5, 7],
    },
    prefill128Ms: {
      wllama2Q41: [8, 14],
      wllama2Q40: [4, 7],
      wllama3: [15, 27],
      wllama3Threads: [10, 14],
      onnxInt8: [1.7, 4],
    },
    prefill32Ms: {
      wllama2Q41: [6, 11],
      wllama2Q40: [3, 5],
      wllama3: [14, 23],
      wllama3Threads: [9, 12],
      onnxInt8: [1.3, 2.5],
    },
  },
  exact: {
    decodeMs: {
      wllama2Q41: [4, 5],
      wllama2Q40: [2.5, 3.2],
      wllama3: [9, 12],
      wllama3Threads: [5, 6.5],
      onnxInt8: [4, 5],
    },
  },
};

/** Two threads need a cross-origin isolated page, customers' pages are none: a page of its own. */
const PAGES = [
  {
    isIsolated: false,
    names: ['fast', 'exact', 'wllama2Q41', 'wllama2Q40', 'wllama3', 'onnxInt8'],
  },
  { isIsolated: true, names: ['fast', 'exact', 'wllama3Threads'] },
];

export async function measure({ dataFolder }) {
  const entry = defaultModel();
  const modelFile = findModel(entry, dataFolder);
  await preparePeers(modelFile);
  const folder = mkdtempSync(path.join(tmpdir(), 'edgewise-peers-'));
  try {
    await buildPage(folder);
    const runs = [];
    for (const page of PAGES) runs.push(await runPage({ ...page, folder, modelFile }));
    return summarise(runs, entry);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function preparePeers(modelFile) {
  if (!existsSync(path.join(benchFolder, 'node_modules/onnxruntime-web'))) {
    await mustRun('npm', ['ci', '--ignore-scripts', '--prefix', benchFolder]);
  }
  mkdirSync(cacheFolder, { recursive: true });
  const onnxFile = path.join(cacheFolder, 'decoder-int8.onnx');
  const ggufFile = path.join(cacheFolder, 'random-q4_0.gguf');
  if (existsSync(onnxFile) && existsSync(ggufFile)) return;
  const python = path.join(cacheFolder, 'python/bin/python');
  if (!existsSync(python)) {
    await mustRun('python3', ['-m', 'venv', path.join(cacheFolder, 'python')]);
    const pins = path.join(root, 'scripts/requirements-bench.txt');
    await mustRun(python, ['-m', 'pip', 'install', '--quiet', '-r', pins]);
  }
  const script = (name) => path.join(root, 'scripts', name);
  await mustRun(python, [script('random-q4-0.py'), modelFile, ggufFile]);
  await mustRun(python, [script('onnx-decoder.py'), onnxFile]);
}

async function mustRun(program, parameters) {
  process.stderr.write(`${[path.basename(program), ...parameters].join(' ')}\n`);
  const { code, output } = await runCommand(program, parameters);
  if (code !== 0) throw new Error(`${program} failed:\n${output}`);
}

async function buildPage(outDir) {
  const file = (name) => path.join(benchFolder, 'node_modules', name);
  await build({
    configFile: false,
    root: path.join(benchFolder, 'peers'),
    logLevel: 'error',
    worker: { format: 'es' },
    resolve: {
      // Their packages export one name each; the files behind it are wanted.
      alias: {
        '@peer/wllama-2': file('wllama-2/esm'),
        '@peer/wllama-3': file('wllama-3/esm'),
        '@peer/onnxruntime-web': file('onnxruntime-web/dist'),
      },
    },
    build: { outDir, emptyOutDir: false, assetsInlineLimit: 0, target: 'es2022', minify: false },
  });
}

async function runPage({ folder, modelFile, names, isIsolated }) {
  const server = await serve({ folder, modelFile, isIsolated });
  const browser = await chromium.launch({ executablePath: ensureBrowser() });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(PAGE_TIMEOUT_MS);
    await page.goto(server.resolvedUrls.local[0]);
    await page.waitForFunction(() => globalThis.isReady);
    const options = { names, rounds: ROUNDS, decodedTokens: DECODED_TOKENS };
    const result = await page.evaluate((values) => globalThis.measurePeers(values), options);
    return { ...result, isIsolated, browserVersion: browser.version() };
  } finally {
    await browser.close();
    await server.close();
  }
}

function serve({ folder, modelFile, isIsolated }) {
  const files = {
    name: 'model-files',
    configurePreviewServer({ middlewares }) {
      middlewares.use('/files', (request, response) => {
        const name = path.basename(request.url);
        const file = name === 'model.gguf' ? modelFile : path.join(cacheFolder, name);
        response.setHeader('content-length', statSync(file).size);
        createReadStream(file).pipe(response);
      });
    },
  };
  const isolation = {
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
  };
  return preview({
    configFile: false,
    root: path.join(benchFolder, 'peers'),
    logLevel: 'error',
    plugins: [files],
    build: { outDir: folder },
    preview: { host: '127.0.0.1', port: 0, headers: isIsolated ? isolation : {} },
  });
}

function summarise(runs, entry) {
  const figures = {};
  const bars = [];
  const failures = {};
  for (const run of runs) {
    Object.assign(failures, run.failures);
    addTimes(figures, run);
    addRatios(bars, run);
  }
  return {
    figures,
    bars,
    context: {
      model: entry.id,
      browser: `Chromium ${runs[0].browserVersion}`,
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      loadAverage: rounded(loadavg()[0]),
      rounds: ROUNDS,
      decodedTokens: ROUNDS * DECODED_TOKENS,
      threads: 'one, but wllama3Threads: two, in a cross-origin isolated page with ours beside it',
      notes:
        'wllama2 is timed around decode() without sampling; wllama3 by its own counters, scaled to the same number of tokens; onnxInt8 and wllama2Q40 have random weights',
      ...(Object.keys(failures).length > 0 && { failures: JSON.stringify(failures) }),
    },
  };
}

function addTimes(figures, { samples, isIsolated }) {
  for (const [name, times] of Object.entries(samples)) {
    const prefix = isIsolated && !name.includes('Threads') ? `${name}Isolated` : name;
    for (const kind of ['decodeMs', 'prefill32Ms', 'prefill128Ms']) {
      const title = kind[0].toUpperCase() + kind.slice(1);
      figures[`${prefix}${title}`] = rounded(medianOf(times[kind]));
      figures[`${prefix}${title.replace('Ms', 'P90Ms')}`] = rounded(quantileOf(times[kind], 0.9));
    }
    figures[`${prefix}LoadMs`] = rounded(times.loadMs);
  }
}

function addRatios(bars, { samples, isIsolated }) {
  for (const [ours, kinds] of Object.entries(RATIOS)) {
    for (const [kind, peers] of Object.entries(kinds)) {
      for (const [peer, [gate, goal]] of Object.entries(peers)) {
        // Only engines of the same page are compared.
        if (peer.includes('Threads') !== isIsolated || samples[peer] === undefined) continue;
        const value = rounded(medianOf(samples[peer][kind]) / medianOf(samples[ours][kind]));
        bars.push(
          atLeast(`${kind.replace('Ms', '')}: ${peer} / ${ours}`, value, { bar: gate, goal }),
        );
      }
    }
  }
}
