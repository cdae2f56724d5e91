// Builds `dist`: tsc emits the modules and their types, then the files tsc does not know are copied:
// wasm kernels and JSON data. What no source makes any more is removed.
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { root, runTool } from './helpers/command.mjs';

const source = path.join(root, 'src');
const dist = path.join(root, 'dist');
const command = path.join(dist, 'cli/edgewise.js');

function listFiles(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
}

/** AssemblyScript sources are compiled into wasm and never shipped. */
function isKernelSource(file) {
  return file.split(path.sep).join('/').startsWith('engines/wasm/kernel/');
}

function assetFiles(sourceFiles) {
  const isAsset = (file) => /\.(wasm|json)$/.test(file) && !file.endsWith('.tmp.wasm');
  return sourceFiles.filter((file) => isAsset(file) && !isKernelSource(file));
}

function copyAssets(files) {
  for (const file of files) {
    const target = path.join(dist, file);
    mkdirSync(path.dirname(target), { recursive: true });
    cpSync(path.join(source, file), target);
  }
}

/** Everything in dist that today's sources do not make. */
function staleFiles(sourceFiles) {
  const modules = sourceFiles.filter((file) => file.endsWith('.ts') && !isKernelSource(file));
  const made = new Set(assetFiles(sourceFiles));
  for (const file of modules) {
    const stem = file.replace(/\.ts$/, '');
    for (const ending of ['.js', '.d.ts']) made.add(stem + ending);
  }
  const isStandalone = (file) => file.split(path.sep)[0] === 'standalone';
  return listFiles(dist).filter((file) => !made.has(file) && !isStandalone(file));
}

async function main() {
  const sourceFiles = listFiles(source);
  const result = await runTool('typescript', ['-p', 'tsconfig.build.json'], { name: 'tsc' });
  if (result.code !== 0) throw new Error(`tsc failed:\n${result.output}`);
  copyAssets(assetFiles(sourceFiles));
  for (const file of staleFiles(sourceFiles)) rmSync(path.join(dist, file));
  if (existsSync(command)) chmodSync(command, 0o755);
  const files = listFiles(dist);
  const kilobytes =
    files.reduce((sum, file) => sum + statSync(path.join(dist, file)).size, 0) / 1000;
  console.log(
    `dist  ${files.length} files, ${Math.round(kilobytes)} kB, ${result.seconds.toFixed(1)} s`,
  );
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
