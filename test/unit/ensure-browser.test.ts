import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ensureBrowser, findBrowser } from '../../scripts/ensure-browser.mjs';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'edgewise-browser-'));
  vi.stubEnv('EDGEWISE_CHROMIUM', '');
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** A program of this name in a folder of its own; gives its path. */
function program(name: string, script: string): string {
  const file = path.join(folder, name, 'chromium');
  mkdirSync(path.dirname(file));
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

function putOnPath(...files: readonly string[]): void {
  const folders = files.map((file) => path.dirname(file));
  vi.stubEnv('PATH', [...folders, '/usr/bin', '/bin'].join(path.delimiter));
}

describe.runIf(process.platform === 'linux')('the search for a browser', () => {
  test('takes the first program on the path that tells its version', () => {
    const stub = program('stub', 'echo "install it with snap" >&2; exit 1');
    const real = program('real', 'echo "Chromium 156.0.1.2"');
    putOnPath(stub, real);
    expect(findBrowser()).toBe(real);
  });

  test('prefers the one that EDGEWISE_CHROMIUM names', () => {
    putOnPath(program('real', 'echo "Chromium 156.0.1.2"'));
    const chosen = program('chosen', 'echo "Chromium 157.0.1.2"');
    vi.stubEnv('EDGEWISE_CHROMIUM', chosen);
    expect(findBrowser()).toBe(chosen);
    expect(ensureBrowser()).toBe(chosen);
  });

  test('says that EDGEWISE_CHROMIUM names nothing', () => {
    vi.stubEnv('EDGEWISE_CHROMIUM', path.join(folder, 'absent'));
    expect(() => ensureBrowser()).toThrow(/EDGEWISE_CHROMIUM names .*absent, which does not exist/);
  });
});
