import { createCascade } from './cascade/cascade.ts';
import { parseEgressRules, type EgressRule } from './cascade/egress.ts';
import { DEFAULT_MODE, parseMode } from './cascade/modes.ts';
import { createRuleSet, type Rule, type RuleSet } from './cascade/rules.ts';
import { createSuggestionSource } from './cascade/suggestion-source.ts';
import type { CollapseChoice, FallbackNotice } from './cascade/turn.ts';
import { EngineError, UnsupportedError } from './errors.ts';
import { createDeviceTier } from './tiers/device.ts';
import { checkAddress } from './tiers/endpoint.ts';
import { createOnDemandTier } from './tiers/on-demand.ts';
import { startReceipt } from './tiers/receipt.ts';
import type { RemoteTierOptions } from './tiers/remote.ts';
import type {
  CallOptions,
  CatalogueEntry,
  Decision,
  DownloadProgress,
  Mode,
  ModelAvailability,
  ModelInfo,
  ModelState,
  Precision,
  Request,
  SuggestionSource,
  Tier,
  TierEvent,
  TierFinish,
} from './types.ts';
import { connect, type HostConnection, type HostWarning } from './worker/connect.ts';

/** Where requests may go that do not stay on the device. */
export interface RemoteOptions extends Pick<
  RemoteTierOptions,
  'baseUrl' | 'headers' | 'allowCrossOrigin' | 'requestLogprobs' | 'timeouts' | 'fetch'
> {
  /** Alias of a specialised small model at the endpoint. Default: there is none. */
  readonly slm?: string;
  /** Alias of the large model at the endpoint. Default `frontier`; `null`: there is none. */
  readonly frontier?: string | null;
}

export interface RuntimeOptions {
  /** Folder with `catalogue.json` and the models, by default `/models/`; in Node absolute. */
  readonly models?: { readonly baseUrl?: string | URL };
  /** Model that completes and answers. Default `smollm2-135m-instruct-q4_1`. */
  readonly model?: string;
  /** Default `prefer-on-device`. */
  readonly mode?: Mode;
  /** Default: none; then nothing ever leaves the device. */
  readonly remote?: RemoteOptions | null;
  /** The app's own rules; they come before the ones in the package. */
  readonly rules?: readonly Rule[];
  /** What may leave the device, by field, task and tier. Default: what the modes allow. */
  readonly egress?: readonly EgressRule[];
  /** When the device stops being sure in the middle. Default `stop`. */
  readonly onCollapse?: CollapseChoice;
  /** Tokens kept back until the confidence passes, 0 to 64. Default: the rule's, mostly 8. */
  readonly holdBackTokens?: number;
  /** Runs the model on this thread. Default `false`. */
  readonly inProcess?: boolean;
  /** Default: `fast` where the browser has relaxed SIMD, else `exact`. */
  readonly precision?: Precision;
  /** Tokens per session. Default 512. */
  readonly contextLength?: number;
  /** Sessions whose state is kept. Default 4. */
  readonly maxSlots?: number;
  /** Starts the worker, for bundlers that have to be told. */
  readonly createWorker?: () => Worker;
}

/** What listeners get as `event.detail`. */
export interface RuntimeEvents {
  readonly decision: {
    readonly decision: Decision;
    readonly task: string;
    readonly field: string | null;
    readonly sessionId: string | null;
  };
  readonly progress: { readonly modelId: string; readonly progress: DownloadProgress };
  readonly model: { readonly modelId: string; readonly state: ModelState };
  /** A tier stood in for another one, or storage failed and memory is used. */
  readonly fallback:
    | ({ readonly kind: 'tier' } & FallbackNotice)
    | ({ readonly kind: 'storage' } & HostWarning);
}

export type RuntimeListener<Type extends keyof RuntimeEvents> = (
  event: CustomEvent<RuntimeEvents[Type]>,
) => void;

/** A whole answer. */
export interface Answer {
  readonly text: string;
  readonly finish: TierFinish;
  /** In the order they fell. */
  readonly decisions: readonly Decision[];
}

export interface ModelDownloadOptions extends CallOptions {
  readonly onProgress?: (progress: DownloadProgress) => void;
}

