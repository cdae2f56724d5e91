import type { GgufValue } from '../../text/gguf-metadata.ts';
import type { TensorInfo } from './decoder.ts';
import {
  badFormat,
  createGgufCursor,
  MAX_HEADER_BYTES,
  need,
  readSize,
  readText,
  readU32,
} from './gguf-cursor.ts';
import type { GgufCursor, Reading } from './gguf-cursor.ts';
import { layOutTensors, readTensorInfo } from './gguf-tensors.ts';
import { readValue } from './gguf-values.ts';

/** What stands before the weights in a GGUF file. */
export interface GgufHeader {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** In file order. Offsets count from `dataOffset`. */
  readonly tensors: readonly TensorInfo[];
  /** Bytes from the start of the file to the data section. */
  readonly dataOffset: number;
  /** Bytes. */
  readonly alignment: number;
}

/** The finished header and the bytes after it that came in the same piece. */
export interface GgufStart {
  readonly header: GgufHeader;
  /** A view into the pushed bytes: use it before the next call. */
  readonly rest: Uint8Array;
}

export interface GgufReader {
  /**
   * Takes the next bytes of the file, in pieces of any size. Gives `null` until the header and its
   * padding are complete; afterwards every call gives the header with the bytes as `rest`.
   * Throws `ModelError` `bad-format` or `unsupported-tensor-type`.
   */
  push(bytes: Uint8Array): GgufStart | null;
  /** Says that no more bytes come. Throws `ModelError` `bad-format` when the header is incomplete. */
  end(): GgufHeader;
}

/** "GGUF", read as a little-endian number. */
const MAGIC = 0x46554747;
/** Published files have some tens of entries and some hundreds of tensors. */
const MAX_ENTRIES = 65_536;
/** The format's own limit. */
const MAX_KEY_BYTES = 65_535;
const DEFAULT_ALIGNMENT = 32;
const MAX_ALIGNMENT = 65_536;

/**
 * Reads the header of a GGUF file (version 2 or 3, little-endian) while it streams in. Nothing is
 * allocated because a header claims it: memory grows only with bytes that really arrived, up to
 * 64 MiB. `fileBytes`: size of the whole file, when known, to check that all tensors lie inside.
 *
 * @example
 * const reader = createGgufReader();
 * const start = reader.push(bytes);
 * if (start) console.log(start.header.metadata.get('general.architecture'));
 */
export function createGgufReader(fileBytes: number = Number.MAX_SAFE_INTEGER): GgufReader {
  const cursor = createGgufCursor();
  const reading = readHeader(cursor, fileBytes);
  let header: GgufHeader | null = null;
  return {
    push(bytes) {
      if (header !== null) return { header, rest: bytes };
      const before = cursor.length;
      cursor.append(bytes);
      const step = reading.next();
      if (step.done !== true) {
        cursor.keep();
        return null;
      }
      header = step.value ?? fail();
      return { header, rest: bytes.subarray(cursor.position - before) };
    },
    end() {
      if (header !== null) return header;
      throw badFormat(`it ends inside its header, after ${cursor.length} bytes`);
    },
  };
}

/** A reader that threw once has lost its place; a finished generator would return undefined. */
function fail(): never {
  throw badFormat('its header was refused before');
}

function* readHeader(cursor: GgufCursor, fileBytes: number): Reading<GgufHeader> {
  const version = yield* readVersion(cursor);
  const tensorCount = yield* readCount(cursor, 'tensors');
  const entryCount = yield* readCount(cursor, 'metadata entries');
  const metadata = yield* readMetadata(cursor, entryCount);
  const tensors: TensorInfo[] = [];
  for (let index = 0; index < tensorCount; index++) tensors.push(yield* readTensorInfo(cursor));
  const alignment = readAlignment(metadata);
  if (tensorCount > 0) yield* skipPadding(cursor, alignment);
  const dataOffset = cursor.position;
  const ordered = layOutTensors(tensors, alignment, fileBytes - dataOffset);
  return { version, metadata, tensors: ordered, dataOffset, alignment };
}

function* readVersion(cursor: GgufCursor): Reading<number> {
  if ((yield* readU32(cursor)) !== MAGIC) throw badFormat('it does not start with "GGUF"');
  const version = yield* readU32(cursor);
  if (version === 2 || version === 3) return version;
  if (version >>> 16 !== 0) throw badFormat('it is in big-endian byte order');
  throw badFormat(`it is of GGUF version ${version}; versions 2 and 3 can be read`);
}

function* readCount(cursor: GgufCursor, what: string): Reading<number> {
  const count = yield* readSize(cursor, `the number of ${what}`);
  if (count <= MAX_ENTRIES) return count;
  throw badFormat(`it claims ${count} ${what}, at most ${MAX_ENTRIES} may be`);
}

function* readMetadata(cursor: GgufCursor, count: number): Reading<ReadonlyMap<string, GgufValue>> {
  const metadata = new Map<string, GgufValue>();
  for (let index = 0; index < count; index++) {
    const key = yield* readText(cursor, MAX_KEY_BYTES, 'a metadata key');
    if (metadata.has(key)) throw badFormat('a metadata key is there twice');
    metadata.set(key, yield* readValue(cursor, key));
  }
  return metadata;
}

function readAlignment(metadata: ReadonlyMap<string, GgufValue>): number {
  const value = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  const isPowerOfTwo =
    typeof value === 'number' && value >= 1 && Number.isInteger(Math.log2(value));
  if (isPowerOfTwo && value <= MAX_ALIGNMENT) return value;
  throw badFormat('"general.alignment" is not a power of two up to 65536');
}

function* skipPadding(cursor: GgufCursor, alignment: number): Reading<void> {
  const padding = (alignment - (cursor.position % alignment)) % alignment;
  if (cursor.position + padding > MAX_HEADER_BYTES) throw badFormat('its header is too large');
  yield* need(cursor, padding);
  cursor.position += padding;
}
