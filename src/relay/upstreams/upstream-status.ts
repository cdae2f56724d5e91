import { readLimited } from '../read-body.ts';
import { RelayError, upstreamFault } from '../relay-error.ts';
import type { FaultOptions } from '../relay-error.ts';

/** Who answered, for messages. */
export interface UpstreamName {
  readonly id: string;
  /** Whether one was sent. */
  readonly hasKey: boolean;
}

/**
 * The error for an upstream's answer that is not 2xx. Of its body only a code known to be harmless
 * is used: providers quote prompts and keys in their messages.
 */
export async function toStatusError(
  response: Response,
  upstream: UpstreamName,
): Promise<RelayError> {
  const code = await readKnownCode(response);
  const retryAfterSeconds = readRetryAfter(response.headers, Date.now());
  const details = { upstream: upstream.id, status: response.status };
  const options = { details, ...(retryAfterSeconds !== null && { retryAfterSeconds }) };
  return describeStatus(response.status, { ...upstream, code, options });
}

/**
 * Seconds until a retry is welcome, from `Retry-After-Ms` or `Retry-After` (seconds or a date).
 * `null` when absent, negative or unreadable.
 */
export function readRetryAfter(headers: Headers, nowMs: number): number | null {
  const milliseconds = readNonNegative(headers.get('retry-after-ms'));
  if (milliseconds !== null) return milliseconds / 1000;
  const value = headers.get('retry-after');
  const seconds = readNonNegative(value);
  if (value === null || seconds !== null) return seconds;
  // A bare number that is negative or malformed must not be taken for a year.
  if (!/[a-z]/i.test(value)) return null;
  const dateMs = Date.parse(value);
  if (Number.isNaN(dateMs)) return null;
  return Math.max(0, (dateMs - nowMs) / 1000);
}

const KNOWN_CODES: ReadonlySet<string> = new Set([
  'context_length_exceeded',
  'content_filter',
  'content_policy_violation',
  'insufficient_quota',
  'model_not_found',
  'rate_limit_exceeded',
]);
const MAX_ERROR_BODY_BYTES = 65_536;

interface StatusFacts extends UpstreamName {
  readonly code: string | null;
  readonly options: FaultOptions;
}

function describeStatus(status: number, facts: StatusFacts): RelayError {
  const { id, code, options } = facts;
  if (status === 401 || status === 403) return keyRefused(status, facts);
  if (status === 404) {
    const message = `The upstream "${id}" does not know the model or the path (404). Check "baseUrl" and "model" in the relay's configuration.`;
    return upstreamFault('upstream-not-found', message, options);
  }
  if (status === 429) return rateLimited(id, code, options);
  if (status === 413 || code === 'context_length_exceeded') {
    const message = `The text is too long for the upstream "${id}". Send less of it.`;
    return rejected('context_length_exceeded', message, { ...options, status: 413 });
  }
  if (status === 400 || status === 422) {
    const message = `The upstream "${id}" refused the request (${status}). Check its parameters against what this model supports.`;
    return rejected(code ?? 'upstream-rejected', message, { ...options, status: 400 });
  }
  return unavailable(status, id, options);
}

function keyRefused(status: number, { id, hasKey, options }: StatusFacts): RelayError {
  // Never 401: the page has no key to correct, and must not think that it needs one.
  // Nor does it get the variable's name: in a misplaced configuration that is the key itself.
  const message = hasKey
    ? `The key of the upstream "${id}" is refused (${status}). Set a valid one in the relay's environment, under the name that its "keyEnv" says.`
    : `The upstream "${id}" wants a key (${status}). Name its environment variable as "keyEnv" in the relay's configuration.`;
  return upstreamFault('upstream-auth', message, options);
}

function rateLimited(id: string, code: string | null, options: FaultOptions): RelayError {
  const message = `The upstream "${id}" takes no more requests now (429). Try again later.`;
  const isQuota = code === 'insufficient_quota';
  return new RelayError(code ?? 'upstream-rate-limited', message, {
    ...options,
    status: 429,
    type: 'rate_limit_error',
    isRetryable: !isQuota,
  });
}

function rejected(
  code: string,
  message: string,
  options: FaultOptions & { readonly status: number },
): RelayError {
  return new RelayError(code, message, { ...options, type: 'invalid_request_error' });
}

function unavailable(status: number, id: string, options: FaultOptions): RelayError {
  if (status === 408 || status === 504) {
    const message = `The upstream "${id}" timed out (${status}). Try again.`;
    return upstreamFault('upstream-timeout', message, {
      ...options,
      status: 504,
      isRetryable: true,
    });
  }
  if (status === 503 || status === 529) {
    const message = `The upstream "${id}" is overloaded (${status}). Try again later.`;
    return upstreamFault('upstream-overloaded', message, {
      ...options,
      status: 503,
      isRetryable: true,
    });
  }
  const isRetryable = status >= 500;
  return upstreamFault('upstream-failed', `The upstream "${id}" answered with status ${status}.`, {
    ...options,
    isRetryable,
  });
}

async function readKnownCode(response: Response): Promise<string | null> {
  try {
    const bytes = await readLimited(response.body, MAX_ERROR_BODY_BYTES);
    if (bytes === null) return null;
    return pickCode(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    // The status alone decides; a broken error body adds nothing and must not be shown.
    return null;
  }
}

function pickCode(body: unknown): string | null {
  if (typeof body !== 'object' || body === null || !('error' in body)) return null;
  const { error } = body;
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return typeof error.code === 'string' && KNOWN_CODES.has(error.code) ? error.code : null;
}

function readNonNegative(value: string | null): number | null {
  if (value === null || !/^\d+(\.\d+)?$/.test(value.trim())) return null;
  return Number(value);
}
