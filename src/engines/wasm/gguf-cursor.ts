import { ModelError } from '../../errors.ts';

/** Most bytes a header may take. The largest published vocabularies (256k tokens) need about 16 MiB. */
export const MAX_HEADER_BYTES: number = 64 * 1024 * 1024;

/** A generator that yields while it waits for more bytes and returns `T` once it has them. */
export type Reading<T> = Generator<undefined, T, undefined>;

/** Little-endian reader over bytes that are still arriving. */
export interface GgufCursor {
  /** All bytes so far; replaced when more arrive, so never keep it across a `yield`. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Bytes that have arrived. */
  readonly length: number;
  position: number;
  /** Adds bytes. They are used in place until `keep` copies them. */
  append(bytes: Uint8Array): void;
  /** Copies what `append` borrowed, as the caller may reuse its buffer. */
  keep(): void;
}

export function createGgufCursor(): GgufCursor {
  let storage: Uint8Array = new Uint8Array(0);
  let isBorrowed = false;
  const cursor: Writable<GgufCursor> = {
    bytes: storage,
    view: new DataView(storage.buffer),
    length: 0,
    position: 0,
    append(more) {
      if (cursor.length === 0) {
        isBorrowed = true;
        return use(more, more.length);
      }
      const length = cursor.length + more.length;
      reserve(length);
      storage.set(more, cursor.length);
      use(storage, length);
    },
    keep() {
      if (!isBorrowed) return;
      isBorrowed = false;
      storage = cursor.bytes.slice(0, cursor.length);
      use(storage, storage.length);
    },
  };
  return cursor;

  function use(bytes: Uint8Array, length: number): void {
    cursor.bytes = bytes;
    cursor.view = new DataView(bytes.buffer, bytes.byteOffset, length);
    cursor.length = length;
  }

  function reserve(length: number): void {
    if (length <= storage.length) return;
    // Doubling keeps the copying linear in the header's size however small the pieces are.
    const grown = new Uint8Array(Math.max(length, storage.length * 2));
    grown.set(storage.subarray(0, cursor.length));
    storage = grown;
  }
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Waits until `count` bytes lie ahead of the position; refuses a header that grows past the cap. */
export function* need(cursor: GgufCursor, count: number): Reading<void> {
  if (cursor.position + count > MAX_HEADER_BYTES) {
    throw badFormat(`its header claims more than ${MAX_HEADER_BYTES} bytes`);
  }
  while (cursor.length - cursor.position < count) yield;
}

export function* readU32(cursor: GgufCursor): Reading<number> {
  yield* need(cursor, 4);
  const value = cursor.view.getUint32(cursor.position, true);
  cursor.position += 4;
  return value;
}

/** A 64-bit count, length or offset; above 2^53 − 1 no file can mean it. */
export function* readSize(cursor: GgufCursor, what: string): Reading<number> {
  yield* need(cursor, 8);
  const value = peekSize(cursor, cursor.position);
  if (!Number.isSafeInteger(value)) throw badFormat(`${what} is out of range`);
  cursor.position += 8;
  return value;
}

/** The 64-bit size at `position`, inexact above 2^53; the caller checks that 8 bytes are there. */
export function peekSize(cursor: GgufCursor, position: number): number {
  return (
    cursor.view.getUint32(position, true) + cursor.view.getUint32(position + 4, true) * 2 ** 32
  );
}

/** Text with a 64-bit length before it; invalid UTF-8 becomes U+FFFD. */
export function* readText(cursor: GgufCursor, maxBytes: number, what: string): Reading<string> {
  const length = yield* readSize(cursor, `the length of ${what}`);
  if (length > maxBytes)
    throw badFormat(`${what} claims ${length} bytes, at most ${maxBytes} may be`);
  yield* need(cursor, length);
  const start = cursor.position;
  cursor.position += length;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(
    cursor.bytes.subarray(start, start + length),
  );
}

export function badFormat(reason: string, cause?: unknown): ModelError {
  return new ModelError(
    'bad-format',
    `This is not a GGUF model file that can be read: ${reason}. ` +
      'Get the file again, or another conversion of the model.',
    cause === undefined ? {} : { cause },
  );
}
