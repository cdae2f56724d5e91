// `npm run bench -- NAME [--json] [--data DIR] [--alone]`. Without --json a table for people; with it exactly one
// line on stdout. Exit code 1 when a bar fails, 2 when the benchmark could not run.
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
  size: { about: 'bytes a page loads: entry, worker, kernels', load: () => import('./size.mjs') },
};

const USAGE = `Usage: npm run bench -- NAME [--json] [--data DIR] [--alone]

${Object.entries(BENCHMARKS)
  .map(([name, { about }]) => `  ${name.padEnd(9)} ${about}`)
  .join('\n')}

  --json   one line of JSON on stdout: { name, ok, figures, bars, context }
  --data   folder with model files, instead of the cache of \`edgewise pull\`
  --alone  our engine without its peers`;

function readArguments() {
  const { values, positionals } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      data: { type: 'string' },
      alone: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const [name, ...rest] = positionals;
  if (rest.length > 0 || !Object.hasOwn(BENCHMARKS, name ?? '')) throw new Error(USAGE);
  const { json: isJson, data: dataFolder, alone: isAlone } = values;
  return { name, isJson, dataFolder, isAlone };
}

async function main() {
  const { name, isJson, dataFolder, isAlone } = readArguments();
  const { measure } = await BENCHMARKS[name].load();
  const { figures, bars, context } = await measure({ dataFolder, isAlone });
  const report = { name, ok: bars.every((bar) => bar.ok), figures, bars, context };
  (isJson ? printJson : printTable)(report);
  if (!report.ok) process.exitCode = 1;
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 2;
});
