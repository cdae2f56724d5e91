// `npm run bench -- NAME [--json] [--data DIR] [--alone] [--rounds N]`. Without --json a table for people; with
// it exactly one line on stdout. Exit code 1 when a bar fails, 2 when the benchmark could not run.
import { parseArgs } from 'node:util';
import { printJson, printTable } from './report.mjs';

/** Loaded on demand: `size` must not need what `decode` needs. */
const BENCHMARKS = {
  decode: {
    about: 'time per token, beside wllama, onnxruntime-web and a plain read loop',
    load: () => import('./decode.mjs'),
  },
  prefill: {
    about: 'time of a prompt, beside the same and the peak of its arithmetic',
    load: () => import('./prefill.mjs'),
  },
  keystroke: {
    about: 'from a key to the first word and to the whole suggestion, beside the same',
    load: () => import('./keystroke.mjs'),
  },
  fidelity: {
    about: 'agreement with an independent float32 computation, and perplexity of a text',
    load: () => import('./fidelity.mjs'),
  },
  memory: {
    about: 'linear memory, time to a ready engine, and whether anything grows',
    load: () => import('./memory.mjs'),
  },
  page: {
    about: 'the page visitors measure their own machine with, in this machine’s browser',
    load: () => import('./page.mjs'),
  },
  size: { about: 'bytes a page loads: entry, worker, kernels', load: () => import('./size.mjs') },
};

const USAGE = `Usage: npm run bench -- NAME [--json] [--data DIR] [--alone] [--rounds N] [--save]

${Object.entries(BENCHMARKS)
  .map(([name, { about }]) => `  ${name.padEnd(9)} ${about}`)
  .join('\n')}

  --json   one line of JSON on stdout: { name, ok, figures, bars, context }
  --data   folder with model files, instead of the cache of \`edgewise pull\`
  --alone  our engine without its peers
  --rounds how often each engine takes its turn in decode and prefill (default 5; 1 for a quick look)
  --save   page only: its figures become those shown beside the visitor's`;

function readArguments() {
  const { values, positionals } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      data: { type: 'string' },
      alone: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      save: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const [name, ...rest] = positionals;
  if (rest.length > 0 || !Object.hasOwn(BENCHMARKS, name ?? '')) throw new Error(USAGE);
  const { json: isJson, data: dataFolder, alone: isAlone, save: isSaved } = values;
  return { name, isJson, dataFolder, isAlone, isSaved, ...readRounds(values.rounds) };
}

/** Absent where nothing is asked for: each benchmark knows its own. */
function readRounds(text) {
  if (text === undefined) return {};
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds > 0) return { rounds };
  throw new TypeError('--rounds needs a whole number above 0, for example --rounds 1.');
}

async function main() {
  const { name, isJson, ...options } = readArguments();
  const { measure } = await BENCHMARKS[name].load();
  const { figures, bars, context } = await measure(options);
  const report = { name, ok: bars.every((bar) => bar.ok), figures, bars, context };
  (isJson ? printJson : printTable)(report);
  if (!report.ok) process.exitCode = 1;
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 2;
});
