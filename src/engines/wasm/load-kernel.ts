import { EngineError, UnsupportedError } from '../../errors.ts';
import type { Precision } from '../../types.ts';

/** What both kernel builds export; pointers are byte offsets into the memory given to them. */
export interface Kernel {
  heapBase(): number;
  usesInt8(): number;
  repackQ4_0(source: number, target: number, groups: number, blocks: number): void;
  repackQ4_1(source: number, target: number, groups: number, blocks: number): void;
  repackQ5_0(source: number, target: number, groups: number, blocks: number): void;
  repackQ5_1(source: number, target: number, groups: number, blocks: number): void;
  repackQ8_0(source: number, target: number, groups: number, blocks: number): void;
  repackQ4_K(source: number, target: number, groups: number, blocks: number): void;
  repackQ5_K(source: number, target: number, groups: number, blocks: number): void;
  repackQ6_K(source: number, target: number, groups: number, blocks: number): void;
  repackF16(source: number, target: number, groups: number, columns: number): void;
  repackF32(source: number, target: number, groups: number, columns: number): void;
  quantizeInt8(
    source: number,
    stride: number,
    target: number,
    blocks: number,
    tokens: number,
  ): void;
  quantizeInt16(
    source: number,
    stride: number,
    target: number,
    blocks: number,
    tokens: number,
    order: number,
  ): void;
  matvec4(w: number, groups: number, blocks: number, x: number, out: number): void;
  matmul4x4(...pointers: MatmulArguments): void;
  matmul4x8(...pointers: MatmulArguments): void;
  matvec8(w: number, groups: number, blocks: number, x: number, out: number): void;
  matvec8Fine(w: number, groups: number, blocks: number, x: number, out: number): void;
  matmul8(...pointers: [...MatmulArguments, tokens: number]): void;
  matmul8Fine(...pointers: [...MatmulArguments, tokens: number]): void;
  matmulF16(...pointers: FloatMatmulArguments): void;
  matmulF32(...pointers: FloatMatmulArguments): void;
  embedRow4(w: number, row: number, blocks: number, out: number): void;
  embedRow8(w: number, row: number, blocks: number, out: number): void;
  embedRow8Fine(w: number, row: number, blocks: number, out: number): void;
  embedRowF16(w: number, row: number, columns: number, out: number): void;
  embedRowF32(w: number, row: number, columns: number, out: number): void;
  rmsNorm(
    ...pointers: [
      x: number,
      weight: number,
      out: number,
      size: number,
      tokens: number,
      epsilon: number,
    ]
  ): void;
  add(x: number, y: number, size: number): void;
  scale(x: number, factor: number, size: number): void;
  siluMultiply(gate: number, up: number, size: number): void;
  geluMultiply(gate: number, up: number, size: number): void;
  rotate(x: number, heads: number, headDim: number, angles: number): void;
  rotateHalves(x: number, heads: number, headDim: number, angles: number): void;
  storeKeyValue(...pointers: StoreArguments): void;
  storeKeyValueHalf(...pointers: StoreArguments): void;
  attend(...pointers: AttendArguments): void;
  attendHalf(...pointers: AttendArguments): void;
  warmCache(...pointers: WarmArguments): void;
  pickGreedy(logits: number, count: number, out: number): void;
}

type MatmulArguments = [
  w: number,
  groups: number,
  blocks: number,
  x: number,
  out: number,
  stride: number,
];
type FloatMatmulArguments = [
  w: number,
  groups: number,
  columns: number,
  x: number,
  xStride: number,
  out: number,
  stride: number,
  tokens: number,
];
type StoreArguments = [
  k: number,
  v: number,
  keys: number,
  values: number,
  position: number,
  context: number,
  kvHeads: number,
  headDim: number,
];
type AttendArguments = [
  q: number,
  keys: number,
  values: number,
  out: number,
  scores: number,
  first: number,
  length: number,
  context: number,
  heads: number,
  kvHeads: number,
  headDim: number,
];
type WarmArguments = [
  keys: number,
  values: number,
  first: number,
  length: number,
  context: number,
  kvHeads: number,
  headDim: number,
  bytesPerNumber: number,
];

