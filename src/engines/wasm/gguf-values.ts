import type { GgufValue } from '../../text/gguf-metadata.ts';
import {
  badFormat,
  MAX_HEADER_BYTES,
  need,
  peekSize,
  readSize,
  readText,
  readU32,
} from './gguf-cursor.ts';
import type { GgufCursor, Reading } from './gguf-cursor.ts';

/** Most entries of one array: four times the largest published vocabulary with its merges. */
const MAX_ARRAY_LENGTH = 2 ** 22;
/** Deepest arrays of arrays; published files use one level. */
const MAX_NESTING = 4;

const BOOL = 7;
const STRING = 8;
const ARRAY = 9;

type NumberArray = Exclude<GgufValue, number | bigint | boolean | string | readonly GgufValue[]>;

/** How a fixed-size value type is stored: its width, one value, and a packed array of copies. */
interface NumberFormat {
  readonly sizeBytes: number;
  read(view: DataView, position: number): number | bigint | boolean;
  array(buffer: ArrayBuffer): NumberArray;
}

/** By GGUF value type. 64-bit integers become numbers where they are exact. */
const NUMBERS: Readonly<Record<number, NumberFormat>> = {
  0: { sizeBytes: 1, read: (view, at) => view.getUint8(at), array: (b) => new Uint8Array(b) },
  1: { sizeBytes: 1, read: (view, at) => view.getInt8(at), array: (b) => new Int8Array(b) },
  2: {
    sizeBytes: 2,
    read: (view, at) => view.getUint16(at, true),
    array: (b) => new Uint16Array(b),
  },
  3: { sizeBytes: 2, read: (view, at) => view.getInt16(at, true), array: (b) => new Int16Array(b) },
  4: {
    sizeBytes: 4,
    read: (view, at) => view.getUint32(at, true),
    array: (b) => new Uint32Array(b),
  },
  5: { sizeBytes: 4, read: (view, at) => view.getInt32(at, true), array: (b) => new Int32Array(b) },
  6: {
    sizeBytes: 4,
    read: (view, at) => view.getFloat32(at, true),
    array: (b) => new Float32Array(b),
  },
  [BOOL]: {
    sizeBytes: 1,
    read: (view, at) => view.getUint8(at) !== 0,
    array: (b) => new Uint8Array(b),
  },
  10: {
    sizeBytes: 8,
    read: (view, at) => whenExact(view.getBigUint64(at, true)),
    array: (b) => new BigUint64Array(b),
  },
  11: {
    sizeBytes: 8,
    read: (view, at) => whenExact(view.getBigInt64(at, true)),
    array: (b) => new BigInt64Array(b),
  },
  12: {
    sizeBytes: 8,
    read: (view, at) => view.getFloat64(at, true),
    array: (b) => new Float64Array(b),
  },
};

/** Where a value stands: its key, and how many arrays are around it. */
interface Place {
  readonly key: string;
  readonly depth: number;
}

/**
 * One metadata value. Arrays of numbers come as typed arrays (of booleans: `Uint8Array` of 0 and 1),
 * copied out of the header. Throws `ModelError` `bad-format`.
 */
export function* readValue(cursor: GgufCursor, key: string): Reading<GgufValue> {
  const type = yield* readU32(cursor);
  if (type === STRING) return yield* readText(cursor, MAX_HEADER_BYTES, `the text at "${key}"`);
  if (type === ARRAY) return yield* readArray(cursor, { key, depth: 1 });
  const format = numberFormat(type, key);
  yield* need(cursor, format.sizeBytes);
  const value = format.read(cursor.view, cursor.position);
  cursor.position += format.sizeBytes;
  return value;
}

