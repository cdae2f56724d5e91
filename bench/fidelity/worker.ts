/// <reference lib="webworker" />
import type { CacheFormat, Decoder } from '../../src/engines/wasm/decoder.ts';
import type { Precision } from '../../src/types.ts';
import { fetchBytes, loadDecoder, prefill } from '../load-model.ts';
import { answerCalls } from '../worker-client.ts';
import type { FidelitySamples, LongSamples, ReferenceText, ReferenceWindow } from './samples.ts';

/** The longest golden prompt has 709 tokens, and 24 more follow. */
const CONTEXT_LENGTH = 768;
const LOGIT_STRIDE = 64;

/** Written by scripts/golden.py. */
interface GoldenFile {
  readonly prompts: readonly {
    readonly tokens: readonly number[];
    readonly top: readonly { readonly id: number; readonly logit: number }[];
    readonly greedy: readonly { readonly id: number; readonly margin: number }[];
  }[];
}

answerCalls({
  async measure(precision: Precision): Promise<FidelitySamples> {
    const bytes = await fetchBytes('/files/model.gguf');
    const decoder = await loadDecoder(bytes, {
      precision,
      contextLength: CONTEXT_LENGTH,
      cacheFormat: 'f32',
    });
    const golden = await fetchJson<GoldenFile>('/files/golden.json');
    const text = await fetchJson<ReferenceText>('/files/reference.json');
    return { ...compareGolden(decoder, golden), ...scoreText(decoder, text) };
  },
  async measureLong(cacheFormat: CacheFormat): Promise<LongSamples> {
    const text = await fetchJson<ReferenceText>('/files/reference.json');
    const tokens = text.windows.flatMap((window) => window.tokens);
    const decoder = await loadDecoder(await fetchBytes('/files/model.gguf'), {
      precision: 'exact',
      contextLength: tokens.length,
      cacheFormat,
    });
    const memoryBytes = decoder.memoryBytes;
    return {
      logProbabilitySum: scoreWindow(decoder, { tokens }),
      tokens: tokens.length,
      memoryBytes,
    };
  },
});

async function fetchJson<T>(url: string): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await fetchBytes(url))) as T;
}

/** Feeds the reference's tokens (teacher forcing), so that one miss does not cause the next ones. */
function compareGolden(decoder: Decoder, { prompts }: GoldenFile) {
  let tokens = 0;
  let lowestTopCosine = 1;
  const missedMargins: number[] = [];
  for (const prompt of prompts) {
    prefill(decoder, prompt.tokens);
    const logits = decoder.logits();
    const ours = prompt.top.map(({ id }) => logits[id] ?? Number.NaN);
    const theirs = prompt.top.map(({ logit }) => logit);
    lowestTopCosine = Math.min(lowestTopCosine, cosine(ours, theirs));
    for (const [index, { id, margin }] of prompt.greedy.entries()) {
      tokens += 1;
      if (decoder.pick().id !== id) missedMargins.push(margin);
      decoder.forward(0, prompt.tokens.length + index, [id], true);
    }
  }
  return { tokens, equalTokens: tokens - missedMargins.length, lowestTopCosine, missedMargins };
}

function scoreText(decoder: Decoder, { windows }: ReferenceText) {
  let scoredTokens = 0;
  let lowestSampledCosine = 1;
  const windowLogProbabilities: number[] = [];
  for (const window of windows) {
    windowLogProbabilities.push(scoreWindow(decoder, window));
    scoredTokens += window.tokens.length - 1;
    const logits = decoder.logits();
    const ours = window.last.map((_, index) => logits[index * LOGIT_STRIDE] ?? Number.NaN);
    lowestSampledCosine = Math.min(lowestSampledCosine, cosine(ours, window.last));
  }
  return { scoredTokens, lowestSampledCosine, windowLogProbabilities };
}

/** Sum of the log-probabilities of every token but the first. */
function scoreWindow(decoder: Decoder, { tokens }: Pick<ReferenceWindow, 'tokens'>): number {
  let sum = 0;
  for (const [position, token] of tokens.entries()) {
    if (position > 0) sum += logProbability(decoder.logits(), token);
    decoder.forward(0, position, [token], true);
  }
  return sum;
}

function logProbability(logits: Float32Array, id: number): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) if (logit > highest) highest = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - highest);
  return (logits[id] ?? Number.NaN) - highest - Math.log(sum);
}

function cosine(left: readonly number[], right: readonly number[]): number {
  let product = 0;
  let leftSquares = 0;
  let rightSquares = 0;
  for (const [index, value] of left.entries()) {
    const other = right[index] ?? Number.NaN;
    product += value * other;
    leftSquares += value * value;
    rightSquares += other * other;
  }
  return product / Math.sqrt(leftSquares * rightSquares);
}
