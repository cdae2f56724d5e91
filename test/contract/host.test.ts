import { describe, expect, it, vi } from 'vitest';
import { StorageError } from '../../src/errors.ts';
import { createMemoryShardStore } from '../../src/storage/shard-store.ts';
import type { ShardStore } from '../../src/types.ts';
import { fetchManifest } from '../../src/weights/manifest.ts';
import { connect } from '../../src/worker/connect.ts';
import type { HostConnection, HostWarning } from '../../src/worker/connect.ts';
import { fetchFile } from '../../src/worker/file-fetch.ts';
import { createHost } from '../../src/worker/host.ts';
import type { HostOptions } from '../../src/worker/host.ts';
import { collect, describeHost, MODEL_ID, request, tokensOf } from './host.contract.ts';

const FIXTURES = new URL('../helpers/fixture-models/', import.meta.url);
const SERVED = 'http://models.test/';

/** Answers requests to `SERVED` out of the fixture folder. */
const fetchFixture: typeof fetch = (input, init) => {
  const url = input instanceof Request ? input.url : String(input);
  return fetchFile(new URL(url.slice(SERVED.length), FIXTURES), init);
};

function connectInProcess(overrides: Partial<HostOptions> = {}): HostConnection {
  return connect({
    baseUrl: SERVED,
    inProcess: true,
    createHost: (options) => createHost({ ...options, fetch: fetchFixture, ...overrides }),
  });
}

/** A store that outlives its host, as a browser's does. */
function createLastingStore(): ShardStore {
  return { ...createMemoryShardStore(), isPersistent: true, close: () => undefined };
}

const fetchNothing: typeof fetch = () => Promise.reject(new TypeError('Failed to fetch'));

describeHost('the host in Node', async () => connectInProcess());

describe('a host without storage', () => {
  it('works from memory and tells the page', async () => {
    const connection = connectInProcess();
    try {
      const warnings: string[] = [];
      connection.onWarning(({ code }) => warnings.push(code));
      await connection.models.download(MODEL_ID);
      expect(warnings).toEqual(['storage-unavailable']);
      const steps = await collect(connection, request('a', 'Hello', 4));
      expect(tokensOf(steps)).toHaveLength(4);
    } finally {
      connection.close();
    }
  });
});

describe('a host behind the log-in page of a network', () => {
  it('finds the stored model and what was on offer', async () => {
    const store = createLastingStore();
    const first = connectInProcess({ openStore: async () => store });
    await first.models.download(MODEL_ID);
    await first.models.catalogue();
    first.close();
    const logIn: typeof fetch = async () =>
      new Response('<!doctype html><title>Log in</title>', {
        headers: { 'content-type': 'text/html' },
      });
    const second = connectInProcess({ openStore: async () => store, fetch: logIn });
    try {
      expect(await second.models.availability(MODEL_ID)).toBe('ready');
      const ids = (await second.models.catalogue()).map((entry) => entry.id);
      expect(ids).toContain(MODEL_ID);
      const steps = await collect(second, request('a', 'Hello', 4));
      expect(tokensOf(steps)).toHaveLength(4);
    } finally {
      second.close();
    }
  });
});

/** Refuses shards as long as `failure` is not null. */
function createFailingStore(store: ShardStore, failure: () => Error | null): ShardStore {
  return {
    ...store,
    async put(key, blob) {
      const error = failure();
      if (error !== null) throw error;
      await store.put(key, blob);
    },
  };
}

const diskFull = (): Error => new StorageError('quota-exceeded', 'The disk is full.');

describe('a host whose storage is full', () => {
  it('goes on in memory and tells the page once', async () => {
    const store = createLastingStore();
    let puts = 0;
    const full = createFailingStore(store, () => ((puts += 1) > 2 ? diskFull() : null));
    const connection = connectInProcess({ openStore: async () => full });
    try {
      const warnings: string[] = [];
      connection.onWarning(({ code }) => warnings.push(code));
      await connection.models.download(MODEL_ID);
      expect(tokensOf(await collect(connection, request('a', 'Hello', 4)))).toHaveLength(4);
      expect(warnings).toEqual(['storage-full']);
    } finally {
      connection.close();
    }
  });

  it('holds no shard in memory that the engine has', async () => {
    const full = createFailingStore(createLastingStore(), diskFull);
    const connection = connectInProcess({ openStore: async () => full });
    try {
      await connection.models.download(MODEL_ID);
      await connection.models.load(MODEL_ID);
      await connection.models.unload();
      expect(await connection.models.availability(MODEL_ID)).not.toBe('ready');
    } finally {
      connection.close();
    }
  });

  it('stores models again once a removal has freed space', async () => {
    const store = createLastingStore();
    let failure: Error | null = diskFull();
    const openStore = async (): Promise<ShardStore> => createFailingStore(store, () => failure);
    const first = connectInProcess({ openStore });
    await first.models.download(MODEL_ID);
    failure = null;
    await first.models.remove(MODEL_ID);
    await first.models.download(MODEL_ID);
    first.close();
    const second = connectInProcess({ openStore, fetch: fetchNothing });
    try {
      expect(await second.models.availability(MODEL_ID)).toBe('ready');
    } finally {
      second.close();
    }
  });

  it('does not call storage full that fails otherwise', async () => {
    const failure = new StorageError('write-failed', 'The disk does not answer.');
    const broken = createFailingStore(createLastingStore(), () => failure);
    const connection = connectInProcess({ openStore: async () => broken });
    try {
      const warnings: string[] = [];
      connection.onWarning(({ code }) => warnings.push(code));
      await connection.models.download(MODEL_ID);
      expect(warnings).toEqual(['storage-unavailable']);
    } finally {
      connection.close();
    }
  });
});