function* readArray(cursor: GgufCursor, { key, depth }: Place): Reading<GgufValue> {
  if (depth > MAX_NESTING) throw badFormat(`"${key}" nests arrays deeper than ${MAX_NESTING}`);
  const type = yield* readU32(cursor);
  const count = yield* readSize(cursor, `the array length at "${key}"`);
  if (count > MAX_ARRAY_LENGTH) {
    throw badFormat(`"${key}" claims ${count} entries, at most ${MAX_ARRAY_LENGTH} may be`);
  }
  if (type === STRING) return yield* readStrings(cursor, key, count);
  if (type !== ARRAY) return yield* readNumbers(cursor, numberFormat(type, key), count);
  const values: GgufValue[] = [];
  for (let index = 0; index < count; index++) {
    values.push(yield* readArray(cursor, { key, depth: depth + 1 }));
  }
  return values;
}

function* readNumbers(cursor: GgufCursor, format: NumberFormat, count: number): Reading<GgufValue> {
  const sizeBytes = count * format.sizeBytes;
  // All bytes are here before anything of that size is allocated.
  yield* need(cursor, sizeBytes);
  const start = cursor.bytes.byteOffset + cursor.position;
  cursor.position += sizeBytes;
  const packed = new Uint8Array(sizeBytes);
  packed.set(new Uint8Array(cursor.bytes.buffer, start, sizeBytes));
  return format.array(packed.buffer);
}

/**
 * Strings are found first and decoded together: 98,000 single decodes would cost more than the
 * rest of the header.
 */
function* readStrings(cursor: GgufCursor, key: string, count: number): Reading<readonly string[]> {
  const start = cursor.position;
  for (let index = 0; index < count; index++) {
    // Most often everything is here already, and then no generator is made for the entry.
    if (cursor.length - cursor.position < 8) yield* need(cursor, 8);
    const length = peekSize(cursor, cursor.position);
    if (length > MAX_HEADER_BYTES) throw badFormat(`a text in "${key}" claims ${length} bytes`);
    if (cursor.length - cursor.position < 8 + length) yield* need(cursor, 8 + length);
    cursor.position += 8 + length;
  }
  return decodeStrings(cursor, start, count);
}

function decodeStrings(cursor: GgufCursor, start: number, count: number): readonly string[] {
  const joined = new Uint8Array(cursor.position - start - count * 8);
  const ends = new Uint32Array(count);
  let from = start;
  let to = 0;
  for (let index = 0; index < count; index++) {
    const length = peekSize(cursor, from);
    joined.set(cursor.bytes.subarray(from + 8, from + 8 + length), to);
    from += 8 + length;
    to += length;
    ends[index] = to;
  }
  return splitWhole(joined, ends) ?? splitEach(joined, ends);
}

/** Decodes everything at once and cuts at UTF-16 positions; `null` when any of it is not UTF-8. */
function splitWhole(joined: Uint8Array, ends: Uint32Array): string[] | null {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(joined);
  } catch {
    return null;
  }
  const strings: string[] = [];
  let byte = 0;
  let unit = 0;
  for (const end of ends) {
    const start = unit;
    // A string that starts inside a character was cut by whoever made the file: decode each alone.
    if (byte < end && isContinuation(joined[byte] ?? 0)) return null;
    for (; byte < end; byte++) unit += utf16Units(joined[byte] ?? 0);
    strings.push(text.slice(start, unit));
  }
  return strings;
}

function splitEach(joined: Uint8Array, ends: Uint32Array): string[] {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const strings: string[] = [];
  let start = 0;
  for (const end of ends) {
    strings.push(decoder.decode(joined.subarray(start, end)));
    start = end;
  }
  return strings;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** UTF-16 units of the character that starts with `byte`; 0 for the bytes inside one. */
function utf16Units(byte: number): number {
  if (isContinuation(byte)) return 0;
  return byte >= 0xf0 ? 2 : 1;
}

function numberFormat(type: number, key: string): NumberFormat {
  const format = NUMBERS[type];
  if (format === undefined) throw badFormat(`"${key}" has the unknown value type ${type}`);
  return format;
}

function whenExact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
