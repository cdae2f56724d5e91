import { ModelError } from '../../errors.ts';
import type { TensorInfo, TensorType } from './decoder.ts';
import type { Kernel } from './load-kernel.ts';

/** Rows of a matrix that are stored together; see kernel/layout.ts. */
const ROWS_PER_GROUP = 8;
/** Columns of a quantised block. */
const COLUMNS_PER_BLOCK = 32;
/** Groups repacked by one call: enough to make the call cheap, small enough to stay in the cache. */
const STAGED_BYTES = 64 * 1024;

/** `q8-fine`: a scale for each 16 columns and a min for each 32; see kernel/layout.ts. */
export type MatrixFormat = 'q4' | 'q8' | 'q8-fine' | 'f16' | 'f32';

/** Where a tensor lies in WebAssembly memory. */
export interface PlacedTensor {
  readonly offset: number;
  readonly format: MatrixFormat;
  readonly rows: number;
  readonly columns: number;
  readonly groups: number;
  /** Columns / 32. */
  readonly blocks: number;
}

interface TensorFormat {
  readonly format: MatrixFormat;
  /** Bytes of one row of the file, and of one group of 8 rows of the image. */
  readonly rowBytes: (columns: number) => number;
  readonly groupBytes: (columns: number) => number;
  readonly repack: (kernel: Kernel) => Kernel['repackQ4_1'];
  readonly isBlocked: boolean;
}

/** Bytes of 32 columns of a row in the file (K types: an eighth of a block) and of 8 rows here. */
const FORMATS: Readonly<Record<TensorType, TensorFormat>> = {
  Q4_0: blocked('q4', 18, 160, (kernel) => kernel.repackQ4_0),
  Q4_1: blocked('q4', 20, 160, (kernel) => kernel.repackQ4_1),
  Q5_0: blocked('q8', 22, 272, (kernel) => kernel.repackQ5_0),
  Q5_1: blocked('q8-fine', 24, 304, (kernel) => kernel.repackQ5_1),
  Q8_0: blocked('q8', 34, 272, (kernel) => kernel.repackQ8_0),
  Q4_K: blocked('q4', 144 / 8, 160, (kernel) => kernel.repackQ4_K),
  Q5_K: blocked('q8-fine', 176 / 8, 304, (kernel) => kernel.repackQ5_K),
  Q6_K: blocked('q8-fine', 210 / 8, 304, (kernel) => kernel.repackQ6_K),
  F16: plain('f16', 2, (kernel) => kernel.repackF16),
  F32: plain('f32', 4, (kernel) => kernel.repackF32),
};

/** Plans the image and repacks the file's bytes into it as they arrive: never two copies. */
export interface WeightImage {
  readonly tensors: ReadonlyMap<string, PlacedTensor>;
  write(bytes: Uint8Array): void;
  finish(): void;
}

/** Bytes of the image for these tensors, the staging area included. */
export function imageBytes(tensors: readonly TensorInfo[]): number {
  return (
    stagingBytes(tensors) + tensors.reduce((sum, tensor) => sum + align(placedBytes(tensor)), 0)
  );
}

/** `base` is the first free byte of `memory`, which must already hold `imageBytes` from there. */
export function createWeightImage(options: {
  readonly kernel: Kernel;
  readonly memory: WebAssembly.Memory;
  readonly base: number;
  readonly tensors: readonly TensorInfo[];
}): WeightImage {
  const staging = options.base;
  const placed = placeTensors(options.tensors, staging + stagingBytes(options.tensors));
  const writer = new ImageWriter(options.kernel, options.memory, staging, options.tensors, placed);
  return {
    tensors: placed,
    write: (bytes) => writer.write(bytes),
    finish: () => writer.finish(),
  };
}

class ImageWriter {
  readonly #kernel: Kernel;
  readonly #memory: WebAssembly.Memory;
  readonly #staging: number;
  readonly #queue: readonly TensorInfo[];
  readonly #placed: ReadonlyMap<string, PlacedTensor>;
  /** Bytes of the data section seen so far. */
  #position = 0;
  #tensorIndex = 0;
  #stagedBytes = 0;
  /** Rows of the current tensor already repacked. */
  #doneRows = 0;

  // oxlint-disable-next-line eslint/max-params -- built in one place, by the function above
  constructor(
    kernel: Kernel,
    memory: WebAssembly.Memory,
    staging: number,
    tensors: readonly TensorInfo[],
    placed: ReadonlyMap<string, PlacedTensor>,
  ) {
    this.#kernel = kernel;
    this.#memory = memory;
    this.#staging = staging;
    this.#queue = tensors.toSorted((a, b) => a.offset - b.offset);
    this.#placed = placed;
  }