describe('a model that leaves the engine', () => {
  const follow = (connection: HostConnection, id: string): (() => string | undefined) => {
    const states: string[] = [];
    connection.onState((state, modelId) => {
      if (modelId === id) states.push(state.status);
    });
    return () => states.at(-1);
  };

  it('is stored, not absent, while its bytes are on this device', async () => {
    const store = createLastingStore();
    const connection = connectInProcess({ openStore: async () => store });
    try {
      const state = follow(connection, MODEL_ID);
      await connection.models.download(MODEL_ID);
      await connection.models.load(MODEL_ID);
      expect(state()).toBe('ready');
      await connection.models.unload();
      expect(state()).toBe('stored');
    } finally {
      connection.close();
    }
  });

  it('is stored when another one takes its place', async () => {
    const store = createLastingStore();
    const connection = connectInProcess({ openStore: async () => store });
    try {
      const state = follow(connection, MODEL_ID);
      await connection.models.download(MODEL_ID);
      await connection.models.download('tiny-mixed');
      await connection.models.load(MODEL_ID);
      await connection.models.load('tiny-mixed');
      expect(state()).toBe('stored');
    } finally {
      connection.close();
    }
  });

  it('is absent when memory had it and gave it to the engine', async () => {
    const full = createFailingStore(createLastingStore(), diskFull);
    const connection = connectInProcess({ openStore: async () => full });
    try {
      const state = follow(connection, MODEL_ID);
      await connection.models.download(MODEL_ID);
      await connection.models.load(MODEL_ID);
      await connection.models.unload();
      expect(state()).toBe('absent');
    } finally {
      connection.close();
    }
  });

  it('is stored when its load was given up', async () => {
    const store = createLastingStore();
    const connection = connectInProcess({ openStore: async () => store });
    try {
      const state = follow(connection, MODEL_ID);
      await connection.models.download(MODEL_ID);
      const load = connection.models.load(MODEL_ID);
      const outcome = expect(load).rejects.toMatchObject({ code: 'closed' });
      await connection.models.catalogue();
      await connection.models.unload();
      await outcome;
      await vi.waitFor(() => expect(state()).toBe('stored'));
    } finally {
      connection.close();
    }
  });
});

describe('a host whose stored model was damaged', () => {
  it('mends the bad shard and tells the page which one', async () => {
    const store = createLastingStore();
    const connection = connectInProcess({ openStore: async () => store });
    try {
      await connection.models.download(MODEL_ID);
      const key = { sha256: await hashOfFixture(), index: 0 };
      await store.put(key, new Blob(['damaged']));
      const warnings: HostWarning[] = [];
      connection.onWarning((warning) => warnings.push(warning));
      expect(tokensOf(await collect(connection, request('a', 'Hello', 4)))).toHaveLength(4);
      expect(warnings).toEqual([
        { code: 'shard-damaged', message: expect.stringContaining('Part 0 of the model "tiny"') },
      ]);
    } finally {
      connection.close();
    }
  });
});

async function hashOfFixture(): Promise<string> {
  const manifest = await fetchManifest(new URL(`${MODEL_ID}/manifest.json`, SERVED), {
    fetch: fetchFixture,
  });
  return manifest.sha256;
}

describe('the second visit', () => {
  it('needs no network at all', async () => {
    const store = createLastingStore();
    const openStore = async (): Promise<ShardStore> => store;
    const first = connectInProcess({ openStore });
    await first.models.catalogue();
    await first.models.download(MODEL_ID);
    const online = tokensOf(await collect(first, request('a', 'Hello', 6)));
    first.close();

    const second = connectInProcess({ openStore, fetch: fetchNothing });
    try {
      expect(await second.models.availability(MODEL_ID)).toBe('ready');
      expect(await second.models.catalogue()).toHaveLength(2);
      expect(tokensOf(await collect(second, request('a', 'Hello', 6)))).toEqual(online);
      await expect(second.models.load('tiny-mixed')).rejects.toMatchObject({ code: 'offline' });
    } finally {
      second.close();
    }
  });

  it('starts without asking the network about a model that is complete', async () => {
    const store = createLastingStore();
    const openStore = async (): Promise<ShardStore> => store;
    const first = connectInProcess({ openStore });
    await first.models.download(MODEL_ID);
    first.close();

    const asked: string[] = [];
    const watch: typeof fetch = (input, init) => {
      asked.push(String(input));
      return fetchFixture(input, init);
    };
    const second = connectInProcess({ openStore, fetch: watch });
    try {
      await second.models.load(MODEL_ID);
      expect(asked).toEqual([]);
    } finally {
      second.close();
    }
  });
});

describe('models in a local folder', () => {
  it('are ready without a download and loaded straight from there', async () => {
    const connection = connect({ baseUrl: FIXTURES, inProcess: true });
    try {
      expect(await connection.models.availability(MODEL_ID)).toBe('ready');
      const steps = await collect(connection, request('a', 'Hello', 4));
      expect(tokensOf(steps)).toHaveLength(4);
      await expect(connection.models.load('tinny')).rejects.toMatchObject({ code: 'not-found' });
    } finally {
      connection.close();
    }
  });

  it('need an absolute address in Node', () => {
    expect(() => connect({ baseUrl: 'models/', inProcess: true })).toThrow(
      /createRuntime\(\{ baseUrl/,
    );
  });
});
