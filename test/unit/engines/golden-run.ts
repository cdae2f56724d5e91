import { createDecoder } from '../../../src/engines/wasm/decoder.ts';
import type { CacheFormat, Decoder } from '../../../src/engines/wasm/decoder.ts';
import { createGgufReader } from '../../../src/engines/wasm/gguf.ts';
import { readModelConfig } from '../../../src/engines/wasm/model-config.ts';
import type { Precision } from '../../../src/types.ts';

/** Written by scripts/golden.py, from numpy and the gguf package. */
export interface GoldenFile {
  readonly model: { readonly file: string; readonly sha256: string; readonly sizeBytes: number };
  readonly prompts: readonly GoldenPrompt[];
}

export interface GoldenPrompt {
  readonly name: string;
  readonly tokens: readonly number[];
  readonly top: readonly { readonly id: number; readonly logit: number }[];
  readonly logSumExp: number;
  readonly greedy: readonly {
    readonly id: number;
    readonly margin: number;
    readonly logProbability: number;
  }[];
}

/** What the engine made of one file of golden vectors. */
export interface GoldenResult {
  readonly prompts: number;
  readonly tokens: number;
  readonly equalTokens: number;
  /** Over the reference's top-20 logits of the last prompt position. */
  readonly lowestCosine: number;
  readonly largestLogSumExpError: number;
  /** Where both chose the same token. */
  readonly largestLogProbabilityError: number;
  readonly largestMarginError: number;
  /** Reference margins at which the engine chose another token. */
  readonly missedMargins: readonly number[];
}

/** The longest golden prompt has 709 tokens, and 24 more follow. */
const CONTEXT_LENGTH = 768;

export async function loadDecoder(
  file: Uint8Array,
  precision: Precision,
  cacheFormat: CacheFormat = 'f32',
): Promise<Decoder> {
  const start = createGgufReader(file.length).push(file);
  if (start === null) throw new Error('The file has no whole header.');
  const { metadata, tensors } = start.header;
  const config = readModelConfig(metadata, tensors);
  const decoder = await createDecoder({
    config,
    tensors,
    precision,
    contextLength: CONTEXT_LENGTH,
    cacheFormat,
  });
  const last = tensors.at(-1)!;
  decoder.writeWeights(start.rest.subarray(0, last.offset + last.sizeBytes));
  decoder.finishWeights();
  return decoder;
}

/** Feeds the reference's tokens (teacher forcing), so that one miss does not cause the next ones. */
export function runGolden(decoder: Decoder, golden: GoldenFile): GoldenResult {
  const slot = decoder.addSlot();
  const result = {
    prompts: golden.prompts.length,
    tokens: 0,
    equalTokens: 0,
    lowestCosine: 1,
    largestLogSumExpError: 0,
    largestLogProbabilityError: 0,
    largestMarginError: 0,
    missedMargins: [] as number[],
  };
  for (const prompt of golden.prompts) {
    let position = prefill(decoder, slot, prompt.tokens);
    const logits = decoder.logits();
    result.lowestCosine = Math.min(result.lowestCosine, cosine(logits, prompt.top));
    const error = Math.abs(logSumExp(logits) - prompt.logSumExp);
    result.largestLogSumExpError = Math.max(result.largestLogSumExpError, error);
    for (const expected of prompt.greedy) {
      compare(decoder, expected, result);
      decoder.forward(slot, position, [expected.id], true);
      position += 1;
    }
  }
  return result;
}

type Tally = { -readonly [K in keyof GoldenResult]: GoldenResult[K] } & { missedMargins: number[] };

function compare(decoder: Decoder, expected: GoldenPrompt['greedy'][number], tally: Tally): void {
  const pick = decoder.pick();
  tally.tokens += 1;
  if (pick.id !== expected.id) {
    tally.missedMargins.push(expected.margin);
    return;
  }
  tally.equalTokens += 1;
  const logError = Math.abs(pick.logProbability - expected.logProbability);
  tally.largestLogProbabilityError = Math.max(tally.largestLogProbabilityError, logError);
  const marginError = Math.abs(pick.margin - expected.margin);
  tally.largestMarginError = Math.max(tally.largestMarginError, marginError);
}

function prefill(decoder: Decoder, slot: number, tokens: readonly number[]): number {
  for (let at = 0; at < tokens.length; at += decoder.maxTokensPerCall) {
    const tile = tokens.slice(at, at + decoder.maxTokensPerCall);
    decoder.forward(slot, at, tile, at + tile.length >= tokens.length);
  }
  return tokens.length;
}

function cosine(logits: Float32Array, top: GoldenPrompt['top']): number {
  let product = 0;
  let ours = 0;
  let theirs = 0;
  for (const { id, logit } of top) {
    const value = logits[id]!;
    product += value * logit;
    ours += value * value;
    theirs += logit * logit;
  }
  return product / Math.sqrt(ours * theirs);
}

function logSumExp(logits: Float32Array): number {
  const highest = logits.reduce((best, logit) => Math.max(best, logit), -Infinity);
  return highest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0));
}

/** Without the long prompts, for a model whose size makes them slow. */
export function shortOnly(golden: GoldenFile): GoldenFile {
  return { ...golden, prompts: golden.prompts.filter(({ tokens }) => tokens.length <= 80) };
}
