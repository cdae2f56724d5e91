// Counts what ran, so that `npm test` can end with one honest line. A runner that crashed, ran nothing
// or left no report is a failure, never silence.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root, runTool } from './command.mjs';

export function createTally() {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  return {
    pass: (count = 1) => void (counts.passed += count),
    fail(name) {
      counts.failed += 1;
      failures.push(name);
    },
    skip(name, reason) {
      counts.skipped += 1;
      console.log(`skipped: ${name} (${reason})`);
    },
    /** Prints what failed and the closing line, and sets the exit code. */
    close() {
      if (failures.length > 0)
        console.log(`\nFailed:\n${failures.map((name) => `  ${name}`).join('\n')}`);
      if (counts.passed + counts.failed === 0) counts.failed = 1;
      const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
      console.log(`\n${counts.passed} passed, ${counts.failed} failed${skipped}`);
      if (counts.failed > 0) process.exitCode = 1;
    },
  };
}

/** Runs Vitest with these arguments, shows its output, and adds its results to the tally. */
export async function runVitest(tally, { name, vitestArguments, timeoutMs, env = process.env }) {
  console.log(`\n== ${name}`);
  const folder = mkdtempSync(path.join(tmpdir(), 'edgewise-test-'));
  const reportFile = path.join(folder, 'report.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
    const result = await runTool('vitest', ['run', ...vitestArguments, ...reporters], {
      echo: true,
      timeoutMs,
      env,
    });
    addReport(tally, { name, report: readReport(reportFile), code: result.code });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // No report, or half of one: the runner crashed or was stopped; the caller counts that.
    return null;
  }
}

function addReport(tally, { name, report, code }) {
  if (report === null) {
    tally.fail(`${name}: the test runner ended without a report`);
    return;
  }
  let failed = 0;
  for (const file of report.testResults) failed += addFile(tally, name, file);
  if (failed > 0) return;
  if (report.numTotalTests === 0) tally.fail(`${name}: no test ran`);
  else if (code !== 0) tally.fail(`${name}: the test runner failed outside its tests`);
}

/** Gives the number of failures it added. A file that could not be loaded counts as one. */
function addFile(tally, name, file) {
  const where = path.relative(root, file.name);
  let failed = 0;
  for (const { status, fullName } of file.assertionResults) {
    if (status === 'passed') tally.pass();
    else if (status === 'failed') {
      failed += 1;
      tally.fail(`${name}: ${where}: ${fullName}`);
    } else tally.skip(`${where}: ${fullName}`, skipReason(status));
  }
  if (file.status === 'failed' && failed === 0) {
    failed += 1;
    tally.fail(`${name}: ${where}: ${file.message.split('\n')[0] || 'could not be run'}`);
  }
  return failed;
}

function skipReason(status) {
  if (status === 'todo') return 'todo';
  const isOffline = process.env['EDGEWISE_OFFLINE'] === '1';
  return isOffline ? 'needs the model; EDGEWISE_OFFLINE=1' : 'skipped by the test itself';
}
