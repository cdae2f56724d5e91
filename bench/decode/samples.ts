import type { Precision } from '../../src/types.ts';

export interface DecodeOptions {
  readonly modelUrl: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly rounds: number;
  /** Positions per slot. */
  readonly contextLength: number;
}

/** Every single time, so that the Node side decides how to sum them up. */
export interface BuildSamples {
  readonly loadMs: number;
  readonly memoryBytes: number;
  /** Time to the first token of a prompt that shares nothing with an earlier one. */
  readonly prefill32Ms: readonly number[];
  readonly prefill128Ms: readonly number[];
  /** One per token, at the positions right after the 128-token prompt. */
  readonly decodeMs: readonly number[];
  /** Tokens computed for the two prompts. */
  readonly promptTokens: { readonly short: number; readonly long: number };
}

export interface DecodeSamples {
  readonly builds: Readonly<Record<Precision, BuildSamples>>;
  /** One pass over `bytesPerToken` bytes with nothing but SIMD loads. */
  readonly readLoopMs: readonly number[];
  /** Billions of multiply-adds a second that one thread can do, by the arithmetic of each build. */
  readonly gigaMacs: Readonly<Record<Precision, readonly number[]>>;
  /** Multiply-adds of one token in the layers, which is what a prompt costs; the head is not in it. */
  readonly layerMacsPerToken: number;
  /** Weights read for one token, with the head, and the KV of its context. */
  readonly bytesPerToken: number;
  readonly weightBytes: number;
  /** Tokens in context in the middle of the decoded ones. */
  readonly contextTokens: number;
}
