// Bytes a page loads. A small page that uses the package is built with Vite, as a customer would, and
// the parts are weighed. "Entry" is what the page needs before anything is asked: no worker, no engine.
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, version as viteVersion } from 'vite';
import { root } from '../scripts/helpers/command.mjs';
import { atMost } from './report.mjs';

/** Bars of the first release, in bytes (1 kB = 1,000 bytes). */
const PAGE_ENTRY_GZIP_BAR = 20_000;
const KERNEL_BAR = 40_000;
/** `cascade` and `students` together, as far as the page and its worker carry them. */
const DECISION_CORE_GZIP_BAR = 16_000;

const dist = path.join(root, 'dist');

/** Entries weighed, with the name a page uses most. */
const ENTRIES = {
  page: { file: 'index.js', name: 'createRuntime' },
  autocomplete: { file: 'autocomplete/index.js', name: 'attach' },
};

export async function measure() {
  const page = await weigh(ENTRIES.page);
  const autocomplete = await weigh(ENTRIES.autocomplete);
  const decisionCoreGzipBytes = await weighDecisionCore();
  const kernels = { exact: kernelBytes('exact'), fast: kernelBytes('fast') };
  return {
    figures: {
      pageEntryGzipBytes: page.entryGzipBytes,
      pageEntryRawBytes: page.entryRawBytes,
      autocompleteGzipBytes: autocomplete.entryGzipBytes,
      workerGzipBytes: page.workerGzipBytes,
      decisionCoreGzipBytes,
      kernelExactBytes: kernels.exact,
      kernelFastBytes: kernels.fast,
      commandLineBytes: folderBytes(path.join(dist, 'cli')),
    },
    bars: [
      atMost('page entry, gzip bytes', page.entryGzipBytes, PAGE_ENTRY_GZIP_BAR),
      atMost('decision core, gzip bytes', decisionCoreGzipBytes, DECISION_CORE_GZIP_BAR),
      atMost('kernel exact, bytes', kernels.exact, KERNEL_BAR),
      atMost('kernel fast, bytes', kernels.fast, KERNEL_BAR),
    ],
    context: { bundler: `vite ${viteVersion}`, minified: true, compression: 'gzip, level 9' },
  };
}

async function weigh({ file, name }) {
  const output = await buildPage(
    `export { ${name} } from ${JSON.stringify(path.join(dist, file))};`,
  );
  const entry = staticParts(output);
  const workers = output.filter((part) => part.type === 'asset' && part.fileName.endsWith('.js'));
  return {
    entryGzipBytes: sumOf(entry.map((part) => gzipBytes(part.code))),
    entryRawBytes: sumOf(entry.map((part) => Buffer.byteLength(part.code))),
    workerGzipBytes: sumOf(workers.map((part) => gzipBytes(part.source))),
  };
}

/**
 * Everything of `cascade` and `students` that a build of the page and its worker keeps, built again
 * on its own. Errors belong to the page and are left out.
 */
async function weighDecisionCore() {
  const kept = new Map();
  const collect = {
    name: 'collect',
    generateBundle(_, bundle) {
      for (const part of Object.values(bundle)) collectCore(part, kept);
    },
  };
  const { file, name } = ENTRIES.page;
  const code = `export { ${name} } from ${JSON.stringify(path.join(dist, file))};`;
  await buildPage(code, { plugins: [collect] });
  const exports = [...kept].flatMap(([module, names]) =>
    [...names].map((each) => ({ module, each })),
  );
  const core = exports.map(
    ({ module, each }, index) =>
      `export { ${each} as e${index.toString(36)} } from ${JSON.stringify(module)};`,
  );
  const output = await buildPage(core.join('\n'), { external: (id) => /\berrors\.js$/.test(id) });
  return sumOf(output.filter((part) => part.type === 'chunk').map((part) => gzipBytes(part.code)));
}

function collectCore(part, kept) {
  for (const [module, { renderedExports }] of Object.entries(part.modules ?? {})) {
    if (!/[\\/]dist[\\/](cascade|students)[\\/]/.test(module)) continue;
    kept.set(module, new Set([...(kept.get(module) ?? []), ...renderedExports]));
  }
}

async function buildPage(code, { plugins = [], external = [] } = {}) {
  const id = 'virtual:page';
  const page = {
    name: 'page',
    resolveId: (source) => (source === id ? `\0${id}` : null),
    load: (resolved) => (resolved === `\0${id}` ? code : null),
  };
  const { output } = await build({
    configFile: false,
    root,
    logLevel: 'error',
    plugins: [page, ...plugins],
    worker: { format: 'es', plugins: () => plugins },
    build: {
      write: false,
      modulePreload: false,
      rollupOptions: { input: id, preserveEntrySignatures: 'strict', external },
    },
  });
  return output;
}

/** The entry and every chunk it imports statically. */
function staticParts(output) {
  const byName = new Map(output.map((part) => [part.fileName, part]));
  const parts = new Set();
  const visit = (part) => {
    if (part === undefined || parts.has(part)) return;
    parts.add(part);
    for (const name of part.imports) visit(byName.get(name));
  };
  visit(output.find((part) => part.isEntry === true));
  return [...parts];
}

function gzipBytes(content) {
  return gzipSync(content, { level: 9 }).length;
}

function kernelBytes(name) {
  return statSync(path.join(dist, `engines/wasm/kernel-${name}.wasm`)).size;
}

function folderBytes(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  const scripts = files.filter((file) => file.isFile() && file.name.endsWith('.js'));
  return sumOf(scripts.map((file) => statSync(path.join(file.parentPath, file.name)).size));
}

function sumOf(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0);
}