/** The models of the folder. Where no id is given the runtime's own model is meant. */
export interface RuntimeModels {
  catalogue(options?: CallOptions): Promise<readonly CatalogueEntry[]>;
  availability(id?: string, options?: CallOptions): Promise<ModelAvailability>;
  /** Goes on where an earlier download stopped. */
  download(id?: string, options?: ModelDownloadOptions): Promise<void>;
  /** Makes a stored model ready to answer. */
  load(id?: string, options?: CallOptions): Promise<ModelInfo>;
  unload(options?: CallOptions): Promise<void>;
  /** Deletes a model from this device. */
  remove(id?: string, options?: CallOptions): Promise<void>;
}

export interface Runtime {
  /**
   * Events of an answer, ending in one `finish`. Throws `TypeError` at once for a malformed request;
   * while reading typed errors, or the signal's reason when aborted before the first event.
   */
  stream(request: Request, options?: CallOptions): AsyncIterable<TierEvent>;
  /** The collected answer. Check `finish.reason`: `truncated` and `abort` are not whole answers. */
  generate(request: Request, options?: CallOptions): Promise<Answer>;
  /** Completes text while it is typed. Never downloads, never calls the cloud. */
  readonly complete: SuggestionSource;
  readonly models: RuntimeModels;
  /** Setting it counts from the next request on. Throws `TypeError` for an unknown one. */
  mode: Mode;
  /** State of the runtime's own model. */
  readonly modelState: ModelState;
  addEventListener<Type extends keyof RuntimeEvents>(
    type: Type,
    listener: RuntimeListener<Type>,
    options?: AddEventListenerOptions,
  ): void;
  removeEventListener<Type extends keyof RuntimeEvents>(
    type: Type,
    listener: RuntimeListener<Type>,
  ): void;
  /** Ends every pending call and the worker. Idempotent. */
  close(): void;
}

const DEFAULT_MODELS_URL = '/models/';
const DEFAULT_MODEL = 'smollm2-135m-instruct-q4_1';
const DEFAULT_FRONTIER = 'frontier';

/**
 * Wires device, cloud and the rules between them. Nothing is fetched and no worker is started before
 * the first call.
 *
 * Throws `TypeError` for wrong options, `PolicyError` `key-in-page` for a provider's key.
 *
 * @example
 * const edge = createRuntime({ models: { baseUrl: '/models/' }, remote: { baseUrl: '/edge/v1' } });
 * await edge.models.download();
 * const { text, finish } = await edge.generate({
 *   task: 'rewrite',
 *   input: { kind: 'text', text: 'Say it shorter: …' },
 * });
 */
export function createRuntime(options: RuntimeOptions = {}): Runtime {
  checkOptions(options);
  const modelId = options.model ?? DEFAULT_MODEL;
  let mode = parseMode(options.mode ?? DEFAULT_MODE);
  const readMode = (): Mode => mode;
  const rules = createRuleSet(options.rules);
  const egress = parseEgressRules(options.egress ?? []);
  const remotes = createRemotes(options.remote ?? null);
  const connection = openConnection(options);
  const device = createDeviceTier({
    connection,
    modelId,
    completionMinProduct: leastProduct(rules, modelId),
  });
  const bus = createBus();
  const watch = watchModel(connection, modelId, bus);
  const closing = new AbortController();
  const cascade = createCascade({
    tiers: [device, ...remotes],
    mode: readMode,
    rules,
    egress,
    onCollapse: options.onCollapse ?? 'stop',
    ...(options.holdBackTokens === undefined ? {} : { holdBackTokens: options.holdBackTokens }),
    startReceipt,
    onFallback: (notice) => bus.send('fallback', { kind: 'tier', ...notice }),
  });
  const stream = createStream(cascade, bus, closing.signal);
  return {
    stream,
    generate: (request, callOptions) => collect(stream(request, callOptions)),
    complete: createSuggestionSource({
      tiers: [device],
      mode: readMode,
      rules,
      isReady: watch.isReady,
      onRefusal: (decision) =>
        bus.send('decision', { decision, task: 'complete', field: null, sessionId: null }),
    }),
    models: createModels(connection, modelId),
    get mode() {
      return mode;
    },
    set mode(value) {
      mode = parseMode(value);
    },
    get modelState() {
      return watch.state();
    },
    addEventListener: bus.add,
    removeEventListener: bus.remove,
    close() {
      closing.abort(new EngineError('closed', 'The runtime was closed: make a new one.'));
      watch.stop();
      connection.close();
    },
  };
}

