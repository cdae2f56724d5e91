// Memory and start of our engine in a browser: linear memory with one slot and what each further slot
// adds, time from bytes to a ready engine in fresh tabs, and whether anything grows over generations and
// over loading and unloading.
import { existsSync, readFileSync } from 'node:fs';
import { describeMachine, withBenchPage } from './bench-page.mjs';
import { defaultModel, findModel } from './model-file.mjs';
import { atMost, medianOf, quantileOf, rounded } from './report.mjs';

const BARS = {
  linearMemoryBytes: 125_000_000,
  engineReadyMs: 350,
  modelReadyMs: 700,
  /** Growth that counts as flat: V8 compiles and caches a little more as it runs. */
  heapGrowthBytes: 1_000_000,
  /** Of the tab's process over the later load and unload cycles: less than half a model. */
  processGrowthBytes: 50_000_000,
};
const READY_SAMPLES = 5;
const SLOTS = 3;
const GENERATIONS = 1000;
const GENERATIONS_PER_SAMPLE = 100;
const CYCLES = 50;
/** Cycles before the first one that is compared: compiled code and caches come with the first ones. */
const SETTLING_CYCLES = 5;

/** Heap figures need a collection on demand and exact counts. */
const BROWSER_FLAGS = ['--js-flags=--expose-gc', '--enable-precise-memory-info'];

export async function measure({ dataFolder }) {
  const entry = defaultModel();
  const files = { 'model.gguf': findModel(entry, dataFolder) };
  const bench = { name: 'memory', files, browserFlags: BROWSER_FLAGS };
  return withBenchPage(bench, async ({ browser, openTab }) => {
    const machine = describeMachine(browser);
    const ready = await measureReady(openTab);
    const slots = await inFreshTab(openTab, { name: 'slots', precision: 'fast', values: [SLOTS] });
    const flat = await measureGenerations(openTab);
    const cycles = await measureCycles(browser, openTab);
    return report({ entry, machine, ready, slots, flat, cycles });
  });
}

async function inFreshTab(openTab, options) {
  const tab = await openTab();
  try {
    return await tab.page.evaluate((values) => globalThis.measureMemory(values), options);
  } finally {
    await tab.close();
  }
}

/** A fresh tab each time: what is compiled once must not make the next start look quick. */
async function measureReady(openTab) {
  const times = {};
  for (let sample = 0; sample < READY_SAMPLES; sample++) {
    for (const precision of ['fast', 'exact']) {
      for (const name of ['engineReadyMs', 'modelReadyMs']) {
        const ms = await inFreshTab(openTab, { name, precision });
        times[precision] ??= {};
        (times[precision][name] ??= []).push(ms);
      }
    }
  }
  return times;
}

async function measureGenerations(openTab) {
  const values = [GENERATIONS, GENERATIONS_PER_SAMPLE];
  const options = { name: 'generate', precision: 'fast', values, place: 'page' };
  const samples = await inFreshTab(openTab, options);
  // All slots exist after the first hundred.
  return growthOf(samples.slice(1));
}

async function measureCycles(browser, openTab) {
  const tab = await openTab();
  const stop = watchProcess(browser);
  try {
    const options = { name: 'cycles', precision: 'fast', values: [CYCLES], place: 'page' };
    const samples = await tab.page.evaluate((values) => globalThis.measureMemory(values), options);
    const residentBytes = stop();
    return { ...growthOf(samples.slice(SETTLING_CYCLES)), residentBytes };
  } finally {
    await tab.close();
  }
}

function growthOf(samples) {
  const first = samples[0];
  const last = samples.at(-1);
  const isKnown = first.heapBytes !== null;
  return {
    memoryGrowthBytes: last.memoryBytes - first.memoryBytes,
    heapGrowthBytes: isKnown ? last.heapBytes - first.heapBytes : null,
  };
}

const WATCH_MS = 250;

/** Resident bytes of the busiest tab's process over time, where the system tells (Linux). */
function watchProcess(browser) {
  const samples = [];
  const timer = setInterval(() => {
    void tabBytes(browser).then((bytes) => bytes !== null && samples.push(bytes));
  }, WATCH_MS);
  return () => {
    clearInterval(timer);
    return samples;
  };
}

async function tabBytes(browser) {
  const session = await browser.newBrowserCDPSession();
  try {
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    const sizes = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => sizeOf(id));
    return sizes.includes(null) || sizes.length === 0 ? null : Math.max(...sizes);
  } finally {
    await session.detach();
  }
}

function sizeOf(processId) {
  const file = `/proc/${processId}/status`;
  if (!existsSync(file)) return null;
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(file, 'utf8'));
  return match === null ? null : Number(match[1]) * 1024;
}

/** Peak of the last fifth less peak of the second one: each holds many whole cycles. */
function processGrowth(samples) {
  const fifth = Math.floor(samples.length / 5);
  if (fifth < 2) return null;
  return Math.max(...samples.slice(-fifth)) - Math.max(...samples.slice(fifth, 2 * fifth));
}

function report({ entry, machine, ready, slots, flat, cycles }) {
  const processGrowthBytes = processGrowth(cycles.residentBytes);
  const figures = {
    linearMemoryBytes: slots[0],
    bytesPerFurtherSlot: slots[1] - slots[0],
    ...readyFigures('fast', ready.fast),
    ...readyFigures('exact', ready.exact),
    generationsMemoryGrowthBytes: flat.memoryGrowthBytes,
    generationsHeapGrowthBytes: flat.heapGrowthBytes,
    cyclesMemoryGrowthBytes: cycles.memoryGrowthBytes,
    cyclesHeapGrowthBytes: cycles.heapGrowthBytes,
    cyclesProcessGrowthBytes: processGrowthBytes,
    cyclesProcessPeakBytes: Math.max(0, ...cycles.residentBytes),
  };
  const isKnown = (bar) => bar.value !== null;
  return {
    figures: Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== null)),
    bars: [
      atMost('linear memory, one slot of 512, bytes', slots[0], BARS.linearMemoryBytes),
      atMost('engine ready (fast), ms', figures.fastEngineReadyMs, BARS.engineReadyMs),
      atMost('engine and tokenizer ready (fast), ms', figures.fastModelReadyMs, BARS.modelReadyMs),
      atMost('1,000 generations: growth of wasm memory, bytes', flat.memoryGrowthBytes, 0),
      atMost(
        '1,000 generations: growth of heap, bytes',
        flat.heapGrowthBytes,
        BARS.heapGrowthBytes,
      ),
      atMost('50 cycles: growth of wasm memory, bytes', cycles.memoryGrowthBytes, 0),
      atMost('50 cycles: growth of heap, bytes', cycles.heapGrowthBytes, BARS.heapGrowthBytes),
      atMost('50 cycles: growth of process, bytes', processGrowthBytes, BARS.processGrowthBytes),
    ].filter(isKnown),
    context: {
      model: entry.id,
      ...machine,
      ready: `medians of ${READY_SAMPLES} fresh tabs, the file's bytes in memory before`,
      generations: GENERATIONS,
      cycles: CYCLES,
    },
  };
}

function readyFigures(precision, { engineReadyMs, modelReadyMs }) {
  return {
    [`${precision}EngineReadyMs`]: rounded(medianOf(engineReadyMs)),
    [`${precision}EngineReadyP90Ms`]: rounded(quantileOf(engineReadyMs, 0.9)),
    [`${precision}ModelReadyMs`]: rounded(medianOf(modelReadyMs)),
    [`${precision}ModelReadyP90Ms`]: rounded(quantileOf(modelReadyMs, 0.9)),
  };
}
