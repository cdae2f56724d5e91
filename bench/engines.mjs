// What the benchmarks beside in-browser CPU peers share: peers installed at first use, the page that holds
// all engines, and ratios. A ratio is the peer's median divided by ours.
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { isUpToDate } from '../scripts/build-kernel.mjs';
import { root, runCommand } from '../scripts/helpers/command.mjs';
import { describeMachine, loadAverageNow, withBenchPage } from './bench-page.mjs';
import { buildRoofs } from './build-roofs.mjs';
import { findModel } from './model-file.mjs';
import { atLeast, medianOf, quantileOf, rounded } from './report.mjs';

const benchFolder = path.join(root, 'bench');
const cacheFolder = path.join(benchFolder, '.cache');
const onnxFile = path.join(cacheFolder, 'decoder-int8.onnx');
const q40File = path.join(cacheFolder, 'random-q4_0.gguf');

/** One thread each. */
const PEERS = ['wllama2Q41', 'wllama2Q40', 'wllama3', 'onnxInt8', 'transformers'];
/** Two threads need a cross-origin isolated page, customers' pages are none: a page of its own. */
const THREADED_PEERS = ['wllama3Threads'];

const NOTES = {
  wllama2Q41:
    'wllama 2.3.1, this file; timed around its calls, the messages to its worker included',
  wllama2Q40: 'wllama 2.3.1, its better format, random weights of the same shapes',
  wllama3:
    'wllama 3.8.1, this file; by its own counters where it has them, scaled to the same tokens',
  wllama3Threads: 'wllama 3.8.1, two threads, in a cross-origin isolated page with ours beside it',
  onnxInt8: 'onnxruntime-web 1.30.0, dynamic int8, random weights, loop and choice in JavaScript',
  transformers: '@huggingface/transformers 4.3.0, the same ONNX file, through generate()',
};

/** The page is built with all peers, whichever of them run. */
async function installPeers() {
  if (existsSync(path.join(benchFolder, 'node_modules/@huggingface/transformers'))) return;
  await mustRun('npm', ['ci', '--ignore-scripts', '--prefix', benchFolder]);
}

/** Makes the files of random weights, where they are not there or their script changed since. */
async function makePeerFiles(modelFile) {
  mkdirSync(cacheFolder, { recursive: true });
  const script = (name) => path.join(root, 'scripts', name);
  const wanted = [
    { file: q40File, script: script('random-q4-0.py'), parameters: [modelFile, q40File] },
    { file: onnxFile, script: script('onnx-decoder.py'), parameters: [onnxFile] },
  ].filter((each) => !isUpToDate(each.file, [each.script]));
  if (wanted.length === 0) return;
  const python = path.join(cacheFolder, 'python/bin/python');
  if (!existsSync(python)) {
    await mustRun('python3', ['-m', 'venv', path.join(cacheFolder, 'python')]);
    const pins = path.join(root, 'scripts/requirements-bench.txt');
    await mustRun(python, ['-m', 'pip', 'install', '--quiet', '-r', pins]);
  }
  for (const each of wanted) await mustRun(python, [each.script, ...each.parameters]);
}

async function mustRun(program, parameters) {
  process.stderr.write(`${[path.basename(program), ...parameters].join(' ')}\n`);
  const { code, output } = await runCommand(program, parameters);
  if (code !== 0) throw new Error(`${program} failed:\n${output}`);
}

/**
 * Runs `measureIt`, a function of bench/peers/page.mjs, with ours and the peers in one page; and with
 * ours and the peers of two threads in another one. `isAlone`: ours only. Gives what it gave, and the
 * machine; `threaded` is `null` where it did not run.
 */
export async function runBesidePeers({ entry, dataFolder, isAlone }, measureIt, options) {
  const { ours = ['fast', 'exact'], ...rest } = options;
  const modelFile = findModel(entry, dataFolder);
  await installPeers();
  await buildRoofs();
  const run = (isIsolated, peers) =>
    runPage({ modelFile, isIsolated }, measureIt, { ...rest, names: [...ours, ...peers] });
  if (isAlone) return { single: await run(false, []), threaded: null };
  await makePeerFiles(modelFile);
  const single = await run(false, PEERS);
  return { single, threaded: await run(true, THREADED_PEERS) };
}

