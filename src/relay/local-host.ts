import { EdgewiseError, ModelError } from '../errors.ts';
import type { CallOptions, CatalogueEntry, EngineRequest, EngineStep } from '../types.ts';
import { faultPlace, toRelayError } from './relay-error.ts';
import type { LocalCommand, LocalReport, PlainRelayError } from './upstreams/local-protocol.ts';

/** What is needed of `connect()`, the way to a host. */
export interface LocalModels {
  generate(
    request: EngineRequest & { readonly modelId: string; readonly priority: 'interactive' },
    options: CallOptions,
  ): AsyncIterable<EngineStep>;
  readonly models: {
    catalogue(options?: CallOptions): Promise<readonly CatalogueEntry[]>;
    load(id: string, options?: CallOptions): Promise<unknown>;
  };
}

export interface LocalHostOptions {
  readonly connection: LocalModels;
  /** `null` = the first model of the catalogue. */
  readonly modelId: string | null;
  readonly report: (report: LocalReport) => void;
}

/**
 * Runs commands on a host, each in a session of its own, so that they take turns instead of
 * cancelling each other. The model is loaded with the first one.
 */
export function createLocalHost(options: LocalHostOptions): (command: LocalCommand) => void {
  const running = new Map<number, AbortController>();
  let loading: Promise<string> | null = null;

  function ready(): Promise<string> {
    loading ??= loadModel(options).catch((error: unknown) => {
      // The folder may be filled by then.
      loading = null;
      throw error;
    });
    return loading;
  }

  async function generate({ id, request }: GenerateCommand, signal: AbortSignal): Promise<void> {
    const { connection, report } = options;
    try {
      const modelId = await ready();
      if (signal.aborted) return;
      const sessionId = `relay-${id}`;
      const full = { ...request, sessionId, modelId, priority: 'interactive' } as const;
      let isStarted = false;
      for await (const step of connection.generate(full, { signal })) {
        // Not sooner: what the engine refuses must still become an HTTP status.
        if (!isStarted) report({ type: 'start', id, modelId });
        isStarted = true;
        report({ type: 'step', id, step });
      }
    } catch (error) {
      if (!signal.aborted) report({ type: 'error', id, error: toPlainError(error) });
    } finally {
      running.delete(id);
    }
  }

  return (command) => {
    if (command.type === 'abort') {
      running.get(command.id)?.abort();
      return;
    }
    const controller = new AbortController();
    running.set(command.id, controller);
    void generate(command, controller.signal);
  };
}

type GenerateCommand = Extract<LocalCommand, { readonly type: 'generate' }>;

async function loadModel({ connection, modelId }: LocalHostOptions): Promise<string> {
  const id = modelId ?? (await firstModel(connection));
  await connection.models.load(id);
  return id;
}

async function firstModel({ models }: LocalModels): Promise<string> {
  const [first] = await readCatalogue(models);
  if (first) return first.id;
  throw noModel();
}

async function readCatalogue(models: LocalModels['models']): Promise<readonly CatalogueEntry[]> {
  try {
    return await models.catalogue();
  } catch (error) {
    const isMissing = EdgewiseError.is(error) && error.details['status'] === 404;
    throw isMissing ? noModel(error) : error;
  }
}

function noModel(cause?: unknown): ModelError {
  const message =
    'There is no model in "modelsDir" of the local upstream. Run: npx --no-install edgewise pull';
  return new ModelError('not-downloaded', message, { cause });
}

function toPlainError(thrown: unknown): PlainRelayError {
  const error = toRelayError(thrown);
  const { status, type, code, message, isRetryable } = error;
  return { status, type, code, message, isRetryable, place: faultPlace(error) };
}
