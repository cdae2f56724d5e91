import type { Precision } from '../../types.ts';

/** Shape of a Llama-family decoder, read from GGUF metadata. */
export interface LlamaConfig {
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
}

export type TensorType = 'F32' | 'F16' | 'Q8_0' | 'Q4_0' | 'Q4_1';

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
  readonly config: LlamaConfig;
  readonly precision: Precision;
  /** Positions per slot. */
  readonly contextLength: number;
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
  /** Logits of the last token: a view that the next call invalidates. Writable. */
  logits(): Float32Array;
  /** Greedy choice with log-probability and margin, computed in WebAssembly. */
  pick(): Pick;
}
