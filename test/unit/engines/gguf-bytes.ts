/** Writes GGUF headers by hand, also wrong ones. Independent of the reader: plain byte lists. */

export interface HandTensor {
  readonly name: string;
  readonly shape: readonly (number | bigint)[];
  readonly type: number;
  readonly offset: number | bigint;
}

export interface HandHeader {
  readonly magic?: string;
  readonly version?: number;
  readonly tensorCount?: number | bigint;
  readonly entryCount?: number | bigint;
  /** Key and the bytes of type and value. */
  readonly entries?: readonly (readonly [string, number[]])[];
  readonly tensors?: readonly HandTensor[];
  readonly alignment?: number;
}

function u8(value: number): number[] {
  return [value & 0xff];
}

export function u32(value: number): number[] {
  return [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
}

export function u64(value: number | bigint): number[] {
  const whole = BigInt.asUintN(64, BigInt(value));
  return Array.from({ length: 8 }, (_, index) => Number((whole >> BigInt(index * 8)) & 0xffn));
}

export function f32(value: number): number[] {
  return [...new Uint8Array(new Float32Array([value]).buffer)];
}

export function text(value: string): number[] {
  const bytes = [...new TextEncoder().encode(value)];
  return [...u64(bytes.length), ...bytes];
}

/** Type and value of a metadata entry. */
export const valueBytes = {
  u32: (value: number): number[] => [...u32(4), ...u32(value)],
  f32: (value: number): number[] => [...u32(6), ...f32(value)],
  bool: (value: boolean): number[] => [...u32(7), ...u8(value ? 1 : 0)],
  text: (value: string): number[] => [...u32(8), ...text(value)],
  u64: (value: number | bigint): number[] => [...u32(10), ...u64(value)],
  texts: (values: readonly string[]): number[] => [
    ...u32(9),
    ...u32(8),
    ...u64(values.length),
    ...values.flatMap(text),
  ],
};

export function ggufBytes(header: HandHeader): Uint8Array {
  const entries = header.entries ?? [];
  const tensors = header.tensors ?? [];
  const bytes = [
    ...new TextEncoder().encode(header.magic ?? 'GGUF'),
    ...u32(header.version ?? 3),
    ...u64(header.tensorCount ?? tensors.length),
    ...u64(header.entryCount ?? entries.length),
    ...entries.flatMap(([key, value]) => [...text(key), ...value]),
    ...tensors.flatMap((tensor) => [
      ...text(tensor.name),
      ...u32(tensor.shape.length),
      ...tensor.shape.flatMap(u64),
      ...u32(tensor.type),
      ...u64(tensor.offset),
    ]),
  ];
  const alignment = header.alignment ?? 32;
  while (tensors.length > 0 && bytes.length % alignment !== 0) bytes.push(0);
  return new Uint8Array(bytes);
}
