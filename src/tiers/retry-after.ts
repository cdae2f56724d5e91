/** No server means to be asked again later than in a year; a larger number is cut to it. */
const LONGEST_SECONDS = 365 * 24 * 3600;
/** A longer wait is not worth holding a person up for: another tier should answer. */
const LONGEST_WAIT_SECONDS = 60;

/**
 * Seconds after which the server wants to be asked again, rounded up; `null` when it does not say or
 * says nonsense. Reads `retry-after-ms`, then `retry-after` as seconds or as a date.
 */
export function readRetryAfter(headers: Headers, nowMs: number): number | null {
  const milliseconds = readNumber(headers.get('retry-after-ms'));
  if (milliseconds !== null) return clamp(milliseconds / 1000);
  const value = headers.get('retry-after');
  const seconds = readNumber(value);
  if (seconds !== null) return clamp(seconds);
  // A number that is not one we accept must not be read as a year.
  if (value === null || /^\s*[-+.\d]/.test(value)) return null;
  const dateMs = Date.parse(value);
  return Number.isNaN(dateMs) ? null : clamp(Math.max(0, dateMs - nowMs) / 1000);
}

/** Whether waiting that long and asking again is sensible; never earlier than told. */
export function isWorthWaiting(retryAfterSeconds: number | null): boolean {
  return retryAfterSeconds === null || retryAfterSeconds <= LONGEST_WAIT_SECONDS;
}

function readNumber(value: string | null): number | null {
  return value !== null && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : null;
}

function clamp(seconds: number): number {
  return Math.min(Math.ceil(seconds), LONGEST_SECONDS);
}