/** The precision to use when the caller has no wish: `fast` where relaxed SIMD compiles. */
export function bestPrecision(): Precision {
  return hasRelaxedSimd() ? 'fast' : 'exact';
}

/**
 * Compiles one kernel build over `memory`. Throws `UnsupportedError` `no-wasm` or `no-simd`, or
 * `EngineError` `load-failed` when the file cannot be had.
 */
export async function loadKernel(
  precision: Precision,
  memory: WebAssembly.Memory,
): Promise<Kernel> {
  requireSimd(precision);
  const bytes = await kernelBytes(precision);
  try {
    const { instance } = await WebAssembly.instantiate(bytes, { env: { memory, abort } });
    return instance.exports as unknown as Kernel;
  } catch (cause) {
    throw new EngineError(
      'load-failed',
      `The ${precision} kernel does not start. A page with a content security policy must allow 'wasm-unsafe-eval' in script-src.`,
      { cause, details: { precision } },
    );
  }
}

function abort(): never {
  throw new EngineError('internal', 'The WebAssembly kernel stopped. Load the model again.');
}

function requireSimd(precision: Precision): void {
  if (typeof WebAssembly === 'undefined') {
    throw new UnsupportedError(
      'no-wasm',
      'This browser has no WebAssembly. Use a remote tier instead.',
    );
  }
  if (!hasSimd()) {
    throw new UnsupportedError(
      'no-simd',
      'This browser has no WebAssembly SIMD. Use a remote tier instead.',
    );
  }
  if (precision === 'fast' && !hasRelaxedSimd()) {
    throw new UnsupportedError(
      'no-simd',
      "This browser has no relaxed SIMD. Use precision 'exact'.",
    );
  }
}

// A module with one function that returns a v128: `i32.const 0, i8x16.splat` and what follows.
const MODULE_START = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7b, 3, 2, 1, 0];
const SPLAT = [0x41, 0, 0xfd, 0x0f];
const END = 0x0b;

function compiles(body: readonly number[]): boolean {
  const code = [0, ...body, END];
  return WebAssembly.validate(
    new Uint8Array([...MODULE_START, 0x0a, code.length + 2, 1, code.length, ...code]),
  );
}

function hasSimd(): boolean {
  return compiles(SPLAT);
}

function hasRelaxedSimd(): boolean {
  const relaxedDot = [0xfd, 0x92, 0x02]; // i16x8.relaxed_dot_i8x16_i7x16_s
  return compiles([...SPLAT, ...SPLAT, ...relaxedDot]);
}

async function kernelBytes(precision: Precision): Promise<ArrayBuffer> {
  // Two literal URLs: bundlers find assets by this exact form.
  const url =
    precision === 'fast'
      ? new URL('./kernel-fast.wasm', import.meta.url)
      : new URL('./kernel-exact.wasm', import.meta.url);
  try {
    return url.protocol === 'file:' ? await readFile(url) : await fetchBytes(url);
  } catch (cause) {
    throw new EngineError(
      'load-failed',
      `The kernel file ${url.pathname.split('/').at(-1)} cannot be read. Serve the package's .wasm files beside its scripts.`,
      { cause, isRetryable: true },
    );
  }
}

async function fetchBytes(url: URL): Promise<ArrayBuffer> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  return response.arrayBuffer();
}

// Node's fetch does not read files. The name is a variable so that page bundlers leave it alone.
async function readFile(url: URL): Promise<ArrayBuffer> {
  const moduleName = 'node:fs/promises';
  const fileSystem = (await import(
    /* @vite-ignore */ moduleName
  )) as typeof import('node:fs/promises');
  const bytes = await fileSystem.readFile(url);
  return new Uint8Array(bytes).buffer;
}
