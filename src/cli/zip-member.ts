import { EdgewiseError, ModelError, UnsupportedError } from '../errors.ts';
import { nodeErrorCode } from './disk-error.ts';

/** Streams one file out of a zip archive, piece by piece, without unpacking the rest. */
export async function readZipMember(
  path: string,
  member: string,
  onPiece: (piece: Uint8Array) => Promise<void>,
): Promise<void> {
  const { openPromise } = await loadYauzl();
  const archive = await openPromise(path, { lazyEntries: true, autoClose: false });
  try {
    for await (const entry of archive.eachEntry()) {
      if (entry.fileName !== member) continue;
      for await (const piece of await archive.openReadStreamPromise(entry)) await onPiece(piece);
      return;
    }
  } catch (cause) {
    if (EdgewiseError.is(cause)) throw cause;
    throw new ModelError('bad-format', `Could not unpack ${path}: it is damaged.`, { cause });
  } finally {
    archive.close();
  }
  throw new ModelError('no-source', `The archive ${path} holds no ${member}.`);
}

/** Throws `UnsupportedError` `feature-missing` with the line that installs what unpacking needs. */
export async function requireUnpacking(): Promise<void> {
  await loadYauzl();
}

/** Optional: only this source needs it. */
async function loadYauzl(): Promise<typeof import('yauzl')> {
  try {
    return await import('yauzl');
  } catch (cause) {
    if (nodeErrorCode(cause) !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new UnsupportedError(
      'feature-missing',
      'Unpacking a Python package needs yauzl. Install it: npm install yauzl',
      { cause },
    );
  }
}