const EXAMPLE =
  "createRuntime({ models: { baseUrl: '/models/' }, remote: { baseUrl: '/edge/v1' } })";

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string' && value !== '';
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) > 0;
const isObject: Check = (value) => typeof value === 'object' && value !== null;
const isFunction: Check = (value) => typeof value === 'function';
const isFlag: Check = (value) => typeof value === 'boolean';
const isOneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    values.some((each) => each === value);
/** Checked where it is used, by the part that knows. */
const isAnything: Check = () => true;

const OPTIONS = {
  models: isObject,
  model: isText,
  mode: isAnything,
  remote: (value) => value === null || isObject(value),
  rules: isAnything,
  egress: isAnything,
  onCollapse: isOneOf('stop', 'append', 'replace'),
  holdBackTokens: (value) => value === 0 || (isCount(value) && Number(value) <= 64),
  inProcess: isFlag,
  precision: isOneOf('exact', 'fast'),
  contextLength: isCount,
  maxSlots: isCount,
  createWorker: isFunction,
} satisfies Record<keyof RuntimeOptions, Check>;

const MODELS_OPTIONS = {
  baseUrl: (value) => isText(value) || value instanceof URL,
} satisfies Record<keyof NonNullable<RuntimeOptions['models']>, Check>;

const REMOTE_OPTIONS = {
  baseUrl: isText,
  slm: isText,
  frontier: (value) => value === null || isText(value),
  headers: (value) => isFunction(value) || isObject(value),
  allowCrossOrigin: isFlag,
  requestLogprobs: isFlag,
  timeouts: isObject,
  fetch: isFunction,
} satisfies Record<keyof RemoteOptions, Check>;

function checkOptions(options: unknown): void {
  checkFields('', options, OPTIONS);
  const { models, remote } = options as RuntimeOptions;
  checkFields('models.', models ?? {}, MODELS_OPTIONS);
  if (remote == null) return;
  checkFields('remote.', remote, REMOTE_OPTIONS);
  if (remote.baseUrl === undefined) throw new TypeError(`remote needs baseUrl, as in ${EXAMPLE}.`);
}

function checkFields(place: string, value: unknown, checks: Readonly<Record<string, Check>>): void {
  if (!isObject(value)) throw new TypeError(`Options must be an object, as in ${EXAMPLE}.`);
  for (const [name, field] of Object.entries(value as object)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined) {
      const known = Object.keys(checks).join(', ');
      throw new TypeError(
        `Unknown option "${place}${name}". Known: ${known}. Example: ${EXAMPLE}.`,
      );
    }
    if (field !== undefined && !check(field)) {
      throw new TypeError(`Option "${place}${name}" has a wrong value. Example: ${EXAMPLE}.`);
    }
  }
}

function createRemotes(remote: RemoteOptions | null): readonly Tier[] {
  if (remote === null) return [];
  const { slm, frontier = DEFAULT_FRONTIER, ...shared } = remote;
  checkAddress(shared);
  return [
    ...(slm === undefined ? [] : [createRemote({ ...shared, id: 'slm', model: slm })]),
    ...(frontier === null ? [] : [createRemote({ ...shared, id: 'frontier', model: frontier })]),
  ];
}

/** What falls below it is never shown, so the engine need not go on. */
function leastProduct(rules: RuleSet, modelId: string): number | undefined {
  const rule = rules.find(modelId, 'complete');
  return rule.signal === 'product' ? (rule.threshold ?? undefined) : undefined;
}

function createRemote(options: RemoteTierOptions & { readonly model: string }): Tier {
  return createOnDemandTier({
    id: options.id,
    place: 'remote',
    modelId: options.model,
    async load() {
      const { createRemoteTier } = await import('./tiers/remote.ts');
      return createRemoteTier(options);
    },
  });
}

