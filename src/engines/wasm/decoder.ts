import { EngineError, ModelError } from '../../errors.ts';
import type { Precision } from '../../types.ts';
import { ForwardPass, slotBytes } from './forward-pass.ts';
import { bestPrecision, loadKernel, type Kernel } from './load-kernel.ts';
import { PassTurns, type PartialForward } from './partial-forward.ts';
import { layOutScratch, TOKENS_PER_CALL, type ScratchLayout } from './scratch-layout.ts';
import { createWeightImage, imageBytes, type WeightImage } from './weight-image.ts';

/** Shape of a decoder, read from GGUF metadata. */
export interface DecoderConfig {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly feedForward: number;
  readonly vocabularySize: number;
  /** Positions the model was trained for. */
  readonly contextLength: number;
  readonly ropeBase: number;
  readonly rmsEpsilon: number;
  readonly style: DecoderStyle;
}

/** What differs between the architectures, beside their widths. */
export interface DecoderStyle {
  readonly architecture: 'llama' | 'gemma3';
  /** Multiplies the embedding of each token. */
  readonly embeddingScale: number;
  /** Of the gate: x * sigmoid(x), or the tanh form of GELU. */
  readonly activation: 'silu' | 'gelu';
  /** Which numbers of a head rotate together: (2i, 2i + 1), or (i, i + headDim / 2). */
  readonly rotation: 'neighbours' | 'halves';
  /** Whether each head's query and key are normed before they are rotated. */
  readonly normsHeads: boolean;
  /** Whether the outputs of attention and feed-forward are normed before they are added. */
  readonly normsOutputs: boolean;
  /** Layers that see only the positions nearest to them; `null` when all see everything. */
  readonly local: LocalLayers | null;
}

export interface LocalLayers {
  /** Positions such a layer sees, the token's own included. */
  readonly window: number;
  readonly ropeBase: number;
  /** The last of each so many layers sees everything. */
  readonly globalEvery: number;
}

export type TensorType =
  | 'F32'
  | 'F16'
  | 'Q4_0'
  | 'Q4_1'
  | 'Q5_0'
  | 'Q5_1'
  | 'Q8_0'
  | 'Q4_K'
  | 'Q5_K'
  | 'Q6_K';

/** How keys and values are kept. `f16` halves the memory of a slot and of what attention reads. */
export type CacheFormat = 'f32' | 'f16';

/** One tensor of the file; `shape[0]` is the contiguous dimension, as GGUF stores it. */
export interface TensorInfo {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  /** Bytes from the start of the data section. */
  readonly offset: number;
  readonly sizeBytes: number;
}

/** The token chosen by `pick`, with what the engine saw. */
export interface Pick {
  readonly id: number;
  /** Natural log of its probability at temperature 1, among the allowed tokens. */
  readonly logProbability: number;
  /** Logit of the best allowed token minus the second best; `Infinity` when only one is allowed. */
  readonly margin: number;
}

/** One model in WebAssembly memory: weights, KV slots, and the forward pass. */
export interface Decoder {
  readonly config: DecoderConfig;
  readonly precision: Precision;
  /** Positions per slot. */
  readonly contextLength: number;
  readonly cacheFormat: CacheFormat;
  readonly slots: number;
  readonly memoryBytes: number;
  /** Most tokens one `forward` call takes: the prefill tile that stays responsive. */
  readonly maxTokensPerCall: number;
  /** Repacks the next bytes of the data section; they arrive once, in order, in any pieces. */
  writeWeights(bytes: Uint8Array): void;
  /** Checks that every tensor arrived. Throws `ModelError` `size-mismatch` otherwise. */
  finishWeights(): void;
  /** Adds a KV slot (memory grows) and returns its index. Throws `EngineError` `out-of-memory`. */
  addSlot(): number;
  /**
   * Computes tokens at `position`, `position + 1`, … of a slot, whose KV before `position` must be
   * there. `wantsLogits`: leaves the logits of the last token for `logits` and `pick`.
   */
  forward(slot: number, position: number, tokens: readonly number[], wantsLogits: boolean): void;
  /** As `forward`, in parts; until the last one other calls may come between, of other slots. */
  beginForward(
    slot: number,
    position: number,
    tokens: readonly number[],
    wantsLogits: boolean,
  ): PartialForward;
  /** Puts logits back that an earlier `forward` left. */
  restoreLogits(logits: Float32Array): void;
  /** Logits of the last token: a view that the next call invalidates. Writable. */
  logits(): Float32Array;
  /** Greedy choice with log-probability and margin, computed in WebAssembly. */
  pick(): Pick;
}

