import { EdgewiseError } from '../errors.ts';
import type { ErrorOptions } from '../errors.ts';

/** The groups OpenAI's clients branch on. */
export type RelayErrorType =
  | 'invalid_request_error'
  | 'permission_error'
  | 'rate_limit_error'
  | 'upstream_error'
  | 'server_error';

export interface FaultOptions extends ErrorOptions {
  /** Field of the request that is wrong, as a path: `messages.0.role`. */
  readonly param?: string;
  /** Seconds after which the same call may succeed. */
  readonly retryAfterSeconds?: number;
}

export interface RelayErrorOptions extends FaultOptions {
  /** HTTP status the page gets. */
  readonly status: number;
  readonly type: RelayErrorType;
}

/** What went wrong with one relayed call, with the HTTP status the page gets. */
export class RelayError extends EdgewiseError {
  override readonly name = 'RelayError';
  readonly status: number;
  readonly type: RelayErrorType;
  readonly param: string | null;
  readonly retryAfterSeconds: number | null;

  constructor(code: string, message: string, options: RelayErrorOptions) {
    super(code, message, options);
    this.status = options.status;
    this.type = options.type;
    this.param = options.param ?? null;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }
}

/** The page sent something wrong: status 400 and the field concerned. */
export function invalidRequest(code: string, message: string, param?: string): RelayError {
  const type = 'invalid_request_error';
  return new RelayError(code, message, { status: 400, type, ...(param && { param }) });
}

/** The upstream failed or answered nonsense. Default status 502. */
export function upstreamFault(
  code: string,
  message: string,
  options: FaultOptions & { readonly status?: number } = {},
): RelayError {
  return new RelayError(code, message, { status: 502, type: 'upstream_error', ...options });
}

const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  'context-full': 400,
  'not-downloaded': 503,
  'not-found': 503,
  'no-source': 503,
  closed: 503,
  'worker-crashed': 502,
  'out-of-memory': 503,
  'first-token-timeout': 504,
  'idle-timeout': 504,
  'total-timeout': 504,
};

/**
 * Any thrown value as a `RelayError`. Errors of other parts keep their code and message (they hold
 * no prompt text by contract); a stranger's message might hold some, so it is not passed on.
 */
export function toRelayError(error: unknown): RelayError {
  if (error instanceof RelayError) return error;
  if (!EdgewiseError.is(error)) {
    return new RelayError('internal', 'The relay failed unexpectedly. Its log may say why.', {
      status: 500,
      type: 'server_error',
      cause: error,
    });
  }
  const status = STATUS_BY_CODE[error.code] ?? 502;
  const type = status === 400 ? 'invalid_request_error' : 'upstream_error';
  const { code, message, isRetryable } = error;
  return new RelayError(code, message, { status, type, isRetryable, cause: error });
}

/**
 * Where an unexpected error came from, for the owner's log: its name and stack without the message,
 * which might quote a prompt. `null` for errors that explain themselves.
 */
export function faultPlace(error: RelayError): string | null {
  if (error.code !== 'internal') return null;
  if (typeof error.details['place'] === 'string') return error.details['place'];
  if (!(error.cause instanceof Error)) return null;
  const frames = (error.cause.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return [error.cause.name, ...frames].join('\n');
}

export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: RelayErrorType;
    readonly param: string | null;
    readonly code: string;
  };
}

/** The error in OpenAI's shape. */
export function toErrorBody(error: RelayError): ErrorBody {
  const { message, type, param, code } = error;
  return { error: { message, type, param, code } };
}

/** The error as a response in OpenAI's shape. */
export function toErrorResponse(error: RelayError): Response {
  const headers = new Headers({ 'cache-control': 'no-store' });
  if (error.retryAfterSeconds !== null) {
    headers.set('retry-after', String(Math.ceil(error.retryAfterSeconds)));
  }
  return Response.json(toErrorBody(error), { status: error.status, headers });
}
