// `npm run demo`: gets the model once, builds the page if it is stale, then serves page, models and
// relay on one port of this machine. Ctrl+C ends all of it.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const playground = path.join(root, 'demo/playground');
const benchPage = path.join(root, 'demo/bench');
const auditPage = path.join(root, 'demo/audit');
const distEntry = path.join(root, 'dist/index.js');
const HOST = '127.0.0.1';
const DEFAULT_PORT = 5173;
/** Ports tried above the default one when it is taken. */
const PORT_TRIES = 20;
const PARENT_CHECK_MS = 250;
/** One Ctrl+C can arrive twice: from the terminal, and passed on by npm. */
const SAME_INTERRUPT_MS = 300;
/** What the page asks for by itself; other models are asked for with `?model=ID`. */
const DEFAULT_MODEL = 'smollm2-135m-instruct-q4_1';

const HELP = `npm run demo [-- OPTIONS]
  --port N             port to serve on (default ${DEFAULT_PORT}, or the next free one)
  --relay-config FILE  upstreams of the relay (default: EDGEWISE_SLM_… and EDGEWISE_FRONTIER_…)
  --local-upstream     answer /edge with the same small model on this machine, for trying the path
  --no-pull            do not get the model when it is missing
  --models DIR         folder with catalogue.json and the models (default public/models)`;

/** Whatever has to end before the process does, last one first. */
const cleanups = [];
let isEnding = false;
let interruptedAtMs = null;
/** Commands that run now. */
const children = new Set();

async function end(code) {
  if (isEnding) return;
  isEnding = true;
  for (const cleanUp of cleanups.toReversed()) {
    try {
      await cleanUp();
    } catch (error) {
      console.error(error.message);
    }
  }
  process.exit(code);
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      'relay-config': { type: 'string' },
      'local-upstream': { type: 'boolean', default: false },
      'no-pull': { type: 'boolean', default: false },
      models: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const port = values.port === undefined ? null : Number(values.port);
  if (port !== null && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new TypeError(`--port needs a number from 0 to 65535, for example --port 8080.`);
  }
  return {
    port,
    relayConfigFile: values['relay-config'],
    isLocalUpstream: values['local-upstream'],
    mayPull: !values['no-pull'],
    modelsFolder: path.resolve(values.models ?? path.join(root, 'public/models')),
    isHelp: values.help,
  };
}

/** The first Ctrl+C lets everything end in order, the second one waits for nothing. */
function onInterrupt() {
  const nowMs = performance.now();
  if (interruptedAtMs === null) {
    interruptedAtMs = nowMs;
    void end(0);
  } else if (nowMs - interruptedAtMs > SAME_INTERRUPT_MS) {
    for (const child of children) killGroup(child, 'SIGKILL');
    process.exit(130);
  }
}

/** Runs a command in a process group of its own, so that what it started ends with it. */
function runCommand(file, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file, ...args], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: process.platform !== 'win32',
    });
    const stop = () => new Promise((stopped) => stopGroup(child, stopped));
    cleanups.push(stop);
    children.add(child);
    child.once('error', reject);
    child.once('exit', (code) => {
      children.delete(child);
      cleanups.splice(cleanups.indexOf(stop), 1);
      const name = [path.relative(root, file), ...args].join(' ');
      if (code === 0) resolve();
      else if (!isEnding) reject(new Error(`${name} failed (see above).`));
    });
  });
}

function stopGroup(child, onStopped) {
  if (child.exitCode !== null || child.signalCode !== null) {
    onStopped();
    return;
  }
  child.once('exit', onStopped);
  killGroup(child, 'SIGTERM');
}

function killGroup(child, signal) {
  if (process.platform === 'win32') child.kill(signal);
  else process.kill(-child.pid, signal);
}

function newestChangeMs(folder, isCounted) {
  if (!existsSync(folder)) return 0;
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  return Math.max(0, ...files.filter(isCounted).map((file) => statSync(file).mtimeMs));
}

async function buildPackage() {
  const isSource = (file) => /\.(ts|json)$/.test(file);
  const newest = newestChangeMs(path.join(root, 'src'), isSource);
  if (existsSync(distEntry) && statSync(distEntry).mtimeMs >= newest) return;
  console.log('Building the package');
  await runCommand(path.join(root, 'scripts/build-kernel.mjs'), []);
  await runCommand(path.join(root, 'scripts/build-package.mjs'), []);
}

/** Builds the page in `folder` unless it is newer than everything it is made of. */
async function buildPage(folder, sources) {
  const built = path.join(folder, 'dist/index.html');
  const isSource = (file) => !path.relative(root, file).split(path.sep).includes('dist');
  const newest = Math.max(
    ...sources.map((source) => newestChangeMs(source, isSource)),
    newestChangeMs(path.join(root, 'dist'), () => true),
  );
  if (existsSync(built) && statSync(built).mtimeMs >= newest) return;
  console.log(`Building ${path.relative(root, folder)}`);
  await runCommand(path.join(root, 'node_modules/vite/bin/vite.js'), [
    'build',
    folder,
    '--config',
    path.join(folder, 'vite.config.ts'),
    '--logLevel',
    'warn',
  ]);
}

