import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../src/runtime.ts';
import { createMemoryShardStore } from '../../src/storage/shard-store.ts';
import type { ModelState, ShardStore } from '../../src/types.ts';
import { connect } from '../../src/worker/connect.ts';
import type { HostConnection } from '../../src/worker/connect.ts';
import { createHost } from '../../src/worker/host.ts';
import { createModelsWithTerms, type ModelsFolder, TERMS } from '../helpers/models-with-terms.ts';
import { serveFolder, type StaticServer } from '../helpers/static-server.ts';

const MODEL_ID = 'tiny';
/** A server whose only model has terms of its own. */
let models: ModelsFolder;
let server: StaticServer;

beforeAll(async () => {
  models = createModelsWithTerms();
  server = await serveFolder(models.folder);
});
afterAll(async () => {
  await server.stop();
  models.remove();
});

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

function openRuntime(): Runtime {
  const runtime = createRuntime({
    models: { baseUrl: server.url },
    model: MODEL_ID,
    inProcess: true,
  });
  open.push(runtime);
  return runtime;
}

interface Visit {
  readonly connection: HostConnection;
  readonly weightRequests: string[];
}

/** `store` outlives the visit, as a browser's does. */
function openVisit(store: ShardStore): Visit {
  const weightRequests: string[] = [];
  const recordingFetch: typeof fetch = (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (url.endsWith('.gguf')) weightRequests.push(url);
    return fetch(input, init);
  };
  const connection = connect({
    baseUrl: server.url,
    inProcess: true,
    createHost: (start) =>
      createHost({ ...start, fetch: recordingFetch, openStore: async () => store }),
  });
  open.push(connection);
  return { connection, weightRequests };
}

function createLastingStore(): ShardStore {
  return { ...createMemoryShardStore(), isPersistent: true, close: () => undefined };
}

const REFUSAL = {
  name: 'ModelError',
  code: 'licence-not-accepted',
  details: {
    modelId: MODEL_ID,
    licence: TERMS.id,
    licenceUrl: TERMS.url,
    notice: TERMS.notice,
  },
};

describe('A model with terms of its own', () => {
  it('says so in the catalogue', async () => {
    const [entry] = await openRuntime().models.catalogue();
    expect(entry?.licence).toEqual(TERMS);
  });

  it('is not downloaded before they are accepted, and the error shows the right call', async () => {
    const runtime = openRuntime();
    await expect(runtime.models.download()).rejects.toMatchObject(REFUSAL);
    await expect(runtime.models.download(MODEL_ID, {})).rejects.toThrow(
      "models.download('tiny', { acceptLicence: true })",
    );
    expect(await runtime.models.availability()).toBe('absent');
  });

  it('is downloaded once they are', async () => {
    const runtime = openRuntime();
    await runtime.models.download(MODEL_ID, { acceptLicence: true });
    expect(await runtime.models.availability()).toBe('ready');
  });

  it('asks the server for no weights without acceptance, and is no broken model', async () => {
    const { connection, weightRequests } = openVisit(createLastingStore());
    const states: ModelState['status'][] = [];
    connection.onState((state) => states.push(state.status));
    await expect(connection.models.download(MODEL_ID)).rejects.toMatchObject(REFUSAL);
    expect(weightRequests).toEqual([]);
    expect(states).not.toContain('error');
    expect(states).not.toContain('downloading');
  });

  it('needs no acceptance again when it is here already', async () => {
    const store = createLastingStore();
    const first = openVisit(store);
    await first.connection.models.download(MODEL_ID, { acceptLicence: true });
    const second = openVisit(store);
    await second.connection.models.download(MODEL_ID);
    expect(await second.connection.models.availability(MODEL_ID)).toBe('ready');
    expect(second.weightRequests).toEqual([]);
  });

  it('needs it in the next visit when only a part is here', async () => {
    const store = createLastingStore();
    const first = openVisit(store);
    await first.connection.models.download(MODEL_ID, { acceptLicence: true });
    await store.delete({ sha256: models.sha256, index: 0 });
    const second = openVisit(store);
    expect(await second.connection.models.availability(MODEL_ID)).toBe('partial');
    await expect(second.connection.models.download(MODEL_ID)).rejects.toMatchObject(REFUSAL);
    await second.connection.models.download(MODEL_ID, { acceptLicence: true });
    expect(await second.connection.models.availability(MODEL_ID)).toBe('ready');
  });
});
