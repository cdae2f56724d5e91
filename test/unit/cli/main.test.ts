import { open } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { ensureDiskSpace, toDiskError } from '../../../src/cli/disk-error.ts';
import { main } from '../../../src/cli/main.ts';
import { modelCacheFolder } from '../../../src/cli/model-cache.ts';
import { readModelCatalogue } from '../../../src/cli/model-catalogue.ts';
import { createTerminalReport, describeProgress } from '../../../src/cli/terminal-report.ts';

let out: string;
let err: string;
beforeEach(() => {
  out = '';
  err = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true));
});
afterEach(() => {
  vi.restoreAllMocks();
});

it('prints help and exits 0 when asked for it', async () => {
  expect(await main(['--help'])).toBe(0);
  expect(out).toMatch(/Usage: edgewise COMMAND[\s\S]*pull/);
  expect(await main(['pull', '--help'])).toBe(0);
  expect(out).toMatch(/--from FILE\|URL/);
});

it.each([[[]], [['bogus']], [['constructor']]])('prints help and exits 2 for %j', async (argv) => {
  expect(await main(argv)).toBe(2);
  expect(err).toMatch(/Usage: edgewise COMMAND/);
  expect(out).toBe('');
});

it('prints the version', async () => {
  expect(await main(['--version'])).toBe(0);
  expect(out).toBe(`${packageJson.version}\n`);
});

it.each([
  [['pull', '--nope'], /--nope/],
  [['pull', 'one', 'two'], /one model at a time/],
  [['pull', '--id', 'mine'], /--id names a file of --from/],
  [['pull', '--from', 'x.gguf', '--id', '../up'], /--id takes lower-case letters/],
])('exits 2 and shows the way for %j', async (argv, message) => {
  expect(await main(argv)).toBe(2);
  expect(err).toMatch(message);
  expect(err).toMatch(/edgewise pull --help/);
});

it('exits 1 with one clear line for an unknown model', async () => {
  expect(await main(['pull', 'nope'])).toBe(1);
  expect(err).toMatch(/^edgewise pull: There is no model "nope"\. Known: smollm2[^\n]*\n$/);
});

it('takes the cache folder from XDG_CACHE_HOME unless it is relative', () => {
  expect(modelCacheFolder({ XDG_CACHE_HOME: '/data/cache' })).toBe('/data/cache/edgewise/models');
  expect(modelCacheFolder({ XDG_CACHE_HOME: 'cache' })).toMatch(/\.cache\/edgewise\/models$/);
  expect(modelCacheFolder({})).toMatch(/\.cache\/edgewise\/models$/);
});

it('has a catalogue whose default model can be had from a hub, a package and a file', async () => {
  const { defaultId, models } = await readModelCatalogue();
  const model = models.find(({ entry }) => entry.id === defaultId);
  expect(model?.sources.map(({ type }) => type)).toEqual(['url', 'python-package', 'file']);
});

it.runIf(process.platform === 'linux')('calls a full disk by its name', async () => {
  const full = await open('/dev/full', 'w');
  const failure: unknown = await full.write('x').catch((error: unknown) => error);
  await full.close();
  expect(toDiskError(failure, '/dev/full')).toMatchObject({
    name: 'StorageError',
    code: 'quota-exceeded',
    cause: failure,
  });
});

it('refuses a download the disk cannot take before it begins', async () => {
  await expect(ensureDiskSpace('/', 2 ** 60)).rejects.toMatchObject({ code: 'quota-exceeded' });
  await expect(ensureDiskSpace('/', 1)).resolves.toBeUndefined();
});

it('describes progress in bytes, rate, time left and source', () => {
  const progress = {
    doneBytes: 12_600_000,
    totalBytes: 98_362_432,
    bytesPerSecond: 8_300_000,
    secondsLeft: 10.3,
    source: 'example.org',
  };
  expect(describeProgress(progress)).toBe(
    '  12.6 of 98.4 MB, 8.3 MB/s, 11 s left, from example.org',
  );
  expect(describeProgress({ ...progress, bytesPerSecond: null, secondsLeft: null })).toBe(
    '  12.6 of 98.4 MB, from example.org',
  );
});

it('rewrites one line on a terminal and prints a line every few seconds elsewhere', () => {
  const progress = {
    doneBytes: 1,
    totalBytes: 2,
    bytesPerSecond: null,
    secondsLeft: null,
    source: 'here',
  };
  const texts: string[] = [];
  const terminal = createTerminalReport({
    stream: { write: (text) => texts.push(text), isTTY: true },
  });
  terminal.progress(progress);
  terminal.progress(progress);
  terminal.line('done');
  expect(texts.map((text) => text[0])).toEqual(['\r', '\r', '\n', 'd']);

  let clockMs = 0;
  const plainTexts: string[] = [];
  const plain = createTerminalReport({
    stream: { write: (text) => plainTexts.push(text) },
    now: () => clockMs,
  });
  for (; clockMs < 12_000; clockMs += 100) plain.progress(progress);
  expect(plainTexts).toHaveLength(2);
  const silent = createTerminalReport({ isQuiet: true, stream: { write: (t) => texts.push(t) } });
  silent.line('x');
  silent.progress(progress);
  expect(texts).toHaveLength(4);
});
