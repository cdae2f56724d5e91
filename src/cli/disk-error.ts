import { statfs } from 'node:fs/promises';
import { EdgewiseError, StorageError } from '../errors.ts';

/** Gives a failed file call its type and says what to do. */
export function toDiskError(cause: unknown, path: string): EdgewiseError {
  if (EdgewiseError.is(cause)) return cause;
  const code = nodeErrorCode(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(path, null, cause);
  const isForbidden = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
  const advice = isForbidden
    ? 'choose another folder with --out, or another cache with XDG_CACHE_HOME'
    : 'check the path and the disk';
  return new StorageError('write-failed', `Could not write ${path} (${code}): ${advice}.`, {
    cause,
    details: { path, code },
  });
}

/** Throws `StorageError` `quota-exceeded` when `folder`'s disk cannot take `neededBytes`. */
export async function ensureDiskSpace(folder: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < neededBytes) throw diskFull(folder, neededBytes, undefined);
}

/** Node's code of a failed system call, such as `ENOENT`; `unknown` when there is none. */
export function nodeErrorCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown';
}

function diskFull(path: string, neededBytes: number | null, cause: unknown): StorageError {
  const need = neededBytes === null ? '' : ` (${Math.ceil(neededBytes / 1e6)} MB are needed)`;
  return new StorageError(
    'quota-exceeded',
    `The disk is full at ${path}${need}: free some space, or point XDG_CACHE_HOME to another disk.`,
    { cause, details: { path, neededBytes } },
  );
}
