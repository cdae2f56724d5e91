import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import catalogue from '../../../models/catalogue.json' with { type: 'json' };
import schema from '../../../models/schemas/catalogue.schema.json' with { type: 'json' };
import { EdgewiseError } from '../../../src/errors.ts';
import { fetchCatalogue, parseCatalogue } from '../../../src/weights/catalogue.ts';
import {
  fetchManifest,
  parseManifest,
  shardSize,
  shardStart,
} from '../../../src/weights/manifest.ts';
import { createFixtureModel } from '../../helpers/fault-server-model.ts';
import { type FaultServer, startFaultServer } from '../../helpers/fault-server.ts';

const { manifest } = await createFixtureModel();

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return EdgewiseError.is(error) ? error.code : String(error);
  }
  return 'none';
}

describe('parseManifest', () => {
  it('gives back a sound manifest', () => {
    expect(parseManifest(structuredClone(manifest))).toEqual(manifest);
  });

  it('drops fields that are not part of the contract', () => {
    expect(parseManifest({ ...manifest, extra: 1, __proto__: { evil: 1 } })).toEqual(manifest);
  });

  const [firstHash = '', ...otherHashes] = manifest.shards;
  it.each([
    ['no object', 'text'],
    ['null', null],
    ['a list', []],
    ['another version', { ...manifest, version: 2 }],
    ['no id', { ...manifest, id: undefined }],
    ['an id with a path', { ...manifest, id: '../x' }],
    ['a file with a folder', { ...manifest, file: 'a/b.gguf' }],
    ['a file with a backslash', { ...manifest, file: 'a\\b.gguf' }],
    ['a file that climbs', { ...manifest, file: '..' }],
    ['a file that is an address', { ...manifest, file: 'https:x.gguf' }],
    [
      'an acceptance that is no yes or no',
      { ...manifest, licence: { ...manifest.licence, requiresAcceptance: 'yes' } },
    ],
    [
      'a licence that runs script',
      { ...manifest, licence: { id: 'x', url: 'javascript:alert(1)' } },
    ],
    ['no bytes', { ...manifest, sizeBytes: 0 }],
    ['half a byte', { ...manifest, sizeBytes: 1.5 }],
    ['an absurd size', { ...manifest, sizeBytes: 2 ** 50 }],
    ['a size as text', { ...manifest, sizeBytes: '100' }],
    ['shards of no bytes', { ...manifest, shardBytes: 0 }],
    ['shards beyond the cap', { ...manifest, shardBytes: 2 ** 40, shards: [firstHash] }],
    ['a shard too few', { ...manifest, shards: otherHashes }],
    ['a shard too many', { ...manifest, shards: [...manifest.shards, firstHash] }],
    ['upper-case hex', { ...manifest, shards: [firstHash.toUpperCase(), ...otherHashes] }],
    ['a short hash', { ...manifest, sha256: 'abc' }],
    ['a hash that is a number', { ...manifest, shards: [1, ...otherHashes] }],
    ['more shards than can be counted', { ...manifest, sizeBytes: 2 ** 36, shardBytes: 1 }],
  ])('refuses %s', (_name, value) => {
    expect(codeOf(() => parseManifest(value))).toBe('bad-manifest');
  });

  it('answers any JSON with a manifest or a typed error', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(manifest)), (value, field) => {
        const code = codeOf(() => parseManifest({ ...manifest, [field]: value }));
        return ['none', 'bad-manifest'].includes(code);
      }),
    );
  });

  it('lays the shards end to end over the whole file', () => {
    const ends = manifest.shards.map((_, index) => [
      shardStart(manifest, index),
      shardStart(manifest, index) + shardSize(manifest, index),
    ]);
    expect(ends[0]?.[0]).toBe(0);
    expect(ends.at(-1)?.[1]).toBe(manifest.sizeBytes);
    expect(ends.slice(1).map(([start]) => start)).toEqual(ends.slice(0, -1).map(([, end]) => end));
  });
});

describe('parseCatalogue', () => {
  it('reads the published rows without their sources', () => {
    const [row] = parseCatalogue(catalogue.models);
    expect(row).toMatchObject({
      id: catalogue.default,
      sizeBytes: 98_362_432,
      contextLength: 8192,
    });
    expect(row).not.toHaveProperty('sources');
  });

  it('reads exactly the fields the schema asks for', () => {
    const [row] = parseCatalogue(catalogue.models);
    expect(Object.keys(row ?? {}).toSorted()).toEqual(schema.$defs.entry.required.toSorted());
    expect(Object.keys(schema.$defs.entry.properties).toSorted()).toEqual(
      schema.$defs.entry.required.toSorted(),
    );
  });

  it('refuses what is no list', () => {
    expect(codeOf(() => parseCatalogue({ models: [] }))).toBe('bad-manifest');
  });
});

describe('fetchManifest and fetchCatalogue', () => {
  let server: FaultServer;
  beforeEach(async () => {
    server = await startFaultServer({
      files: {
        'm/manifest.json': JSON.stringify(manifest),
        'catalogue.json': JSON.stringify(catalogue.models),
        'page.json': '<!doctype html><title>App</title>',
        'huge.json': `"${'x'.repeat(5 * 2 ** 20)}"`,
      },
    });
  });
  afterEach(() => server.close());

  it('fetch and check', async () => {
    expect(await fetchManifest(`${server.url}m/manifest.json`)).toEqual(manifest);
    expect(await fetchCatalogue(`${server.url}catalogue.json`)).toHaveLength(
      catalogue.models.length,
    );
  });

  it('say when the server answers with a page', async () => {
    const failure = fetchManifest(`${server.url}page.json`);
    await expect(failure).rejects.toMatchObject({ code: 'bad-manifest' });
    await expect(failure).rejects.toThrow(/web page/);
  });

  it('say when there is nothing, and that trying again does not help', async () => {
    await expect(fetchManifest(`${server.url}none.json`)).rejects.toMatchObject({
      code: 'http-status',
      details: { status: 404 },
      isRetryable: false,
    });
  });

  it('stop reading an answer that is too large', async () => {
    await expect(fetchManifest(`${server.url}huge.json`)).rejects.toMatchObject({
      code: 'too-large',
    });
  });

  it('throw the signal’s own reason', async () => {
    const reason = new Error('left the page');
    const fetching = fetchManifest(`${server.url}m/manifest.json`, {
      signal: AbortSignal.abort(reason),
    });
    await expect(fetching).rejects.toBe(reason);
  });
});
