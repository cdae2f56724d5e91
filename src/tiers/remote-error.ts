import { NetworkError, PolicyError, TimeoutError } from '../errors.ts';
import { isWorthWaiting, readRetryAfter } from './retry-after.ts';

/** Which tier and address an error is about. */
export interface RemoteCall {
  readonly tier: string;
  /** Origin and path, without query. */
  readonly endpoint: string;
}

/** Timeout, conflict of a retry, too early, too many: the same call may succeed later. */
const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([408, 409, 425, 429]);

/** The endpoint could not be reached at all. */
export function unreachable(call: RemoteCall, cause: unknown): NetworkError {
  const isOnline = typeof navigator === 'undefined' ? null : (navigator.onLine ?? null);
  return new NetworkError(
    'offline',
    isOnline === false
      ? `The browser is offline: ${call.endpoint} was not reached. Try again with a connection.`
      : `${call.endpoint} could not be reached. Check that the server runs and that the page may connect to it (Content-Security-Policy connect-src).`,
    { cause, details: { ...placeOf(call), isOnline }, isRetryable: true },
  );
}

/** The endpoint answered with an error status; `body` is what it sent, if that was readable. */
export function badStatus(call: RemoteCall, response: Response, body: unknown): NetworkError {
  const { status } = response;
  const { type, code } = readErrorBody(body);
  const retryAfterSeconds = readRetryAfter(response.headers, Date.now());
  const isRetryable =
    (RETRYABLE_STATUSES.has(status) || status >= 500) && isWorthWaiting(retryAfterSeconds);
  return new NetworkError(
    codeFor(code),
    `${call.endpoint} answered with status ${status}${code === null ? '' : ` (${code})`}. ${adviseOn(status, retryAfterSeconds)}`,
    { details: { ...placeOf(call), status, type, code, retryAfterSeconds }, isRetryable },
  );
}

/** The endpoint reported an error inside its answer. */
export function reportedError(call: RemoteCall, error: unknown): NetworkError {
  const { type, code } = readErrorBody({ error });
  return new NetworkError(
    'upstream-failed',
    `${call.endpoint} gave up in the middle of its answer${code === null ? '' : ` (${code})`}. The text so far is incomplete; ask again.`,
    { details: { ...placeOf(call), type, code }, isRetryable: true },
  );
}

/** The answer is not what a chat completion looks like. What it was is never quoted. */
export function badResponse(call: RemoteCall, problem: string, cause?: unknown): NetworkError {
  return new NetworkError(
    'bad-response',
    `${call.endpoint} ${problem}. Check that it speaks OpenAI's chat completions.`,
    { cause, details: placeOf(call) },
  );
}

export function tooLarge(call: RemoteCall, limitBytes: number): NetworkError {
  return new NetworkError(
    'too-large',
    `${call.endpoint} sent more than ${limitBytes} characters without ending an event. The connection was closed.`,
    { details: { ...placeOf(call), limitBytes } },
  );
}

/** The connection ended before anything was answered. */
export function cutBeforeAnswer(call: RemoteCall, cause?: unknown): NetworkError {
  return new NetworkError(
    'truncated',
    `${call.endpoint} closed the connection before it answered. Ask again.`,
    { cause, details: placeOf(call), isRetryable: true },
  );
}

/** The provider's filter withheld the answer: asking another tier would go around it. */
export function refusedByFilter(call: RemoteCall): PolicyError {
  return new PolicyError(
    'refused',
    `The content filter behind ${call.endpoint} withheld the answer.`,
    { details: placeOf(call) },
  );
}

export type DeadlineCode = ConstructorParameters<typeof TimeoutError>[0];

export function tooSlow(call: RemoteCall, code: DeadlineCode, limitMs: number): TimeoutError {
  return new TimeoutError(
    code,
    `${call.endpoint} did not answer in time (${code}, ${limitMs} ms). The connection was closed; ask again.`,
    { details: { ...placeOf(call), limitMs }, isRetryable: true },
  );
}

/** Picked by name: a call also carries the request, which is nobody's business here. */
function placeOf({ tier, endpoint }: RemoteCall): {
  readonly tier: string;
  readonly endpoint: string;
} {
  return { tier, endpoint };
}

interface ErrorFacts {
  readonly type: string | null;
  readonly code: string | null;
}

/** Type and code only: a message may quote the prompt. */
function readErrorBody(body: unknown): ErrorFacts {
  const error = readField(body, 'error');
  return { type: asCode(readField(error, 'type')), code: asCode(readField(error, 'code')) };
}

function readField(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

/** Short identifiers pass; anything that could be prose does not. */
function asCode(value: unknown): string | null {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && /^[\w.-]{1,48}$/.test(value) ? value : null;
}

function codeFor(code: string | null): 'http-status' | 'no-upstream' | 'upstream-failed' {
  return code === 'no-upstream' || code === 'upstream-failed' ? code : 'http-status';
}

function adviseOn(status: number, retryAfterSeconds: number | null): string {
  if (retryAfterSeconds !== null) return `Ask again in ${retryAfterSeconds} seconds.`;
  if (status === 401 || status === 403) return 'The server refused this page: check its session.';
  if (status === 404) return 'Check baseUrl and the name of the model.';
  if (status === 429) return 'Too many requests: wait before asking again.';
  return status >= 500
    ? 'The server failed: ask again later.'
    : 'The request was refused as it is.';
}
