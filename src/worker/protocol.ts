import type {
  CatalogueEntry,
  ClassificationEvidence,
  DownloadProgress,
  EngineRequest,
  EngineStep,
  ModelAvailability,
  ModelInfo,
  ModelState,
  Precision,
  StudentInfo,
} from '../types.ts';
import { isWireError } from './wire-error.ts';
import type { WireError } from './wire-error.ts';

/*
 *  page                                              worker
 *   │ start { options, port, controlPort } ───────────► │   once, on the worker itself
 *   │ ◄─────────────────────────────── ready { hasLock } │   on our port, from here on
 *   │ generate { request } ───────────────────────────► │
 *   │ ◄──────────────────── step* · then nothing · or error │   same id as the generate
 *   │ classify { request } ───────────────────────────► │
 *   │ ◄──────────── classified { answer } or error, same id │
 *   │ abort (id of the call to end) ──────────────────► │
 *   │ ping ───────────────────────────────────────────► │
 *   │ ◄───────────────────────────────────────────── pong │
 *   │ ◄────────────── progress (id of the download call) │
 *   │ ◄───────────────────────── state · warning (id 0) │
 *   └ comlink on controlPort: HostControl, one call each
 *
 * A run is over with its `end` step or an `error`. After an abort the page expects nothing more.
 */

/** Carried by every message, so that one meant for another worker, tab or call is never taken. */
export interface Envelope {
  /** Which start of the worker this belongs to. */
  readonly epoch: string;
  /** Who sent it: a page's id, or `host`. */
  readonly from: string;
  /** The call it belongs to; 0 for what belongs to none. */
  readonly id: number;
}

/** Keystroke completion before answers people wait for, before work nobody waits for. */
export type Priority = 'keystroke' | 'interactive' | 'deferred';

/** Most urgent first. */
export const PRIORITIES: readonly Priority[] = ['keystroke', 'interactive', 'deferred'];

export interface GenerateRequest extends EngineRequest {
  readonly modelId: string;
  readonly priority: Priority;
}

/** One text for one student. */
export interface ClassifyRequest {
  /** Absolute URL of the student's folder; ends with a slash. */
  readonly studentUrl: string;
  readonly text: string;
}

/** What a student says of one text. */
export interface StudentAnswer {
  /** Of the file that answered: a later worker may have opened a newer one. */
  readonly studentSha256: string;
  readonly label: string;
  readonly probabilities: Readonly<Record<string, number>>;
  readonly evidence: ClassificationEvidence;
  /** Time the student computed. */
  readonly busyMs: number;
}

/** What a host needs from the page that starts it. */
export interface StartOptions {
  /** Absolute URL of the folder with `catalogue.json`; ends with a slash. */
  readonly baseUrl: string;
  readonly precision?: Precision;
  readonly contextLength?: number;
  readonly maxSlots?: number;
}

export type StartMessage = Envelope & {
  readonly type: 'start';
  readonly options: StartOptions;
  readonly port: MessagePort;
  readonly controlPort: MessagePort;
};

export type PageMessage = Envelope &
  (
    | { readonly type: 'generate'; readonly request: GenerateRequest }
    | { readonly type: 'classify'; readonly request: ClassifyRequest }
    | { readonly type: 'abort' }
    | { readonly type: 'ping' }
  );

/**
 * `storage-unavailable`: storage cannot be opened or written, so nothing more stays;
 * `storage-full`: the rest of this download does not stay;
 * `shard-…`: a stored part was mended, or could not be.
 */
export type WarningCode =
  | 'storage-unavailable'
  | 'storage-full'
  | 'shard-missing'
  | 'shard-damaged'
  | 'shard-not-stored';

export interface HostWarning {
  readonly code: WarningCode;
  /** For developers; says what happened and what follows. */
  readonly message: string;
}

export type WireModelState =
  | Exclude<ModelState, { status: 'error' }>
  | { readonly status: 'error'; readonly error: WireError };

export type HostMessage = Envelope &
  (
    | { readonly type: 'ready'; readonly hasLock: boolean }
    | { readonly type: 'pong' }
    | { readonly type: 'step'; readonly step: EngineStep }
    | { readonly type: 'classified'; readonly answer: StudentAnswer }
    | { readonly type: 'error'; readonly error: WireError }
    | { readonly type: 'progress'; readonly progress: DownloadProgress }
    | { readonly type: 'state'; readonly modelId: string; readonly state: WireModelState }
    | { readonly type: 'warning'; readonly warning: HostWarning }
  );

/** Outcome of a control call: comlink would strip a thrown error of its class and code. */
export type WireResult<Value> =
  | { readonly status: 'ok'; readonly value: Value }
  | { readonly status: 'failed'; readonly error: WireError };

export type ModelCall = Envelope & { readonly modelId: string };

/** `acceptLicence`: the person has seen and accepted the terms of this model. */
export type DownloadCall = ModelCall & { readonly acceptLicence: boolean };

export type StudentCall = Envelope & Pick<ClassifyRequest, 'studentUrl'>;

/** The calls comlink carries. They end early by an `abort` with their id on our own port. */
export interface HostControl {
  catalogue(call: Envelope): Promise<WireResult<readonly CatalogueEntry[]>>;
  availability(call: ModelCall): Promise<WireResult<ModelAvailability>>;
  download(call: DownloadCall): Promise<WireResult<null>>;
  load(call: ModelCall): Promise<WireResult<ModelInfo>>;
  unload(call: Envelope): Promise<WireResult<null>>;
  remove(call: ModelCall): Promise<WireResult<null>>;
  student(call: StudentCall): Promise<WireResult<StudentInfo>>;
}