export interface DecoderOptions {
  readonly config: DecoderConfig;
  readonly tensors: readonly TensorInfo[];
  /** Default: `fast` where the browser has relaxed SIMD, else `exact`. */
  readonly precision?: Precision;
  /** Positions per slot. */
  readonly contextLength: number;
  /** Default: `f32` up to 512 positions, `f16` above. */
  readonly cacheFormat?: CacheFormat;
}

/** Up to here a slot of the default model takes 24 MB in f32; what f16 costs in quality: docs/performance.md. */
const MOST_F32_POSITIONS = 512;
/** Positions stand in groups of 4 (f32) or 8 (f16). */
const POSITION_GROUP = 8;
const PAGE_BYTES = 65_536;
const INITIAL_PAGES = 16;
/** 2 GiB: the maximum the kernels are built for. */
const MAXIMUM_PAGES = 32_768;

/**
 * Allocates memory for weights and scratch (slots come with `addSlot`) and starts a kernel.
 * Throws `UnsupportedError` without WebAssembly SIMD, `ModelError` `unsupported-architecture` for
 * shapes the kernels cannot do, `EngineError` `out-of-memory` or `load-failed`.
 */
export async function createDecoder(options: DecoderOptions): Promise<Decoder> {
  requireShapes(options.config);
  const precision = options.precision ?? bestPrecision();
  const memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAXIMUM_PAGES });
  const kernel = await loadKernel(precision, memory);
  return new WasmDecoder(options, precision, kernel, memory);
}

class WasmDecoder implements Decoder {
  readonly config: DecoderConfig;
  readonly precision: Precision;
  readonly contextLength: number;
  readonly cacheFormat: CacheFormat;
  readonly maxTokensPerCall = TOKENS_PER_CALL;
  readonly #kernel: Kernel;
  readonly #memory: WebAssembly.Memory;
  readonly #scratch: ScratchLayout;
  readonly #image: WeightImage;
  readonly #turns: PassTurns;
  readonly #slots: number[] = [];
  #end: number;

  // oxlint-disable-next-line eslint/max-params -- built in one place, by createDecoder
  constructor(
    options: DecoderOptions,
    precision: Precision,
    kernel: Kernel,
    memory: WebAssembly.Memory,
  ) {
    const { config, tensors } = options;
    this.config = config;
    this.precision = precision;
    this.contextLength = Math.ceil(options.contextLength / POSITION_GROUP) * POSITION_GROUP;
    this.cacheFormat =
      options.cacheFormat ?? (options.contextLength > MOST_F32_POSITIONS ? 'f16' : 'f32');
    this.#kernel = kernel;
    this.#memory = memory;
    this.#scratch = layOutScratch(config, this.contextLength, kernel.heapBase());
    this.#end = this.#scratch.end + imageBytes(tensors);
    growTo(memory, this.#end);
    this.#image = createWeightImage({ kernel, memory, base: this.#scratch.end, tensors });
    const pass = new ForwardPass({
      kernel,
      config,
      scratch: this.#scratch,
      tensors: this.#image.tensors,
      contextLength: this.contextLength,
      cacheFormat: this.cacheFormat,
    });
    this.#turns = new PassTurns(pass, (tokens) =>
      this.#floats(this.#scratch.hidden, tokens * config.hidden),
    );
    this.#writeAngles(this.#scratch.angles, config.ropeBase);
    const { local } = config.style;
    if (local !== null) this.#writeAngles(this.#scratch.localAngles, local.ropeBase);
  }

  get slots(): number {
    return this.#slots.length;
  }

  get memoryBytes(): number {
    return this.#memory.buffer.byteLength;
  }

  writeWeights(bytes: Uint8Array): void {
    this.#image.write(bytes);
  }

  finishWeights(): void {
    this.#image.finish();
  }

