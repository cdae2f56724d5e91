import type { EgressRule } from '../cascade/egress.ts';
import type { Rule } from '../cascade/rules.ts';
import type { CollapseChoice } from '../cascade/turn.ts';
import { checkAddress } from '../tiers/endpoint.ts';
import type { RemoteTierOptions } from '../tiers/remote.ts';
import type { Mode, Precision } from '../types.ts';

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

/** A small trained classifier that sorts the texts of one task. */
export interface StudentOptions {
  /** Folder with `student.json`, as `edgewise distil` writes it; relative to the page. */
  readonly url: string | URL;
  /** What it sorts. Default `classify`. */
  readonly task?: string;
  /**
   * Most loss, as a share of all requests: kept here, wrong, and right in the cloud. The threshold is
   * the one certified for it. Default 0.02.
   */
  readonly lossBudget?: number;
}

export interface RuntimeOptions {
  /** Folder with `catalogue.json` and the models, by default `/models/`; in Node absolute. */
  readonly models?: { readonly baseUrl?: string | URL };
  /** Model that completes and answers. Default `smollm2-135m-instruct-q4_1`. */
  readonly model?: string;
  /** Small trained classifiers, one per task. Fetched when first used. Default: none. */
  readonly students?: readonly StudentOptions[];
  /** Default `prefer-on-device`. */
  readonly mode?: Mode;
  /**
   * Remembers what is typed in attached fields, on this device and nowhere else, to complete it better.
   * Default `true`.
   */
  readonly memory?: boolean;
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

const EXAMPLE =
  "createRuntime({ models: { baseUrl: '/models/' }, students: [{ url: '/models/students/banking77/' }], remote: { baseUrl: '/edge/v1' } })";

/**
 * Throws `TypeError` naming the first option that is unknown or has a wrong value, `PolicyError` for an
 * endpoint that may not be used.
 */
export function checkOptions(options: unknown): void {
  checkFields('', options, OPTIONS);
  const { models, remote, students } = options as RuntimeOptions;
  checkFields('models.', models ?? {}, MODELS_OPTIONS);
  for (const student of students ?? []) {
    checkFields('students.', student, STUDENT_OPTIONS);
    requireText('students', 'url', student.url);
  }
  if (remote == null) return;
  checkFields('remote.', remote, REMOTE_OPTIONS);
  requireText('remote', 'baseUrl', remote.baseUrl);
  checkAddress(remote);
}

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
  students: Array.isArray,
  mode: isAnything,
  memory: isFlag,
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

const isAddress: Check = (value) => isText(value) || value instanceof URL;

const MODELS_OPTIONS = {
  baseUrl: isAddress,
} satisfies Record<keyof NonNullable<RuntimeOptions['models']>, Check>;

const STUDENT_OPTIONS = {
  url: isAddress,
  task: isText,
  lossBudget: (value) => Number(value) > 0 && Number(value) < 1,
} satisfies Record<keyof StudentOptions, Check>;

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

function requireText(place: string, name: string, value: unknown): void {
  if (value === undefined) throw new TypeError(`${place} needs ${name}, as in ${EXAMPLE}.`);
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
