import { wrap, expose } from 'comlink';
import { UnsupportedError } from '../errors.ts';
import type {
  CallOptions,
  CatalogueEntry,
  DownloadProgress,
  EngineStep,
  ModelAvailability,
  ModelInfo,
  StudentInfo,
} from '../types.ts';
import { findObstacle, readCapabilities } from './capabilities.ts';
import type { Capabilities } from './capabilities.ts';
import { startInProcessCarrier, startWorkerCarrier } from './carrier.ts';
import type { Carrier, CarrierOptions, Host } from './carrier.ts';
import { openLink } from './link.ts';
import type { ControlInvocation, LinkCallOptions } from './link.ts';
import { createLinkKeeper } from './link-keeper.ts';
import { createUniqueId } from './names.ts';
import { openRun } from './open-run.ts';
import type { GenerateOptions } from './open-run.ts';
import { isGenerateRequest } from './protocol.ts';
import type {
  ClassifyRequest,
  GenerateRequest,
  HostControl,
  HostWarning,
  StartOptions,
  StudentAnswer,
} from './protocol.ts';
import { startWorker } from './start-worker.ts';
import { createStateBoard } from './state-board.ts';
import type { StateListener } from './state-board.ts';

export type { ClassifyRequest, GenerateRequest, HostWarning, StudentAnswer } from './protocol.ts';
export type { GenerateOptions } from './open-run.ts';
export type { StateListener } from './state-board.ts';

export interface ConnectOptions {
  /** Folder with `catalogue.json` and the models; relative to the page. In Node also `file:`. */
  readonly baseUrl: string | URL;
  /** Runs the host on this thread: for tests, Node, and pages without workers. Default `false`. */
  readonly inProcess?: boolean | undefined;
  /** Default: `fast` where the browser has relaxed SIMD. */
  readonly precision?: StartOptions['precision'];
  /** Positions per session. Default: the engine's. */
  readonly contextLength?: number | undefined;
  /** Sessions whose KV is kept. Default: the engine's. */
  readonly maxSlots?: number | undefined;
  /** Starts the worker another way, for bundlers that must be told. Default: the package's own. */
  readonly createWorker?: (() => Worker) | undefined;
  /** Makes the host for `inProcess`. Default: the package's own, loaded on demand. */
  readonly createHost?: ((options: HostStart) => Host | Promise<Host>) | undefined;
  /** Default: what this environment has. */
  readonly capabilities?: Capabilities | undefined;
}

export interface HostStart extends StartOptions {
  readonly epoch: string;
}