function runPage({ modelFile, isIsolated }, measureIt, options) {
  const folder = (name) => path.join(benchFolder, 'node_modules', name);
  const bench = {
    name: 'peers',
    isIsolated,
    files: {
      'model.gguf': modelFile,
      [path.basename(q40File)]: q40File,
      [path.basename(onnxFile)]: onnxFile,
      // As @huggingface/transformers looks for them.
      'model_quantized.onnx': onnxFile,
      'config.json': path.join(benchFolder, 'peers/transformers-config.json'),
    },
    // Their packages export one name each; the files behind it are wanted.
    alias: {
      '@peer/wllama-2': folder('wllama-2/esm'),
      '@peer/wllama-3': folder('wllama-3/esm'),
      '@peer/onnxruntime-web': folder('onnxruntime-web/dist'),
      '@peer/transformers-onnx': folder(
        '@huggingface/transformers/node_modules/onnxruntime-web/dist',
      ),
      '@peer/transformers': folder('@huggingface/transformers/dist/transformers.web.js'),
    },
  };
  return withBenchPage(bench, async ({ browser, openTab }) => {
    const machine = describeMachine(browser);
    const { page } = await openTab();
    const given = [measureIt, options];
    const result = await page.evaluate(([name, values]) => globalThis[name](values), given);
    return { ...result, machine, loadAverageAfter: loadAverageNow() };
  });
}

/** Median, quick tenth and slow tenth of each engine's samples, under its name and `suffix`. */
export function timesOf(samples, suffix = '') {
  const figures = {};
  for (const [name, times] of Object.entries(samples)) {
    figures[`${name}${suffix}Ms`] = rounded(medianOf(times));
    figures[`${name}${suffix}P10Ms`] = rounded(quantileOf(times, 0.1));
    figures[`${name}${suffix}P90Ms`] = rounded(quantileOf(times, 0.9));
  }
  return figures;
}

/** The peers' share of a run: ours ran in both pages, and counts in the first one. */
export function peersOnly(samples) {
  return Object.fromEntries(
    Object.entries(samples).filter(([name]) => [...PEERS, ...THREADED_PEERS].includes(name)),
  );
}

/**
 * Peer divided by ours, medians of samples of one page. `gates`: ours to peer to [the least that must
 * hold, what is aimed at]; only those of the page's engines are judged.
 */
export function ratioBars(gates, label, samples) {
  const bars = [];
  for (const [ours, peers] of Object.entries(gates)) {
    for (const [peer, [bar, goal]] of Object.entries(peers)) {
      if (samples[peer] === undefined) continue;
      const ratio = rounded(medianOf(samples[peer]) / medianOf(samples[ours]));
      bars.push(atLeast(`${label}: ${peer} / ${ours}`, ratio, { bar, goal }));
    }
  }
  return bars;
}

/** A peer that failed was not compared: that is no pass. */
export function failureBars({ failures }) {
  return Object.keys(failures).map((name) => atLeast(`${name} runs`, 0, { bar: 1 }));
}

/** What to say of a run, beside what it measured. */
export function describeRun({ entry, single, threaded }) {
  const failures = { ...single.failures, ...threaded?.failures };
  const names = [...Object.keys(single.loadMs), ...Object.keys(threaded?.loadMs ?? {})];
  const notes = Object.entries(NOTES).filter(([name]) => names.includes(name));
  return {
    model: entry.id,
    ...single.machine,
    loadAverageAfter: single.loadAverageAfter,
    ...(threaded !== null && { loadAverageAfterThreads: threaded.loadAverageAfter }),
    threads: 'one each, unless said otherwise',
    ...Object.fromEntries(notes),
    ...(Object.keys(failures).length > 0 && { failures: JSON.stringify(failures) }),
  };
}
