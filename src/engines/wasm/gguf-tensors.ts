import { ModelError } from '../../errors.ts';
import type { TensorInfo, TensorType } from './decoder.ts';
import { badFormat, readSize, readText, readU32 } from './gguf-cursor.ts';
import type { GgufCursor, Reading } from './gguf-cursor.ts';

/** ggml's own limit. */
const MAX_DIMENSIONS = 4;
/** ggml allows 63; some converters write more. */
const MAX_TENSOR_NAME_BYTES = 256;

/** Weights per block and bytes per block, from ggml's block structures. */
const BLOCKS: Readonly<Record<TensorType, { weights: number; sizeBytes: number }>> = {
  F32: { weights: 1, sizeBytes: 4 },
  F16: { weights: 1, sizeBytes: 2 },
  Q4_0: { weights: 32, sizeBytes: 18 },
  Q4_1: { weights: 32, sizeBytes: 20 },
  Q5_0: { weights: 32, sizeBytes: 22 },
  Q5_1: { weights: 32, sizeBytes: 24 },
  Q8_0: { weights: 32, sizeBytes: 34 },
  Q4_K: { weights: 256, sizeBytes: 144 },
  Q5_K: { weights: 256, sizeBytes: 176 },
  Q6_K: { weights: 256, sizeBytes: 210 },
};

/** ggml's type numbers; what is not read yet is here so that errors can name it. */
const TYPE_NAMES: Readonly<Record<number, string>> = {
  0: 'F32',
  1: 'F16',
  2: 'Q4_0',
  3: 'Q4_1',
  6: 'Q5_0',
  7: 'Q5_1',
  8: 'Q8_0',
  9: 'Q8_1',
  10: 'Q2_K',
  11: 'Q3_K',
  12: 'Q4_K',
  13: 'Q5_K',
  14: 'Q6_K',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  30: 'BF16',
  34: 'TQ1_0',
  35: 'TQ2_0',
  39: 'MXFP4',
};

/** One entry of the tensor table. Throws `ModelError` `bad-format` or `unsupported-tensor-type`. */
export function* readTensorInfo(cursor: GgufCursor): Reading<TensorInfo> {
  const name = yield* readText(cursor, MAX_TENSOR_NAME_BYTES, 'a tensor name');
  const shape = yield* readShape(cursor, name);
  const type = tensorType(yield* readU32(cursor), name);
  const offset = yield* readSize(cursor, `the offset of tensor "${name}"`);
  return { name, type, shape, offset, sizeBytes: tensorSize(name, type, shape) };
}

/**
 * Tensors in file order, checked: each name once, offsets aligned, none over another, all within
 * `dataBytes`. Gaps are allowed. Throws `ModelError` `bad-format`.
 */
export function layOutTensors(
  tensors: readonly TensorInfo[],
  alignment: number,
  dataBytes: number,
): readonly TensorInfo[] {
  checkNames(tensors);
  const ordered = tensors.toSorted((left, right) => left.offset - right.offset);
  let end = 0;
  for (const tensor of ordered) {
    if (tensor.offset % alignment !== 0) {
      throw badFormat(`tensor "${tensor.name}" is not aligned to ${alignment} bytes`);
    }
    if (tensor.offset < end) throw badFormat(`tensor "${tensor.name}" overlaps another one`);
    end = tensor.offset + tensor.sizeBytes;
    if (end > dataBytes)
      throw badFormat(`tensor "${tensor.name}" reaches past the end of the file`);
  }
  return ordered;
}

function* readShape(cursor: GgufCursor, name: string): Reading<readonly number[]> {
  const dimensions = yield* readU32(cursor);
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
    throw badFormat(`tensor "${name}" has ${dimensions} dimensions, 1 to ${MAX_DIMENSIONS} may be`);
  }
  const shape: number[] = [];
  for (let index = 0; index < dimensions; index++) {
    shape.push(yield* readSize(cursor, `a dimension of tensor "${name}"`));
  }
  return shape;
}

function tensorType(type: number, name: string): TensorType {
  const typeName = TYPE_NAMES[type] ?? `number ${type}`;
  if (isTensorType(typeName)) return typeName;
  throw new ModelError(
    'unsupported-tensor-type',
    `Tensor "${name}" is of type ${typeName}, which this engine does not read. ` +
      'Use a file quantised as Q4_K_M, Q4_0, Q4_1, Q5_K_M, Q5_0, Q5_1, Q6_K, Q8_0, F16 or F32.',
    { details: { tensor: name, type: typeName } },
  );
}

function isTensorType(name: string): name is TensorType {
  return Object.hasOwn(BLOCKS, name);
}

function tensorSize(name: string, type: TensorType, shape: readonly number[]): number {
  const { weights, sizeBytes } = BLOCKS[type];
  const row = shape[0] ?? 0;
  if (row % weights !== 0) {
    throw badFormat(`rows of tensor "${name}" are not whole ${type} blocks of ${weights}`);
  }
  let size = (row / weights) * sizeBytes;
  for (const dimension of shape.slice(1)) size *= dimension;
  // Zero and products past 2^53 both end here: a factor of 0 or an inexact one is never safe and > 0.
  if (size < 1 || !Number.isSafeInteger(size)) {
    throw badFormat(`the shape of tensor "${name}" (${shape.join(' x ')}) is not possible`);
  }
  return size;
}

function checkNames(tensors: readonly TensorInfo[]): void {
  const names = new Set<string>();
  for (const { name } of tensors) {
    if (names.has(name)) throw badFormat(`tensor "${name}" is there twice`);
    names.add(name);
  }
}