export interface DownloadOptions {
  /** The person has seen and accepted the model's terms, where it has such. Default `false`. */
  readonly acceptLicence?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

/** The page's side of the host. A host that died is replaced by the next call. */
export interface HostConnection {
  /**
   * Steps of one run. It starts with the first read, and loads the model first when it is stored.
   * Throws `TypeError` at once on a malformed request; while reading `ModelError` `not-downloaded`,
   * `EngineError` `worker-crashed` or `superseded`, or the signal's reason. Leaving the loop early
   * ends the run.
   */
  generate(request: GenerateRequest, options?: GenerateOptions): AsyncIterable<EngineStep>;
  readonly models: ConnectionModels;
  /** Fetches and checks the student in this folder, unless it is on this device already. */
  student(studentUrl: string, options?: CallOptions): Promise<StudentInfo>;
  /** One text for a student, which is fetched first where it has to be. */
  classify(request: ClassifyRequest, options?: CallOptions): Promise<StudentAnswer>;
  /** Called at once with what is known, then at each change. Returns how to stop. */
  onState(listener: StateListener): () => void;
  /** Fallbacks the page should tell people about. Returns how to stop. */
  onWarning(listener: (warning: HostWarning) => void): () => void;
  /** Ends every pending call with `EngineError` `closed`, and the worker. Idempotent. */
  close(): void;
}

export interface ConnectionModels {
  catalogue(options?: CallOptions): Promise<readonly CatalogueEntry[]>;
  /** `unsupported` where models cannot run at all. */
  availability(id: string, options?: CallOptions): Promise<ModelAvailability>;
  /**
   * Goes on where an earlier download stopped; concurrent callers share one. Throws `ModelError`
   * `licence-not-accepted` where the model's terms have to be accepted and were not.
   */
  download(id: string, options?: DownloadOptions): Promise<void>;
  /** Idempotent; concurrent callers share one load. */
  load(id: string, options?: CallOptions): Promise<ModelInfo>;
  unload(options?: CallOptions): Promise<void>;
  /** Deletes the model from this device. */
  remove(id: string, options?: CallOptions): Promise<void>;
}

/** Nothing starts before the first call, so a page can connect wherever it is. */
export function connect(options: ConnectOptions): HostConnection {
  const start = startOptions(options);
  const from = createUniqueId();
  const board = createStateBoard();
  const links = createLinkKeeper(async (onLost) => {
    const carrier = await startCarrier(options, { epoch: createUniqueId(), from, start });
    const control = wrap<HostControl>(carrier.controlPort);
    return openLink({
      carrier,
      control,
      from,
      onEvent: board.receive,
      onLost(error) {
        onLost();
        board.lose(error);
      },
    });
  });

  const call: Call = async (invoke, callOptions) => {
    const link = await links.open(callOptions?.signal);
    return link.call(invoke, callOptions);
  };

  return {
    models: createModels(options, call),
    async student(url, callOptions) {
      const studentUrl = absoluteFolder(url);
      return call((host, envelope) => host.student({ ...envelope, studentUrl }), callOptions);
    },
    async classify({ studentUrl, text }, { signal } = {}) {
      const request = { studentUrl: absoluteFolder(studentUrl), text };
      const link = await links.open(signal);
      return link.classify(request, signal);
    },
    generate(request, generateOptions = {}) {
      assertRequest(request);
      return openRun(links, request, generateOptions);
    },
    onState: board.onState,
    onWarning: board.onWarning,
    close: links.close,
  };
}

type Call = <Value>(invoke: ControlInvocation<Value>, options?: LinkCallOptions) => Promise<Value>;

function createModels(options: ConnectOptions, call: Call): ConnectionModels {
  return {
    catalogue: (callOptions) => call((host, envelope) => host.catalogue(envelope), callOptions),
    async availability(modelId, callOptions) {
      assertModelId(modelId, 'availability');
      if (obstacleOf(options) !== null) return 'unsupported';
      return call((host, envelope) => host.availability({ ...envelope, modelId }), callOptions);
    },
    async download(modelId, callOptions) {
      assertModelId(modelId, 'download');
      const acceptLicence = callOptions?.acceptLicence === true;
      await call(
        (host, envelope) => host.download({ ...envelope, modelId, acceptLicence }),
        callOptions,
      );
    },
    async load(modelId, callOptions) {
      assertModelId(modelId, 'load');
      return call((host, envelope) => host.load({ ...envelope, modelId }), callOptions);
    },
    async unload(callOptions) {
      await call((host, envelope) => host.unload(envelope), callOptions);
    },
    async remove(modelId, callOptions) {
      assertModelId(modelId, 'remove');
      await call((host, envelope) => host.remove({ ...envelope, modelId }), callOptions);
    },
  };
}

async function startCarrier(options: ConnectOptions, carrier: CarrierOptions): Promise<Carrier> {
  const obstacle = obstacleOf(options);
  if (obstacle !== null) throw obstacle;
  if (options.inProcess === true) {
    const create = options.createHost ?? loadHost;
    const host = await create({ ...carrier.start, epoch: carrier.epoch });
    return startInProcessCarrier(host, expose, carrier);
  }
  try {
    return startWorkerCarrier(options.createWorker ?? startWorker, carrier);
  } catch (cause) {
    throw new UnsupportedError(
      'no-worker',
      'The browser refused to start the worker. Serve the package from this origin and allow it (Content-Security-Policy worker-src; Trusted Types policy `edgewise`), or use createRuntime({ inProcess: true }).',
      { cause },
    );
  }
}

/** The only way from the page to the host: on demand, so that page bundles do not contain it. */
async function loadHost(start: HostStart): Promise<Host> {
  const { createHost } = await import('./host.ts');
  return createHost(start);
}

function obstacleOf(options: ConnectOptions): UnsupportedError | null {
  const capabilities = options.capabilities ?? readCapabilities();
  return findObstacle(capabilities, { isInProcess: options.inProcess === true });
}

function startOptions({
  baseUrl,
  precision,
  contextLength,
  maxSlots,
}: ConnectOptions): StartOptions {
  return {
    baseUrl: absoluteFolder(baseUrl),
    ...(precision === undefined ? {} : { precision }),
    ...(contextLength === undefined ? {} : { contextLength }),
    ...(maxSlots === undefined ? {} : { maxSlots }),
  };
}

function absoluteFolder(baseUrl: string | URL): string {
  try {
    const url = new URL(baseUrl, pageAddress());
    if (!url.pathname.endsWith('/')) url.pathname += '/';
    return url.href;
  } catch (cause) {
    throw new TypeError(
      `baseUrl "${String(baseUrl)}" is no address. Name the folder with catalogue.json: createRuntime({ baseUrl: '/models/' }); in Node an absolute one: new URL('models/', import.meta.url).`,
      { cause },
    );
  }
}

function pageAddress(): string | undefined {
  if (typeof document === 'object') return document.baseURI;
  return typeof location === 'object' ? location.href : undefined;
}

function assertModelId(id: string, method: string): void {
  if (typeof id === 'string' && id !== '') return;
  throw new TypeError(`Name a model of the catalogue: models.${method}('MODEL-ID').`);
}

function assertRequest(request: GenerateRequest): void {
  if (isGenerateRequest(request)) return;
  throw new TypeError(
    "Malformed request. Call generate({ modelId, sessionId, priority: 'interactive', input: { kind: 'text', text }, maxTokens }).",
  );
}