async function buildPages() {
  await buildPage(playground, [playground]);
  await runCommand(path.join(root, 'bench/build-roofs.mjs'), []);
  const shared = ['peers', 'kernels'].map((name) => path.join(root, 'bench', name));
  await buildPage(benchPage, [benchPage, playground, ...shared]);
  await buildPage(auditPage, [auditPage, playground]);
}

function readModels(modelsFolder) {
  const catalogue = path.join(modelsFolder, 'catalogue.json');
  if (!existsSync(catalogue)) return [];
  const isWhole = ({ id, file, sizeBytes }) => {
    const weights = path.join(modelsFolder, id, file);
    return existsSync(weights) && statSync(weights).size === sizeBytes;
  };
  return JSON.parse(readFileSync(catalogue, 'utf8')).filter(isWhole);
}

async function getModel({ mayPull, modelsFolder }) {
  if (readModels(modelsFolder).some(({ id }) => id === DEFAULT_MODEL)) return;
  if (!mayPull) {
    console.log(
      `${DEFAULT_MODEL} is not in ${modelsFolder}; the page will say so. \`npx --no-install edgewise pull\` gets it.`,
    );
    return;
  }
  await runCommand(path.join(root, 'dist/cli/edgewise.js'), ['pull', '--out', modelsFolder]);
}

async function readRelayConfig({ relayConfigFile, isLocalUpstream, modelsFolder }) {
  const { loadRelayConfig } = await import('../dist/relay/index.js');
  const file = relayConfigFile === undefined ? {} : { file: path.resolve(relayConfigFile) };
  const read = await loadRelayConfig(file);
  // A page on another host name that points here (DNS rebinding) must not spend the owner's money.
  const config = { ...read, allowedHosts: read.allowedHosts ?? [HOST, 'localhost'] };
  if (!isLocalUpstream) return config;
  const local = {
    id: 'local',
    kind: 'local',
    alias: ['slm', 'frontier'],
    modelsDir: modelsFolder,
  };
  return { ...config, upstreams: [local] };
}

/** Listens on the wanted port; the default one gives way to the next free one. */
async function listen(app, wantedPort) {
  const { serve } = await import('@hono/node-server');
  const first = wantedPort ?? DEFAULT_PORT;
  const last = wantedPort === null ? first + PORT_TRIES : first;
  for (let port = first; ; port += 1) {
    try {
      return await new Promise((resolve, reject) => {
        const server = serve({ fetch: app.fetch, port, hostname: HOST }, () => resolve(server));
        server.once('error', reject);
      });
    } catch (error) {
      if (error.code !== 'EADDRINUSE') throw error;
      if (port === last) {
        throw new Error(`Port ${first} is in use. Free it, or choose another: --port 8080.`, {
          cause: error,
        });
      }
    }
  }
}

function stopServer(server) {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function describeModels(modelsFolder) {
  const models = readModels(modelsFolder);
  if (models.length === 0) return 'none; `npx --no-install edgewise pull` gets one';
  const describe = ({ name, sizeBytes }) => `${name}, ${(sizeBytes / 1e6).toFixed(1)} MB`;
  return models.map(describe).join('; ');
}

function describeUpstreams(upstreams) {
  if (upstreams.length === 0) {
    return 'none; questions show what would be sent (--relay-config FILE, or --local-upstream)';
  }
  const describe = (upstream) =>
    upstream.kind === 'local'
      ? 'the same small model on this machine (a local upstream, to try the path)'
      : `${upstream.model} at ${new URL(upstream.baseUrl).host}`;
  return upstreams.map(describe).join('; ');
}

/** npm, when it is ended, ends the shell between us and tells us nothing: then we are orphaned. */
function endWithNpm() {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid !== parent) void end(0);
  }, PARENT_CHECK_MS);
  watch.unref();
}

async function main() {
  const options = readOptions();
  if (options.isHelp) {
    console.log(HELP);
    return;
  }
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', () => void end(0));
  process.on('SIGHUP', () => void end(0));
  endWithNpm();
  await buildPackage();
  await getModel(options);
  await buildPages();

  const config = await readRelayConfig(options);
  const { createRelay } = await import('../dist/relay/index.js');
  const relay = createRelay(config);
  cleanups.push(() => relay.close());
  const { createPlaygroundApp } = await import('./demo-server.mjs');
  const app = createPlaygroundApp({
    pageFolder: path.join(playground, 'dist'),
    benchFolder: path.join(benchPage, 'dist'),
    auditFolder: path.join(auditPage, 'dist'),
    modelsFolder: options.modelsFolder,
    studentsFolder: path.join(root, 'models/students'),
    relay,
    relayPath: config.basePath ?? '/edge',
  });
  const server = await listen(app, options.port);
  cleanups.push(() => stopServer(server));
  console.log(`
  Edgewise playground  http://${HOST}:${server.address().port}/
  On your machine      http://${HOST}:${server.address().port}/bench/
  Audit a log          http://${HOST}:${server.address().port}/audit/

  model   ${describeModels(options.modelsFolder)}
  server  ${describeUpstreams(config.upstreams)}

  Ctrl+C ends it.
`);
}

main().catch(async (error) => {
  console.error(error.message);
  await end(1);
});
