import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { ModelError } from '../errors.ts';
import { toDiskError } from './disk-error.ts';

/** The unit of download, check and repair in browsers. */
export const SHARD_BYTES: number = 4 * 2 ** 20;

export interface ModelDigest {
  readonly sizeBytes: number;
  readonly sha256: string;
  /** SHA-256 of each shard of `SHARD_BYTES`, in order. */
  readonly shards: readonly string[];
}

/** A file that is hashed while it is written, so that it need not be read again. */
export interface ModelWriter {
  readonly path: string;
  /** Bytes written so far. */
  readonly sizeBytes: number;
  /** Throws `ModelError` `size-mismatch` beyond the expected size, `StorageError` on a full disk. */
  write(bytes: Uint8Array): Promise<void>;
  /** Forgets what was written: the source starts again from byte 0. */
  restart(): Promise<void>;
  /** Puts everything on disk and gives the hashes. */
  finish(): Promise<ModelDigest>;
  /** Closes, and removes the file unless it was renamed. Idempotent. */
  discard(): Promise<void>;
}

/** Creates `path` (which must not exist) for a model of `expectedBytes`, if known. */
export async function createModelWriter(
  path: string,
  expectedBytes: number | null,
): Promise<ModelWriter> {
  const file = await openNew(path);
  let digester = createDigester();
  let isClosed = false;

  async function close(): Promise<void> {
    if (isClosed) return;
    isClosed = true;
    await file.close();
  }

  /** `write` may store less than asked when the disk is nearly full. */
  async function storeAt(position: number, bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length;) {
        const length = bytes.length - done;
        const { bytesWritten } = await file.write(bytes, done, length, position + done);
        done += bytesWritten;
      }
    } catch (error) {
      throw toDiskError(error, path);
    }
  }

  return {
    path,
    get sizeBytes() {
      return digester.sizeBytes();
    },
    async write(bytes) {
      const position = digester.sizeBytes();
      if (expectedBytes !== null && position + bytes.length > expectedBytes) {
        throw tooLarge(expectedBytes);
      }
      await storeAt(position, bytes);
      digester.update(bytes);
    },
    async restart() {
      await file.truncate(0);
      digester = createDigester();
    },
    async finish() {
      try {
        await file.sync();
      } catch (error) {
        throw toDiskError(error, path);
      }
      await close();
      return digester.digest();
    },
    async discard() {
      await close();
      await rm(path, { force: true });
    },
  };
}

/** Hashes a file that is already there. */
export async function digestFile(path: string, signal?: AbortSignal): Promise<ModelDigest> {
  const digester = createDigester();
  for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    signal?.throwIfAborted();
    digester.update(piece);
  }
  return digester.digest();
}

interface Digester {
  sizeBytes(): number;
  update(bytes: Uint8Array): void;
  digest(): ModelDigest;
}

function createDigester(): Digester {
  const whole = createHash('sha256');
  const shards: string[] = [];
  let shard: Hash = createHash('sha256');
  let shardFilled = 0;
  let sizeBytes = 0;

  function endShard(): void {
    shards.push(shard.digest('hex'));
    shard = createHash('sha256');
    shardFilled = 0;
  }

  return {
    sizeBytes: () => sizeBytes,
    update(bytes) {
      whole.update(bytes);
      sizeBytes += bytes.length;
      for (let rest = bytes; rest.length > 0;) {
        const part = rest.subarray(0, SHARD_BYTES - shardFilled);
        shard.update(part);
        shardFilled += part.length;
        rest = rest.subarray(part.length);
        if (shardFilled === SHARD_BYTES) endShard();
      }
    },
    digest() {
      if (shardFilled > 0) endShard();
      return { sizeBytes, sha256: whole.digest('hex'), shards };
    },
  };
}

async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx');
  } catch (error) {
    throw toDiskError(error, path);
  }
}

function tooLarge(expectedBytes: number): ModelError {
  return new ModelError(
    'size-mismatch',
    `The source sends more than the ${expectedBytes} bytes the catalogue promises: it is another file.`,
    { details: { expectedBytes } },
  );
}
