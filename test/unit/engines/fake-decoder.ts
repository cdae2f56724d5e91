import type { Decoder, Pick } from '../../../src/engines/wasm/decoder.ts';
import { LLAMA_STYLE } from '../../../src/engines/wasm/llama-config.ts';

export interface FakeDecoder extends Decoder {
  /** Positions computed so far, over all slots. */
  readonly computed: number;
  /** Largest number of tokens one call got. */
  readonly largestCall: number;
}

/**
 * A decoder for unit tests: its logits depend on every token in the slot up to the position, so a
 * wrong KV reuse changes what comes next. `score` replaces the hash to script a generation.
 */
export function createFakeDecoder(options: {
  readonly vocabularySize: number;
  readonly contextLength?: number;
  readonly maxTokensPerCall?: number;
  readonly score?: (tokens: readonly number[], id: number) => number;
}): FakeDecoder {
  const { vocabularySize, contextLength = 64, maxTokensPerCall = 8, score = hashScore } = options;
  const slots: number[][] = [];
  const logits = new Float32Array(vocabularySize);
  let hasLogits = false;
  let computed = 0;
  let largestCall = 0;
  // oxlint-disable-next-line eslint/max-params -- the decoder's own signature
  const forward: Decoder['forward'] = (slot, position, tokens, wantsLogits) => {
    const kv = slots[slot];
    if (kv === undefined || position > kv.length) throw new RangeError('a hole in the slot');
    if (position + tokens.length > contextLength) throw new RangeError('past the slot');
    if (tokens.length > maxTokensPerCall) throw new RangeError('too many tokens');
    // As in memory: later positions keep their old content.
    kv.splice(position, tokens.length, ...tokens);
    computed += tokens.length;
    largestCall = Math.max(largestCall, tokens.length);
    hasLogits = wantsLogits;
    if (!wantsLogits) return;
    const seen = kv.slice(0, position + tokens.length);
    for (let id = 0; id < vocabularySize; id++) logits[id] = score(seen, id);
  };
  return {
    config: {
      layers: 1,
      hidden: 32,
      heads: 1,
      kvHeads: 1,
      headDim: 32,
      feedForward: 32,
      vocabularySize,
      contextLength,
      ropeBase: 10_000,
      rmsEpsilon: 1e-5,
      style: LLAMA_STYLE,
    },
    cacheFormat: 'f32',
    precision: 'exact',
    contextLength,
    maxTokensPerCall,
    memoryBytes: 0,
    get slots() {
      return slots.length;
    },
    get computed() {
      return computed;
    },
    get largestCall() {
      return largestCall;
    },
    writeWeights() {},
    finishWeights() {},
    addSlot: () => slots.push([]) - 1,
    forward,
    beginForward(...pass) {
      // Two parts before the last one, and what others left in the logits is gone after each.
      let part = 0;
      return {
        advance() {
          hasLogits = false;
          part += 1;
          if (part === 3) forward(...pass);
          return part === 3;
        },
      };
    },
    restoreLogits(earlier) {
      logits.set(earlier);
      hasLogits = true;
    },
    logits() {
      if (!hasLogits) throw new Error('the last call made no logits');
      return logits;
    },
    pick() {
      if (!hasLogits) throw new Error('the last call made no logits');
      return pickOf(logits);
    },
  };
}

/** The plain definition of greedy choice, log-probability and margin. */
export function pickOf(logits: Float32Array, allowed?: readonly number[]): Pick {
  const ids = [...(allowed ?? logits.keys())];
  const ordered = ids.toSorted((a, b) => logits[b]! - logits[a]! || a - b);
  const [id = 0, second] = ordered;
  const sum = ids.reduce((total, other) => total + Math.exp(logits[other]!), 0);
  return {
    id,
    logProbability: logits[id]! - Math.log(sum),
    margin: second === undefined ? Infinity : logits[id]! - logits[second]!,
  };
}

/** Spread over −4 to 4, different for every history. */
function hashScore(tokens: readonly number[], id: number): number {
  let hash = 0x811c9dc5 ^ id;
  for (const token of tokens) hash = Math.imul(hash ^ token, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return (((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32) * 8 - 4;
}
