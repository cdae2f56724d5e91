import type { SortedText } from './cascade/classify.ts';
import { DEFAULT_MODE, parseMode } from './cascade/modes.ts';
import { EngineError } from './errors.ts';
import { type Answer, collectAnswer } from './runtime/answer.ts';
import {
  createClassifying,
  type RuntimeObservations,
  type RuntimeStudents,
} from './runtime/classifying.ts';
import {
  createComplete,
  hasCompletionRule,
  memoryWarning,
  type Complete,
  type RuntimeMemory,
} from './runtime/complete.ts';
import {
  createEventBus,
  type EventBus,
  type RuntimeEvents,
  type RuntimeListener,
} from './runtime/events.ts';
import { type ModelWatch, watchModel } from './runtime/model-watch.ts';
import { createModels, type RuntimeModels } from './runtime/models.ts';
import { checkOptions, type RuntimeOptions } from './runtime/options.ts';
import type { ObservedFacts } from './runtime/observing.ts';
import { type OwnerPolicy, readPolicy } from './runtime/policy.ts';
import { createAnsweringStream } from './runtime/stream.ts';
import { createDeviceTier } from './tiers/device.ts';
import type {
  CallOptions,
  ClassifyOptions,
  Decision,
  Mode,
  ModelState,
  Request,
  SuggestionSource,
  Tier,
  TierEvent,
} from './types.ts';
import { connect, type HostConnection } from './worker/connect.ts';

export interface Runtime {
  /**
   * Events of an answer, ending in one `finish`. Throws `TypeError` at once for a malformed request;
   * while reading typed errors, or the signal's reason when aborted before the first event.
   */
  stream(request: Request, options?: CallOptions): AsyncIterable<TierEvent>;
  /** The collected answer. Check `finish.reason`: `truncated` and `abort` are not whole answers. */
  generate(request: Request, options?: CallOptions): Promise<Answer>;
  /**
   * Sorts a text into one of the student's labels, or of `request.labels`. Throws `PolicyError` where
   * nobody may answer, other typed errors, or the signal's reason.
   */
  classify(request: Request, options?: ClassifyOptions): Promise<SortedText>;
  readonly students: RuntimeStudents;
  /**
   * Watches one of the app's own calls that sorts a text: `cloudAnswer` is the label it gave, or the
   * promise of it. Once that is there the student sorts the same text beside it, on this device.
   * Changes nothing, never throws, and what it cannot compare it counts. Works in every mode; in
   * `observe` nothing else does.
   *
   * @example
   * const label = sortInCloud(text); // the call you make today
   * edge.observe({ task: 'classify', input: { kind: 'text', text } }, label, { costUsd: 0.0004 });
   */
  observe(request: Request, cloudAnswer: unknown, facts?: ObservedFacts): void;
  readonly observations: RuntimeObservations;
  /** Completes text while it is typed. Never downloads, never calls the cloud. */
  readonly complete: SuggestionSource;
  /** The person's own words, remembered on this device. */
  readonly memory: RuntimeMemory;
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
  const policy = readPolicy(options, () => mode);
  const connection = openConnection(options);
  const device = createDeviceTier({ connection, modelId });
  const bus = createEventBus();
  const closing = new AbortController();
  const { stream, warmUp } = createAnsweringStream(
    { device, options, policy, bus },
    closing.signal,
  );
  const watch = watchModel({
    connection,
    modelId,
    bus,
    onReady() {
      warmUp();
      complete.warmUp();
    },
  });
  const complete = openComplete(options, { policy, device, modelId, bus, watch });
  return {
    stream,
    generate: (request, callOptions) => collectAnswer(stream(request, callOptions)),
    ...createClassifying({ connection, options, policy, bus }, closing.signal),
    complete: complete.source,
    memory: complete.memory,
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
      complete.close();
      connection.close();
    },
  };
}

interface CompleteParts {
  readonly policy: OwnerPolicy;
  readonly device: Tier;
  readonly modelId: string;
  readonly bus: EventBus;
  readonly watch: ModelWatch;
}

function openComplete(
  options: RuntimeOptions,
  { policy, device, modelId, bus, watch }: CompleteParts,
): Complete {
  const parts = {
    policy,
    device,
    modelId,
    isReady: watch.isReady,
    build: watch.build,
    hasOwnRule: hasCompletionRule(options),
    onRefusal: (decision: Decision) =>
      bus.send('decision', { decision, task: 'complete', field: null, sessionId: null }),
    onError: (error: unknown) => bus.send('fallback', memoryWarning(error)),
  };
  return createComplete(parts, options.memory ?? true);
}

function openConnection(options: RuntimeOptions): HostConnection {
  const { models, inProcess, precision, contextLength, maxSlots, createWorker } = options;
  const baseUrl = models?.baseUrl ?? DEFAULT_MODELS_URL;
  return connect({ baseUrl, inProcess, precision, contextLength, maxSlots, createWorker });
}
