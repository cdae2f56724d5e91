import { EdgewiseError, StorageError } from '../errors.ts';

/**
 * Gives a failed storage call its type: `quota-exceeded` when the disk or the origin's share is full,
 * `write-failed` otherwise. `action` completes "Could not …".
 */
export function toStorageError(cause: unknown, action: string): EdgewiseError {
  if (EdgewiseError.is(cause)) return cause;
  if (errorName(cause) === 'QuotaExceededError') {
    return new StorageError(
      'quota-exceeded',
      `Could not ${action}: this site's storage is full. Remove a model or free disk space; until then the model runs from memory.`,
      { cause },
    );
  }
  return new StorageError('write-failed', `Could not ${action}: ${describe(cause)}.`, {
    cause,
    isRetryable: true,
  });
}

/** Whether the connection, not the call, failed: a new connection may do it. */
export function isDeadConnection(cause: unknown): boolean {
  // InvalidStateError: the browser closed the connection ("closing"). UnknownError: its backing
  // store hiccuped. Both are everyday events on phones and heal by reopening.
  return ['InvalidStateError', 'UnknownError'].includes(errorName(cause));
}

function errorName(cause: unknown): string {
  return typeof cause === 'object' && cause !== null && 'name' in cause ? String(cause.name) : '';
}

function describe(cause: unknown): string {
  return cause instanceof Error ? `${cause.name} ${cause.message}` : 'unknown reason';
}