/** The message when it is one a page sends, else `null`: strangers are ignored, never answered. */
export function parsePageMessage(data: unknown): PageMessage | null {
  const message = asMessage(data);
  if (message === null) return null;
  switch (message['type']) {
    case 'abort':
    case 'ping':
      return message as unknown as PageMessage;
    case 'generate':
      return isGenerateRequest(message['request']) ? (message as unknown as PageMessage) : null;
    case 'classify':
      return isClassifyRequest(message['request']) ? (message as unknown as PageMessage) : null;
    default:
      return null;
  }
}

/** The message when it is one a host sends, else `null`. */
export function parseHostMessage(data: unknown): HostMessage | null {
  const message = asMessage(data);
  if (message === null) return null;
  const isValid = HOST_SHAPES[String(message['type'])];
  return isValid !== undefined && isValid(message) ? (message as unknown as HostMessage) : null;
}

/** The message when it is the one that starts a worker, else `null`. */
export function parseStartMessage(data: unknown): StartMessage | null {
  const message = asMessage(data);
  if (message === null) return null;
  const options = message['options'];
  const isStart =
    message['type'] === 'start' &&
    isRecord(options) &&
    isText(options['baseUrl']) &&
    isOptional(options['precision'], (value) => value === 'exact' || value === 'fast') &&
    isOptional(options['contextLength'], isNatural) &&
    isOptional(options['maxSlots'], isNatural) &&
    message['port'] instanceof MessagePort &&
    message['controlPort'] instanceof MessagePort;
  return isStart ? (message as unknown as StartMessage) : null;
}

/** Whether a control call carries what every message must. */
export function isEnvelope(value: unknown): value is Envelope {
  return (
    isRecord(value) && isText(value['epoch']) && isText(value['from']) && isNatural(value['id'])
  );
}

/** Whether an engine can be handed this request as it stands. */
export function isGenerateRequest(value: unknown): value is GenerateRequest {
  return (
    isRecord(value) &&
    isText(value['modelId']) &&
    isText(value['sessionId']) &&
    PRIORITIES.some((priority) => priority === value['priority']) &&
    isInput(value['input']) &&
    isNatural(value['maxTokens']) &&
    isOptional(value['stop'], (stop) => Array.isArray(stop) && stop.every(isString)) &&
    isOptional(value['minProduct'], isNumber) &&
    isOptional(value['isOneShot'], isFlag) &&
    isOptional(value['isPromptOnly'], isFlag) &&
    isOptional(
      value['sampling'],
      (sampling) => isRecord(sampling) && Object.values(sampling).every(isOptionalNumber),
    )
  );
}

function isClassifyRequest(value: unknown): boolean {
  return isRecord(value) && isText(value['studentUrl']) && isString(value['text']);
}

type Fields = Readonly<Record<string, unknown>>;

const MODEL_STATUSES: readonly unknown[] = [
  'absent',
  'downloading',
  'stored',
  'loading',
  'ready',
  'error',
];

const HOST_SHAPES: Readonly<Record<string, (message: Fields) => boolean>> = {
  // No prototype: `constructor` and the like are strangers too.
  __proto__: null as never,
  ready: (message) => typeof message['hasLock'] === 'boolean',
  pong: () => true,
  step: (message) => isStep(message['step']),
  classified: (message) => isRecord(message['answer']) && isText(message['answer']['label']),
  error: (message) => isWireError(message['error']),
  progress: (message) =>
    isRecord(message['progress']) && isNumber(message['progress']['doneBytes']),
  state: (message) => isText(message['modelId']) && isState(message['state']),
  warning: (message) => isRecord(message['warning']) && isText(message['warning']['code']),
};

function asMessage(data: unknown): (Envelope & Fields) | null {
  const record: unknown = data;
  return isEnvelope(record) ? (record as unknown as Envelope & Fields) : null;
}

function isInput(value: unknown): boolean {
  if (!isRecord(value)) return false;
  switch (value['kind']) {
    case 'prefix':
      return isString(value['before']) && isOptional(value['after'], isString);
    case 'text':
      return isString(value['text']);
    case 'messages':
      return Array.isArray(value['messages']) && value['messages'].every(isChatMessage);
    default:
      return false;
  }
}

function isChatMessage(value: unknown): boolean {
  return (
    isRecord(value) &&
    isString(value['content']) &&
    ['system', 'user', 'assistant'].some((role) => role === value['role'])
  );
}

function isStep(value: unknown): boolean {
  if (!isRecord(value)) return false;
  switch (value['type']) {
    case 'prefill':
      return isNumber(value['doneTokens']) && isNumber(value['totalTokens']);
    case 'token':
      return isString(value['text']) && isRecord(value['evidence']);
    case 'end':
      return isString(value['reason']) && isRecord(value['usage']);
    default:
      return false;
  }
}

function isState(value: unknown): boolean {
  if (!isRecord(value) || !MODEL_STATUSES.includes(value['status'])) return false;
  return value['status'] !== 'error' || isWireError(value['error']);
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isFlag(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && !Number.isNaN(value);
}

function isOptionalNumber(value: unknown): boolean {
  return value === undefined || isNumber(value);
}

function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isOptional(value: unknown, isValid: (value: unknown) => boolean): boolean {
  return value === undefined || isValid(value);
}