  write(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      const tensor = this.#queue[this.#tensorIndex];
      if (tensor === undefined) return;
      const gap = tensor.offset - this.#position;
      const used = gap > 0 ? Math.min(gap, rest.length) : this.#stage(tensor, rest);
      this.#position += used;
      rest = rest.subarray(used);
      this.#advance(tensor);
    }
  }

  finish(): void {
    const missing = this.#queue[this.#tensorIndex];
    if (missing === undefined) return;
    throw new ModelError(
      'size-mismatch',
      `The model file ends before tensor ${missing.name} is complete. Download it again.`,
      { details: { tensor: missing.name, readBytes: this.#position }, isRetryable: true },
    );
  }

  #stage(tensor: TensorInfo, bytes: Uint8Array): number {
    const capacity = this.#stageCapacity(tensor);
    const used = Math.min(bytes.length, capacity - this.#stagedBytes);
    const target = new Uint8Array(this.#memory.buffer, this.#staging + this.#stagedBytes, used);
    target.set(bytes.subarray(0, used));
    this.#stagedBytes += used;
    if (this.#stagedBytes === capacity) this.#repack(tensor);
    return used;
  }

  /** Bytes after which the staged rows are repacked: whole groups, or what the tensor has left. */
  #stageCapacity(tensor: TensorInfo): number {
    const { rows, columns } = shapeOf(tensor);
    const rowBytes = FORMATS[tensor.type].rowBytes(columns);
    return Math.min(stagedRows(tensor), rows - this.#doneRows) * rowBytes;
  }

  #repack(tensor: TensorInfo): void {
    const { columns } = shapeOf(tensor);
    const format = FORMATS[tensor.type];
    const rowBytes = format.rowBytes(columns);
    const rows = this.#stagedBytes / rowBytes;
    const groups = Math.ceil(rows / ROWS_PER_GROUP);
    const padding = groups * ROWS_PER_GROUP * rowBytes - this.#stagedBytes;
    new Uint8Array(this.#memory.buffer, this.#staging + this.#stagedBytes, padding).fill(0);
    const { offset } = this.#placed.get(tensor.name) as PlacedTensor;
    const target = offset + (this.#doneRows / ROWS_PER_GROUP) * format.groupBytes(columns);
    if (isVector(tensor)) this.#copyVector(tensor, target);
    else format.repack(this.#kernel)(this.#staging, target, groups, unitsOf(tensor));
    this.#doneRows += rows;
    this.#stagedBytes = 0;
  }

  /** Norm weights: one plain row of f32. */
  #copyVector(tensor: TensorInfo, target: number): void {
    const length = shapeOf(tensor).columns;
    const out = new Float32Array(this.#memory.buffer, target, length);
    if (tensor.type === 'F32') {
      out.set(new Float32Array(this.#memory.buffer, this.#staging, length));
      return;
    }
    throw new ModelError(
      'unsupported-tensor-type',
      `Tensor ${tensor.name} has type ${tensor.type}; norm weights must be F32.`,
      { details: { tensor: tensor.name, type: tensor.type } },
    );
  }

  #advance(tensor: TensorInfo): void {
    if (this.#position < tensor.offset + tensor.sizeBytes) return;
    this.#tensorIndex += 1;
    this.#doneRows = 0;
  }
}

// oxlint-disable-next-line eslint/max-params -- one row of the format table per call
function blocked(
  format: MatrixFormat,
  fileBytes: number,
  imageBlockBytes: number,
  repack: TensorFormat['repack'],
): TensorFormat {
  return {
    format,
    rowBytes: (columns) => (columns / COLUMNS_PER_BLOCK) * fileBytes,
    groupBytes: (columns) => (columns / COLUMNS_PER_BLOCK) * imageBlockBytes,
    repack,
    isBlocked: true,
  };
}

function plain(
  format: MatrixFormat,
  valueBytes: number,
  repack: TensorFormat['repack'],
): TensorFormat {
  return {
    format,
    rowBytes: (columns) => columns * valueBytes,
    groupBytes: (columns) => columns * valueBytes * ROWS_PER_GROUP,
    repack,
    isBlocked: false,
  };
}

function placeTensors(tensors: readonly TensorInfo[], base: number): Map<string, PlacedTensor> {
  const placed = new Map<string, PlacedTensor>();
  let offset = base;
  for (const tensor of tensors) {
    const { rows, columns } = shapeOf(tensor);
    placed.set(tensor.name, {
      offset,
      format: FORMATS[tensor.type].format,
      rows,
      columns,
      groups: Math.ceil(rows / ROWS_PER_GROUP),
      blocks: columns / COLUMNS_PER_BLOCK,
    });
    offset += align(placedBytes(tensor));
  }
  return placed;
}

function shapeOf(tensor: TensorInfo): { rows: number; columns: number } {
  return { columns: tensor.shape[0] ?? 0, rows: tensor.shape[1] ?? 1 };
}

function isVector(tensor: TensorInfo): boolean {
  return tensor.shape.length === 1;
}

function unitsOf(tensor: TensorInfo): number {
  const { columns } = shapeOf(tensor);
  return FORMATS[tensor.type].isBlocked ? columns / COLUMNS_PER_BLOCK : columns;
}

function placedBytes(tensor: TensorInfo): number {
  const { rows, columns } = shapeOf(tensor);
  if (isVector(tensor)) return columns * 4;
  return Math.ceil(rows / ROWS_PER_GROUP) * FORMATS[tensor.type].groupBytes(columns);
}

function stagedRows(tensor: TensorInfo): number {
  const groupBytes = ROWS_PER_GROUP * FORMATS[tensor.type].rowBytes(shapeOf(tensor).columns);
  return ROWS_PER_GROUP * Math.max(1, Math.floor(STAGED_BYTES / groupBytes));
}

function stagingBytes(tensors: readonly TensorInfo[]): number {
  const sizes = tensors.map(
    (tensor) => stagedRows(tensor) * FORMATS[tensor.type].rowBytes(shapeOf(tensor).columns),
  );
  return align(Math.max(0, ...sizes));
}

/** Cache lines: no vector load of the image crosses one needlessly. */
function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}