  addSlot(): number {
    const start = this.#end;
    const end = start + slotBytes(this.config, this.contextLength, this.cacheFormat);
    growTo(this.#memory, end);
    this.#end = end;
    return this.#slots.push(start) - 1;
  }

  // oxlint-disable-next-line eslint/max-params -- called once a token, so it makes no object
  forward(slot: number, position: number, tokens: readonly number[], wantsLogits: boolean): void {
    const pass = this.beginForward(slot, position, tokens, wantsLogits);
    while (!pass.advance());
  }

  // oxlint-disable-next-line eslint/max-params -- as `forward`
  beginForward(
    slot: number,
    position: number,
    tokens: readonly number[],
    wantsLogits: boolean,
  ): PartialForward {
    const cache = this.#slots[slot];
    if (cache === undefined) throw new RangeError(`forward: slot ${slot} does not exist`);
    this.#requireRange(position, tokens);
    const pass = this.#turns.begin({ cache, position, tokens, wantsLogits });
    return {
      advance: () => {
        const isDone = pass.advance();
        if (isDone && wantsLogits) this.#hidePadding();
        return isDone;
      },
    };
  }

  restoreLogits(logits: Float32Array): void {
    this.logits().set(logits);
    this.#hidePadding();
  }

  logits(): Float32Array {
    return this.#floats(this.#scratch.logits, this.config.vocabularySize);
  }

  pick(): Pick {
    const { logits, paddedVocabulary, pick } = this.#scratch;
    this.#kernel.pickGreedy(logits, paddedVocabulary, pick);
    const result = new DataView(this.#memory.buffer, pick, 12);
    const id = result.getInt32(0, true);
    if (id >= 0) {
      return { id, logProbability: result.getFloat32(4, true), margin: result.getFloat32(8, true) };
    }
    throw new EngineError(
      'internal',
      'The model computed values that are not numbers. Load it again.',
    );
  }

  #requireRange(position: number, tokens: readonly number[]): void {
    if (tokens.length < 1 || tokens.length > TOKENS_PER_CALL) {
      throw new RangeError(`forward takes 1 to ${TOKENS_PER_CALL} tokens, not ${tokens.length}`);
    }
    if (!(position >= 0 && position + tokens.length <= this.contextLength)) {
      throw new RangeError(`forward: positions ${position} + ${tokens.length} exceed the slot`);
    }
    const { vocabularySize } = this.config;
    if (
      tokens.some((token) => !(Number.isInteger(token) && token >= 0 && token < vocabularySize))
    ) {
      throw new RangeError(`forward: token ids must lie between 0 and ${vocabularySize - 1}`);
    }
  }

  /** Rows that only fill the last group must never win. */
  #hidePadding(): void {
    const { logits, paddedVocabulary } = this.#scratch;
    const { vocabularySize } = this.config;
    this.#floats(logits, paddedVocabulary).fill(Number.NEGATIVE_INFINITY, vocabularySize);
  }

  /** cos and sin of every position and pair: angle = position * base^(-2i / headDim) (RoFormer, eq. 15). */
  #writeAngles(offset: number, base: number): void {
    const { headDim } = this.config;
    const target = this.#floats(offset, this.contextLength * headDim);
    for (let index = 0; index < target.length; index += 2) {
      const position = Math.floor(index / headDim);
      const angle = position * base ** (-(index % headDim) / headDim);
      target[index] = Math.cos(angle);
      target[index + 1] = Math.sin(angle);
    }
  }

  #floats(offset: number, length: number): Float32Array {
    return new Float32Array(this.#memory.buffer, offset, length);
  }
}

function requireShapes(config: DecoderConfig): void {
  const { hidden, feedForward, heads, kvHeads, headDim } = config;
  const isBlocked = [hidden, feedForward, heads * headDim].every((width) => width % 32 === 0);
  if (isBlocked && headDim % 16 === 0 && (kvHeads * headDim) % 8 === 0 && heads % kvHeads === 0)
    return;
  throw new ModelError(
    'unsupported-architecture',
    'The kernels need widths in multiples of 32 and heads in multiples of 16. Choose another model.',
    { details: { hidden, feedForward, heads, kvHeads, headDim } },
  );
}

function growTo(memory: WebAssembly.Memory, bytes: number): void {
  const missing = Math.ceil((bytes - memory.buffer.byteLength) / PAGE_BYTES);
  if (missing <= 0) return;
  try {
    memory.grow(missing);
  } catch (cause) {
    throw new EngineError(
      'out-of-memory',
      `The engine needs ${Math.ceil(bytes / 1e6)} MB and the browser does not give it. Close other tabs or choose a smaller model or context.`,
      { cause, details: { neededBytes: bytes } },
    );
  }
}
