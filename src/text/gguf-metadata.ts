import { ModelError } from '../errors.ts';

/** One metadata value of a GGUF file. 64-bit integers may come as `bigint` or, when safe, `number`. */
export type GgufValue =
  | number
  | bigint
  | boolean
  | string
  | readonly GgufValue[]
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** Metadata of a GGUF file by key, e.g. `llama.block_count`. */
export type GgufMetadata = ReadonlyMap<string, GgufValue>;

/** Text at `key`, or `fallback` when the key is absent. Throws `ModelError` `bad-format` otherwise. */
export function metadataString(metadata: GgufMetadata, key: string, fallback?: string): string {
  const value = metadata.get(key) ?? fallback;
  if (typeof value === 'string') return value;
  throw badValue(key, 'a string', value);
}

/** Truth value at `key`, or `fallback` when absent. Throws `ModelError` `bad-format` otherwise. */
export function metadataBoolean(metadata: GgufMetadata, key: string, fallback?: boolean): boolean {
  const value = metadata.get(key) ?? fallback;
  if (typeof value === 'boolean') return value;
  throw badValue(key, 'a boolean', value);
}

/** Finite number at `key`, or `fallback` when absent. Throws `ModelError` `bad-format` otherwise. */
export function metadataNumber(metadata: GgufMetadata, key: string, fallback?: number): number {
  const value = toNumber(metadata.get(key) ?? fallback);
  if (value !== null && Number.isFinite(value)) return value;
  throw badValue(key, 'a finite number', metadata.get(key));
}

/**
 * Whole number from 0 up to 2^53 − 1 at `key`, or `fallback` when absent. Throws `ModelError`
 * `bad-format` otherwise.
 */
export function metadataCount(metadata: GgufMetadata, key: string, fallback?: number): number {
  const value = toNumber(metadata.get(key) ?? fallback);
  if (value !== null && Number.isSafeInteger(value) && value >= 0) return value;
  throw badValue(key, 'a whole number', metadata.get(key));
}

/** Strings at `key`. Throws `ModelError` `bad-format` when absent or when one is not a string. */
export function metadataStrings(metadata: GgufMetadata, key: string): readonly string[] {
  const value = metadata.get(key);
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw badValue(key, 'an array of strings', value);
}

/** Numbers at `key`. Throws `ModelError` `bad-format` when absent or when one is not a safe number. */
export function metadataNumbers(metadata: GgufMetadata, key: string): ArrayLike<number> {
  const value = metadata.get(key);
  if (isNumericView(value)) return value;
  if (!Array.isArray(value)) throw badValue(key, 'an array of numbers', value);
  return value.map((item: GgufValue) => {
    const number = toNumber(item);
    if (number === null) throw badValue(key, 'an array of numbers', item);
    return number;
  });
}

type NumericView =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array;

function isNumericView(value: unknown): value is NumericView {
  if (!ArrayBuffer.isView(value) || value instanceof DataView) return false;
  return !(value instanceof BigInt64Array || value instanceof BigUint64Array);
}

function toNumber(value: GgufValue | undefined): number | null {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint' && BigInt.asIntN(54, value) === value) return Number(value);
  return null;
}

function badValue(key: string, expected: string, value: GgufValue | undefined): ModelError {
  const found = value === undefined ? 'nothing' : describe(value);
  return new ModelError(
    'bad-format',
    `The model file's metadata has ${found} at "${key}", where ${expected} belongs. ` +
      'Get the file again, or another conversion of the model.',
    { details: { key } },
  );
}

function describe(value: GgufValue): string {
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return 'an array';
  if (typeof value === 'string') return 'a string';
  return String(value);
}
