// `npm run check`: builds, types, lint, format, dead code, package form and sizes. One line per step;
// output only of those that fail.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runNode, runNpm, runTool } from './helpers/command.mjs';

/** Steps that others need, in this order. */
const BUILDS = [
  { name: 'build: kernels', run: () => runNode('scripts/build-kernel.mjs') },
  { name: 'build: package', run: () => runNode('scripts/build-package.mjs') },
];

/** Steps that may run beside each other. The slow ones come first. */
function checksOf(folder) {
  return [
    {
      name: 'lint',
      run: () =>
        runTool('oxlint', [
          '--type-aware',
          '--deny-warnings',
          '--report-unused-disable-directives',
        ]),
    },
    { name: 'types: page, tests, tools', run: () => typeCheck('tsconfig.json') },
    { name: 'types: worker', run: () => typeCheck('tsconfig.worker.json') },
    { name: 'dead code', run: () => runTool('knip', ['--treat-config-hints-as-errors']) },
    { name: 'format', run: () => runTool('oxfmt', ['--check']) },
    { name: 'package: publint, types for consumers', run: () => checkPackage(folder) },
    { name: 'sizes', run: () => runNode('bench/run.mjs', ['size']) },
  ];
}

function typeCheck(config) {
  return runTool('typescript', ['--noEmit', '-p', config], { name: 'tsc' });
}

/** Packs the package as npm would publish it, and lets two checkers read the packed file. */
async function checkPackage(folder) {
  const packed = await runNpm(['pack', '--ignore-scripts', '--pack-destination', folder]);
  if (packed.code !== 0) return packed;
  const file = path.join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.tgz')),
  );
  const form = await runTool('publint', ['run', file, '--strict']);
  const types = await runTool('@arethetypeswrong/cli', [file, '--profile', 'esm-only'], {
    name: 'attw',
  });
  return {
    code: form.code === 0 ? types.code : form.code,
    output: form.output + types.output,
    seconds: packed.seconds + form.seconds + types.seconds,
  };
}

function report(name, result) {
  const state = result.code === 0 ? 'ok  ' : 'FAIL';
  console.log(`${state}  ${name.padEnd(40)} ${result.seconds.toFixed(1).padStart(6)} s`);
  if (result.code !== 0) console.log(result.output.trimEnd());
  return { name, isOk: result.code === 0 };
}

async function runStep(step) {
  return report(step.name, await step.run());
}

/** Takes steps from one list until it is empty; two of these run at once. */
async function takeSteps(steps, results) {
  for (let step = steps.shift(); step !== undefined; step = steps.shift()) {
    results.push(await runStep(step));
  }
}

/** Runs all steps. Gives `{ name, isOk }` for each; a step whose build failed counts as failed. */
export async function runChecks() {
  const folder = mkdtempSync(path.join(tmpdir(), 'edgewise-check-'));
  const checks = checksOf(folder);
  const results = [];
  try {
    for (const step of BUILDS) {
      const result = await runStep(step);
      results.push(result);
    }
    const queue = [...checks];
    await Promise.all([takeSteps(queue, results), takeSteps(queue, results)]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return results;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const results = await runChecks();
  const failed = results.filter((result) => !result.isOk);
  console.log(`${results.length - failed.length} steps passed, ${failed.length} failed`);
  if (failed.length > 0) process.exitCode = 1;
}
