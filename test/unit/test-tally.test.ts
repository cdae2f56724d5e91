import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const vitestModule = path.join(root, 'node_modules/vitest/dist/index.js');
let folder = '';

/** Tests of a project that does not exist: each file is one way a run can go. */
const files: Readonly<Record<string, string>> = {
  'passes.test.mjs': `test('holds', () => { expect(1).toBe(1); });`,
  'fails.test.mjs': `test('does not hold', () => { expect(1).toBe(2); });`,
  'broken.test.mjs': `throw new Error('cannot be loaded');`,
  'late.test.mjs': `test('holds', () => { Promise.reject(new Error('late')); expect(1).toBe(1); });`,
  'skips.test.mjs': `test.skip('is left out', () => {}); test('holds', () => {});`,
};

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'edgewise-tally-'));
  for (const [name, body] of Object.entries(files)) {
    const header = `import { expect, test } from ${JSON.stringify(vitestModule)};\n`;
    writeFileSync(path.join(folder, name), header + body);
  }
  writeFileSync(
    path.join(folder, 'run.mjs'),
    `import { createTally, runVitest } from ${JSON.stringify(path.join(root, 'scripts/helpers/test-tally.mjs'))};
     const tally = createTally();
     const [filter, timeout] = process.argv.slice(2);
     const vitestArguments = ['--root', import.meta.dirname, '--config', import.meta.dirname + '/vitest.config.mjs', filter];
     await runVitest(tally, { name: 'group', vitestArguments, timeoutMs: Number(timeout) });
     tally.close();`,
  );
  writeFileSync(
    path.join(folder, 'vitest.config.mjs'),
    `export default { test: { include: ['*.test.mjs'] } };`,
  );
});

afterAll(() => rmSync(folder, { recursive: true }));

function closing(filter: string, timeoutMs = 60_000): { line: string; status: number | null } {
  const file = path.join(folder, 'run.mjs');
  const run = spawnSync(process.execPath, [file, filter, String(timeoutMs)], { encoding: 'utf8' });
  return { line: run.stdout.trimEnd().split('\n').at(-1) ?? '', status: run.status };
}

test.each([
  { filter: 'passes', line: '1 passed, 0 failed', status: 0, what: 'counts what passed' },
  { filter: 'fails', line: '0 passed, 1 failed', status: 1, what: 'fails on a failed test' },
  { filter: 'broken', line: '0 passed, 1 failed', status: 1, what: 'fails on a broken file' },
  { filter: 'late', line: '1 passed, 1 failed', status: 1, what: 'fails on a stray rejection' },
  { filter: 'nothing', line: '0 passed, 1 failed', status: 1, what: 'fails when no test ran' },
  { filter: 'skips', line: '1 passed, 0 failed, 1 skipped', status: 0, what: 'names skips' },
])('$what', ({ filter, line, status }) => {
  expect(closing(filter)).toEqual({ line, status });
});

test('fails when the runner is stopped before its report', () => {
  expect(closing('passes', 1)).toEqual({ line: '0 passed, 1 failed', status: 1 });
});