function openConnection(options: RuntimeOptions): HostConnection {
  const { models, inProcess, precision, contextLength, maxSlots, createWorker } = options;
  const baseUrl = models?.baseUrl ?? DEFAULT_MODELS_URL;
  return connect({ baseUrl, inProcess, precision, contextLength, maxSlots, createWorker });
}

function createModels({ models }: HostConnection, own: string): RuntimeModels {
  return {
    catalogue: (options) => models.catalogue(options),
    availability: (id = own, options) => models.availability(id, options),
    download: (id = own, options) => models.download(id, options),
    load: (id = own, options) => models.load(id, options),
    unload: (options) => models.unload(options),
    remove: (id = own, options) => models.remove(id, options),
  };
}

interface Bus {
  readonly add: Runtime['addEventListener'];
  readonly remove: Runtime['removeEventListener'];
  send<Type extends keyof RuntimeEvents>(type: Type, detail: RuntimeEvents[Type]): void;
}

function createBus(): Bus {
  const target = new EventTarget();
  return {
    add: (type, listener, options) =>
      target.addEventListener(type, listener as EventListener, options),
    remove: (type, listener) => target.removeEventListener(type, listener as EventListener),
    send: (type, detail) => void target.dispatchEvent(new CustomEvent(type, { detail })),
  };
}

interface ModelWatch {
  state(): ModelState;
  /** Whether a suggestion may be asked for now. */
  isReady(): boolean;
  stop(): void;
}

function watchModel(connection: HostConnection, own: string, bus: Bus): ModelWatch {
  let state: ModelState = { status: 'absent' };
  // After a crash typing may bring the model back; when that load fails it does not try again.
  let mayRevive = false;
  const stopState = connection.onState((next, modelId) => {
    if (modelId === own) {
      state = next;
      if (next.status === 'ready') mayRevive = true;
      if (next.status === 'loading') mayRevive = false;
    }
    if (next.status === 'downloading') bus.send('progress', { modelId, progress: next.progress });
    bus.send('model', { modelId, state: next });
  });
  const stopWarning = connection.onWarning((warning) =>
    bus.send('fallback', { kind: 'storage', ...warning }),
  );
  return {
    state: () => state,
    isReady: () => state.status === 'ready' || (state.status === 'error' && mayRevive),
    stop() {
      stopState();
      stopWarning();
    },
  };
}

function createStream(cascade: Tier, bus: Bus, closing: AbortSignal): Runtime['stream'] {
  return (request, { signal } = {}) => {
    if (typeof AbortSignal.any !== 'function') return refuseOldBrowser();
    const joined = signal === undefined ? closing : AbortSignal.any([signal, closing]);
    return announce(cascade.generate(request, { signal: joined }), request, bus);
  };
}

/** Cancelling needs it on every way, the one to the cloud too. */
// oxlint-disable-next-line require-yield -- it fails when it is read, as streams do
async function* refuseOldBrowser(): AsyncGenerator<TierEvent> {
  throw new UnsupportedError(
    'feature-missing',
    'This browser is too old: it lacks AbortSignal.any. Update it (Chrome 116, Firefox 125, Safari 17.4 or later).',
  );
}

async function* announce(
  events: AsyncIterable<TierEvent>,
  request: Request,
  bus: Bus,
): AsyncGenerator<TierEvent> {
  const { task, field, sessionId } = request;
  const origin = { task, field: field ?? null, sessionId: sessionId ?? null };
  for await (const event of events) {
    if (event.type === 'decision') {
      bus.send('decision', { decision: event.decision, ...origin });
    }
    yield event;
  }
}

async function collect(events: AsyncIterable<TierEvent>): Promise<Answer> {
  const decisions: Decision[] = [];
  let text = '';
  for await (const event of events) {
    if (event.type === 'decision') decisions.push(event.decision);
    else if (event.type === 'text-delta') text += event.text;
    else if (event.type === 'text-reset') text = '';
    else return { text, finish: event, decisions };
  }
  throw new EngineError('internal', 'The answer ended without a finish event.');
}
