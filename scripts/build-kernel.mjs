// Compiles the AssemblyScript kernel into its two builds from one source: `exact` (portable SIMD,
// int16 activations) and `fast` (relaxed SIMD, int8 activations). Does nothing when they are newer
// than every source. `--force` builds anyway.
import { readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, runTool } from './helpers/command.mjs';

const engineFolder = path.join(root, 'src/engines/wasm');
const sourceFolder = path.join(engineFolder, 'kernel');

const KERNELS = [
  { name: 'exact', features: ['simd'] },
  { name: 'fast', features: ['simd', 'relaxed-simd'] },
];

/** Memory is imported, in pages of 64 KiB: 1 MiB at first, 2 GiB at most. */
const COMMON_FLAGS = [
  '-O3',
  '--runtime',
  'stub',
  '--noAssert',
  '--importMemory',
  '--initialMemory',
  '16',
  '--maximumMemory',
  '32768',
];

/** Compiles one file; the result appears under its name only when it is complete. */
export async function compileKernel({ entry, outFile, features }) {
  const temporary = `${outFile}.${process.pid}.tmp.wasm`;
  const featureFlags = features.flatMap((feature) => ['--enable', feature]);
  const result = await runTool(
    'assemblyscript',
    [
      path.relative(root, entry),
      ...COMMON_FLAGS,
      ...featureFlags,
      '--outFile',
      path.relative(root, temporary),
    ],
    { name: 'asc' },
  );
  if (result.code !== 0) {
    rmSync(temporary, { force: true });
    throw new Error(`asc could not compile ${path.relative(root, entry)}:\n${result.output}`);
  }
  renameSync(temporary, outFile);
  return statSync(outFile).size;
}

/** Whether `outFile` exists and no source is younger. */
export function isUpToDate(outFile, sources) {
  const builtAtMs = statSync(outFile, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return builtAtMs > 0 && sources.every((source) => statSync(source).mtimeMs <= builtAtMs);
}

function kernelSources() {
  const names = readdirSync(sourceFolder).filter((name) => name.endsWith('.ts'));
  return [fileURLToPath(import.meta.url), ...names.map((name) => path.join(sourceFolder, name))];
}

async function buildKernel({ name, features }, sources, isForced) {
  const outFile = path.join(engineFolder, `kernel-${name}.wasm`);
  if (!isForced && isUpToDate(outFile, sources)) {
    return `kernel-${name}.wasm  ${statSync(outFile).size} bytes  (up to date)`;
  }
  const entry = path.join(sourceFolder, 'index.ts');
  const sizeBytes = await compileKernel({ entry, outFile, features });
  return `kernel-${name}.wasm  ${sizeBytes} bytes`;
}

async function main() {
  const isForced = process.argv.includes('--force');
  const sources = kernelSources();
  const lines = await Promise.all(KERNELS.map((kernel) => buildKernel(kernel, sources, isForced)));
  for (const line of lines) console.log(line);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
