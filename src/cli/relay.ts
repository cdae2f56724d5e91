import path from 'node:path';
import { parseArgs } from 'node:util';

import type { RelayConfig } from '../relay/config.ts';
import type { RelayLogEntry } from '../relay/request-log.ts';
import { importPeers } from '../relay/require-peer.ts';
import type { RunningRelay } from '../relay/serve.ts';
import { nodeErrorCode } from './disk-error.ts';
import { findMissingModel } from './missing-model.ts';
import { UsageError } from './usage-error.ts';

const HELP = `Usage: edgewise relay [options]

Serves the upper tiers to pages of the same origin, with the keys kept here.

  --config FILE     upstreams (default: EDGEWISE_SLM_… and EDGEWISE_FRONTIER_… variables)
  --port N          port to listen on (default 8787; 0 = any)
  --host ADDRESS    address to listen on (default 127.0.0.1: this machine only)
  --local           answer with the model of --models-dir where a tier has no upstream
  --models-dir DIR  folder that pull filled (default public/models)
  --quiet           no line per request
  --help            this text

It needs packages that pages do not: npm install hono @hono/node-server valibot
`;

const DEFAULT_PORT = '8787';

/** `edgewise relay`. Gives the exit code once it was stopped with Ctrl+C or SIGTERM. */
export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv);
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const stopped = untilStopped();
  try {
    const config = await readConfig(options);
    if (config === null) return 1;
    const relay = await start(config, options);
    if (relay === null) return 1;
    process.stdout.write(await describe(relay, config));
    await stopped.promise;
    await relay.close();
    return 0;
  } finally {
    stopped.forget();
  }
}

interface RelayArguments {
  readonly config: string | null;
  readonly port: number;
  readonly host: string;
  readonly local: boolean;
  readonly modelsDir: string;
  readonly quiet: boolean;
  readonly help: boolean;
}

function readArguments(argv: readonly string[]): RelayArguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      config: { type: 'string' },
      port: { type: 'string', default: DEFAULT_PORT },
      host: { type: 'string', default: '127.0.0.1' },
      local: { type: 'boolean', default: false },
      'models-dir': { type: 'string', default: path.join('public', 'models') },
      quiet: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const port = Number(values.port);
  if (values.port.trim() === '' || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new UsageError('--port needs a number from 0 to 65535, for example --port 8787.');
  }
  const modelsDir = path.resolve(values['models-dir']);
  return { ...values, config: values.config ?? null, port, modelsDir };
}

/** `null` when it is wrong; the reason has been printed. */
async function readConfig(options: RelayArguments): Promise<RelayConfig | null> {
  const { loadRelayConfig, withLocalUpstream } = await importPeers(
    () => import('../relay/config.ts'),
    'this command',
  );
  try {
    const file = options.config === null ? {} : { file: options.config };
    const config = await loadRelayConfig(file);
    return options.local ? withLocalUpstream(config, options.modelsDir) : config;
  } catch (error) {
    if (error instanceof TypeError) return fail(error.message);
    throw error;
  }
}

async function start(config: RelayConfig, options: RelayArguments): Promise<RunningRelay | null> {
  const { serveRelay } = await importPeers(() => import('../relay/serve.ts'), 'this command');
  const { port, host } = options;
  const log = options.quiet ? {} : { log: printEntry };
  try {
    return await serveRelay(config, { port, host, ...log });
  } catch (error) {
    const reason = LISTEN_FAILURES[nodeErrorCode(error)];
    if (reason === undefined) throw error;
    return fail(`Port ${port} of ${host} ${reason}`);
  }
}

const LISTEN_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use. Free it, or choose another: --port 8788.',
  EACCES: 'needs rights this user lacks. Choose a port above 1023: --port 8787.',
  EADDRNOTAVAIL: 'is not an address of this machine. Leave out --host, or name one that is.',
  ENOTFOUND: 'is not an address of this machine. Leave out --host, or name one that is.',
};

function fail(message: string): null {
  process.stderr.write(`edgewise relay: ${message}\n`);
  return null;
}

async function describe({ url }: RunningRelay, config: RelayConfig): Promise<string> {
  const lines = await Promise.all(config.upstreams.map(describeUpstream));
  const none =
    '  no upstream yet: name one in --config FILE, or set EDGEWISE_SLM_BASE_URL and EDGEWISE_SLM_MODEL';
  return [`Relay at ${url}`, ...(lines.length > 0 ? lines : [none]), 'Ctrl+C ends it.', ''].join(
    '\n',
  );
}

async function describeUpstream(upstream: RelayConfig['upstreams'][number]): Promise<string> {
  const alias = [upstream.alias ?? upstream.id].flat().join(', ');
  if (upstream.kind === 'local') {
    const missing = await findMissingModel(upstream);
    const warning = missing === null ? '' : ` (calls will fail: ${missing})`;
    return `  ${alias}: the model on this machine, to try the path${warning}`;
  }
  const { baseUrl, model, keyEnv } = upstream;
  const isKeyMissing = keyEnv !== undefined && !process.env[keyEnv];
  const warning = isKeyMissing ? ` (${keyEnv} is not set: calls will fail)` : '';
  return `  ${alias}: ${model} at ${new URL(baseUrl).host}${warning}`;
}

function printEntry(entry: RelayLogEntry): void {
  const { method, route, status, outcome, errorCode, faultPlace, upstream, durationMs } = entry;
  const parts = [method, route, status, upstream, errorCode, `${durationMs} ms`];
  if (outcome !== 'complete') parts.push(outcome);
  process.stdout.write(`${parts.filter((part) => part !== null).join('  ')}\n`);
  if (faultPlace !== null) process.stderr.write(`${faultPlace}\n`);
}

/** Listens from the start, so that a stop during start-up is not lost. */
function untilStopped(): { readonly promise: Promise<void>; forget(): void } {
  let stop: () => void = () => {};
  const promise = new Promise<void>((resolve) => {
    stop = resolve;
  });
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  return {
    promise,
    forget() {
      process.removeListener('SIGINT', stop);
      process.removeListener('SIGTERM', stop);
    },
  };
}
