import type { CacheFormat, DecoderConfig } from './decoder.ts';
import type { Kernel } from './load-kernel.ts';
import { TOKENS_PER_CALL, type ScratchLayout } from './scratch-layout.ts';
import type { PlacedTensor } from './weight-image.ts';

/** The tensors of one layer, by their role, and how it looks back. */
interface Layer {
  /** Rotation angles of position 0. */
  readonly angles: number;
  /** Positions that a token sees, its own included. */
  readonly window: number;
  readonly attentionNorm: PlacedTensor;
  readonly query: PlacedTensor;
  readonly key: PlacedTensor;
  readonly value: PlacedTensor;
  readonly output: PlacedTensor;
  readonly queryNorm: PlacedTensor | null;
  readonly keyNorm: PlacedTensor | null;
  readonly attentionOutputNorm: PlacedTensor | null;
  readonly feedForwardNorm: PlacedTensor;
  readonly gate: PlacedTensor;
  readonly up: PlacedTensor;
  readonly down: PlacedTensor;
  readonly feedForwardOutputNorm: PlacedTensor | null;
}

/** First bytes of a layer's keys and values in the slot. */
interface LayerCache {
  readonly keys: number;
  readonly values: number;
}

/** `count` tokens from `position`; outputs are wanted from the `first` of them on. */
interface Span {
  readonly position: number;
  readonly first: number;
  readonly count: number;
}

export interface ForwardPassOptions {
  readonly kernel: Kernel;
  readonly config: DecoderConfig;
  readonly scratch: ScratchLayout;
  readonly tensors: ReadonlyMap<string, PlacedTensor>;
  readonly contextLength: number;
  readonly cacheFormat: CacheFormat;
}

/** Bytes of keys and values that one slot of `contextLength` positions takes. */
export function slotBytes(
  config: DecoderConfig,
  contextLength: number,
  format: CacheFormat,
): number {
  return 2 * config.layers * config.kvHeads * config.headDim * contextLength * NUMBER_BYTES[format];
}

const NUMBER_BYTES: Readonly<Record<CacheFormat, number>> = { f32: 4, f16: 2 };

/**
 * Runs the layers over up to `TOKENS_PER_CALL` tokens. `cache` is the slot's first byte: all keys
 * of a layer, then all its values, layer after layer.
 */
export class ForwardPass {
  readonly #kernel: Kernel;
  readonly #config: DecoderConfig;
  readonly #scratch: ScratchLayout;
  readonly #contextLength: number;
  readonly #embedding: PlacedTensor;
  readonly #outputNorm: PlacedTensor;
  readonly #head: PlacedTensor;
  readonly #layers: readonly Layer[];
  readonly #input: QuantizedInput;
  readonly #numberBytes: number;
  readonly #storeKeyValue: Kernel['storeKeyValue'];
  readonly #attendRow: Kernel['attend'];
  readonly #rotate: Kernel['rotate'];
  readonly #multiplyByGate: Kernel['siluMultiply'];

  constructor(options: ForwardPassOptions) {
    this.#kernel = options.kernel;
    this.#config = options.config;
    this.#scratch = options.scratch;
    this.#contextLength = options.contextLength;
    this.#embedding = find(options.tensors, 'token_embd.weight');
    this.#outputNorm = find(options.tensors, 'output_norm.weight');
    this.#head = options.tensors.get('output.weight') ?? this.#embedding;
    this.#layers = Array.from({ length: options.config.layers }, (_, index) =>
      findLayer(options, index),
    );
    this.#input = new QuantizedInput(options.kernel, options.scratch);
    const { kernel } = options;
    const { activation, rotation } = options.config.style;
    const isHalf = options.cacheFormat === 'f16';
    this.#numberBytes = NUMBER_BYTES[options.cacheFormat];
    this.#storeKeyValue = isHalf ? kernel.storeKeyValueHalf : kernel.storeKeyValue;
    this.#attendRow = isHalf ? kernel.attendHalf : kernel.attend;
    this.#rotate = rotation === 'halves' ? kernel.rotateHalves : kernel.rotate;
    this.#multiplyByGate = activation === 'gelu' ? kernel.geluMultiply : kernel.siluMultiply;
  }

  get layers(): number {
    return this.#layers.length;
  }

  /**
   * The layers `from` to before `to`; what stands between two layers is the hidden state in the
   * scratch. The logits count as one layer more, after the last.
   */
  // oxlint-disable-next-line eslint/max-params -- called for each part of a token, so it makes no object
  runPieces(
    cache: number,
    position: number,
    tokens: readonly number[],
    wantsLogits: boolean,
    from: number,
    to: number,
  ): void {
    if (from === 0) this.#embedAll(tokens);
    const { kvHeads, headDim } = this.#config;
    const bytes = kvHeads * headDim * this.#contextLength * this.#numberBytes;
    const last = this.#layers.length - 1;
    this.#layers.slice(from, to).forEach((layer, offset) => {
      const index = from + offset;
      const keys = cache + 2 * index * bytes;
      // What the last layer gives for other tokens than the last one is read by nobody.
      const first = index < last ? 0 : tokens.length - (wantsLogits ? 1 : 0);
      const span = { position, first, count: tokens.length };
      this.#cacheKeysAndValues(layer, { keys, values: keys + bytes }, span);
      if (first === tokens.length) return;
      this.#attention(layer, { keys, values: keys + bytes }, span);
      this.#feedForward(layer, span);
    });
    if (wantsLogits && to > last + 1) this.#logits(tokens.length - 1);
  }

  #embedAll(tokens: readonly number[]): void {
    tokens.forEach((token, index) => this.#embed(token, index));
    const { hidden, style } = this.#config;
    if (style.embeddingScale === 1) return;
    this.#kernel.scale(this.#scratch.hidden, style.embeddingScale, tokens.length * hidden);
  }

  #embed(token: number, index: number): void {
    const { offset, format, blocks, columns } = this.#embedding;
    const out = this.#scratch.hidden + index * this.#config.hidden * 4;
    if (format === 'q4') this.#kernel.embedRow4(offset, token, blocks, out);
    else if (format === 'q8') this.#kernel.embedRow8(offset, token, blocks, out);
    else if (format === 'q8-fine') this.#kernel.embedRow8Fine(offset, token, blocks, out);
    else if (format === 'f16') this.#kernel.embedRowF16(offset, token, columns, out);
    else this.#kernel.embedRowF32(offset, token, columns, out);
  }

  #cacheKeysAndValues(layer: Layer, cache: LayerCache, { position, count }: Span): void {
    const { kvHeads, headDim } = this.#config;
    const { hidden, key, value } = this.#scratch;
    const rowBytes = kvHeads * headDim * 4;
    this.#normalize(hidden, layer.attentionNorm, count);
    this.#input.multiply(layer.key, key);
    this.#input.multiply(layer.value, value);
    this.#normalizeHeads(key, layer.keyNorm, count * kvHeads);
    for (let index = 0; index < count; index++) {
      const at = position + index;
      const row = key + index * rowBytes;
      this.#rotate(row, kvHeads, headDim, this.#angles(layer, at));
      this.#storeKeyValue(
        row,
        value + index * rowBytes,
        cache.keys,
        cache.values,
        at,
        this.#contextLength,
        kvHeads,
        headDim,
      );
    }
  }

  /** Uses the normed input that `#cacheKeysAndValues` left. */
  #attention(layer: Layer, cache: LayerCache, span: Span): void {
    const { position, first, count } = span;
    const { heads, headDim } = this.#config;
    const { normed, query, attended } = this.#scratch;
    if (first > 0) this.#input.set(normed + this.#rows(first), this.#config.hidden, count - first);
    this.#input.multiply(layer.query, query);
    this.#normalizeHeads(query, layer.queryNorm, (count - first) * heads);
    this.#warmCache(layer, cache, position + first);
    for (let index = first; index < count; index++) {
      const offset = (index - first) * heads * headDim * 4;
      this.#rotate(query + offset, heads, headDim, this.#angles(layer, position + index));
      this.#attend(layer, cache, offset, position + index + 1);
    }
    this.#input.set(attended, heads * headDim, count - first);
    this.#addProjection(layer.output, layer.attentionOutputNorm, span);
  }

  /** What tokens from `position` on read of earlier ones. */
  #warmCache(layer: Layer, cache: LayerCache, position: number): void {
    const { kvHeads, headDim } = this.#config;
    this.#kernel.warmCache(
      cache.keys,
      cache.values,
      Math.max(0, position - layer.window),
      position,
      this.#contextLength,
      kvHeads,
      headDim,
      this.#numberBytes,
    );
  }

  // oxlint-disable-next-line eslint/max-params -- called for each layer and token, so it makes no object
  #attend(layer: Layer, cache: LayerCache, offset: number, length: number): void {
    const { heads, kvHeads, headDim } = this.#config;
    this.#attendRow(
      this.#scratch.query + offset,
      cache.keys,
      cache.values,
      this.#scratch.attended + offset,
      this.#scratch.scores,
      Math.max(0, length - layer.window),
      length,
      this.#contextLength,
      heads,
      kvHeads,
      headDim,
    );
  }

  #feedForward(layer: Layer, span: Span): void {
    const { hidden, gate, up } = this.#scratch;
    const count = span.count - span.first;
    this.#normalize(hidden + this.#rows(span.first), layer.feedForwardNorm, count);
    this.#input.multiply(layer.gate, gate);
    this.#input.multiply(layer.up, up);
    this.#multiplyByGate(gate, up, count * this.#config.feedForward);
    this.#input.set(gate, this.#config.feedForward, count);
    this.#addProjection(layer.down, layer.feedForwardOutputNorm, span);
  }

  #normalize(source: number, norm: PlacedTensor, count: number): void {
    const { hidden, rmsEpsilon } = this.#config;
    const { normed } = this.#scratch;
    this.#kernel.rmsNorm(source, norm.offset, normed, hidden, count, rmsEpsilon);
    this.#input.set(normed, hidden, count);
  }

  /** Each head's numbers are normed in place; the kernel reads a row before it writes it. */
  #normalizeHeads(rows: number, norm: PlacedTensor | null, count: number): void {
    if (norm === null) return;
    const { headDim, rmsEpsilon } = this.#config;
    this.#kernel.rmsNorm(rows, norm.offset, rows, headDim, count, rmsEpsilon);
  }

  #addProjection(matrix: PlacedTensor, norm: PlacedTensor | null, { first, count }: Span): void {
    const { projected } = this.#scratch;
    const { hidden, rmsEpsilon } = this.#config;
    const tokens = count - first;
    this.#input.multiply(matrix, projected);
    if (norm !== null) {
      this.#kernel.rmsNorm(projected, norm.offset, projected, hidden, tokens, rmsEpsilon);
    }
    this.#kernel.add(this.#scratch.hidden + this.#rows(first), projected, tokens * hidden);
  }

  #logits(index: number): void {
    const { hidden, logits } = this.#scratch;
    this.#normalize(hidden + this.#rows(index), this.#outputNorm, 1);
    this.#input.multiply(this.#head, logits);
  }

  /** Bytes of so many rows of the hidden state. */
  #rows(count: number): number {
    return count * this.#config.hidden * 4;
  }

  #angles(layer: Layer, position: number): number {
    return layer.angles + position * this.#config.headDim * 4;
  }
}

/** The input of the next matrices: quantised once per number format that they need. */
class QuantizedInput {
  readonly #kernel: Kernel;
  readonly #scratch: ScratchLayout;
  readonly #usesInt8: boolean;
  #source = 0;
  #columns = 0;
  #tiles: readonly Tile[] = [];
  #hasInput4 = false;
  #hasInput8 = false;

  constructor(kernel: Kernel, scratch: ScratchLayout) {
    this.#kernel = kernel;
    this.#scratch = scratch;
    this.#usesInt8 = kernel.usesInt8() === 1;
  }

  set(source: number, columns: number, count: number): void {
    this.#source = source;
    this.#columns = columns;
    this.#tiles = TILINGS[count] ?? [];
    this.#hasInput4 = false;
    this.#hasInput8 = false;
  }

  /** matrix times every token, to `out`: one row of `8 * groups` f32 per token. */
  multiply(matrix: PlacedTensor, out: number): void {
    if (matrix.format === 'q4') this.#multiply4(matrix, out);
    else if (matrix.format === 'q8' || matrix.format === 'q8-fine') this.#multiply8(matrix, out);
    else this.#multiplyFloat(matrix, out);
  }

  #multiply4({ offset, groups, blocks }: PlacedTensor, out: number): void {
    if (!this.#hasInput4) this.#quantize4(blocks);
    const stride = groups * 32;
    for (const { start, tokens } of this.#tiles) {
      const x = this.#tileAddress(this.#scratch.quantized4, start, this.#usesInt8 ? 40 : 72);
      const target = out + start * stride;
      if (tokens === 8) this.#kernel.matmul4x8(offset, groups, blocks, x, target, stride);
      else if (tokens === 4) this.#kernel.matmul4x4(offset, groups, blocks, x, target, stride);
      else this.#kernel.matvec4(offset, groups, blocks, x, target);
    }
  }

  #multiply8({ offset, groups, blocks, format }: PlacedTensor, out: number): void {
    const isFine = format === 'q8-fine';
    const vector = isFine ? this.#kernel.matvec8Fine : this.#kernel.matvec8;
    const tile = isFine ? this.#kernel.matmul8Fine : this.#kernel.matmul8;
    if (!this.#hasInput8) this.#quantize8(blocks);
    const stride = groups * 32;
    for (const { start, tokens } of this.#tiles) {
      const x = this.#tileAddress(this.#scratch.quantized8, start, 72);
      const target = out + start * stride;
      if (tokens === 1) vector(offset, groups, blocks, x, target);
      else tile(offset, groups, blocks, x, target, stride, tokens);
    }
  }

  #multiplyFloat({ offset, groups, columns, format }: PlacedTensor, out: number): void {
    const stride = groups * 32;
    const run = format === 'f16' ? this.#kernel.matmulF16 : this.#kernel.matmulF32;
    for (const { start, tokens } of this.#tiles) {
      const x = this.#source + start * columns * 4;
      run(offset, groups, columns, x, columns * 4, out + start * stride, stride, tokens);
    }
  }

  #quantize4(blocks: number): void {
    const stride = this.#columns * 4;
    for (const { start, tokens } of this.#tiles) {
      const source = this.#source + start * stride;
      const target = this.#tileAddress(this.#scratch.quantized4, start, this.#usesInt8 ? 40 : 72);
      if (this.#usesInt8) this.#kernel.quantizeInt8(source, stride, target, blocks, tokens);
      else this.#kernel.quantizeInt16(source, stride, target, blocks, tokens, FOUR_BIT_ORDER);
    }
    this.#hasInput4 = true;
  }

  #quantize8(blocks: number): void {
    const stride = this.#columns * 4;
    for (const { start, tokens } of this.#tiles) {
      const source = this.#source + start * stride;
      const target = this.#tileAddress(this.#scratch.quantized8, start, 72);
      this.#kernel.quantizeInt16(source, stride, target, blocks, tokens, PLAIN_ORDER);
    }
    this.#hasInput8 = true;
  }

  #tileAddress(base: number, start: number, bytesPerBlock: number): number {
    return base + start * (this.#columns / 32) * bytesPerBlock;
  }
}

const PLAIN_ORDER = 0;
const FOUR_BIT_ORDER = 1;

/** `tokens` may exceed what is left: a tile of 4 or 8 for 3 or 7 tokens is cheaper than single ones. */
interface Tile {
  readonly start: number;
  readonly tokens: 1 | 4 | 8;
}

const TILINGS: readonly (readonly Tile[])[] = Array.from(
  { length: TOKENS_PER_CALL + 1 },
  (_, count) => tilesFor(count),
);

function tilesFor(count: number): readonly Tile[] {
  const tiles: Tile[] = [];
  let start = 0;
  while (start < count) {
    const left = count - start;
    const tokens = left >= 7 ? 8 : left >= 3 ? 4 : 1;
    tiles.push({ start, tokens });
    start += tokens;
  }
  return tiles;
}

function findLayer({ tensors, config, scratch }: ForwardPassOptions, index: number): Layer {
  const { style } = config;
  const weight = (name: string): PlacedTensor => find(tensors, `blk.${index}.${name}.weight`);
  const weightIf = (isThere: boolean, name: string): PlacedTensor | null =>
    isThere ? weight(name) : null;
  const isLocal = style.local !== null && (index + 1) % style.local.globalEvery !== 0;
  return {
    angles: isLocal ? scratch.localAngles : scratch.angles,
    window: isLocal ? style.local.window : Number.POSITIVE_INFINITY,
    attentionNorm: weight('attn_norm'),
    query: weight('attn_q'),
    key: weight('attn_k'),
    value: weight('attn_v'),
    output: weight('attn_output'),
    queryNorm: weightIf(style.normsHeads, 'attn_q_norm'),
    keyNorm: weightIf(style.normsHeads, 'attn_k_norm'),
    attentionOutputNorm: weightIf(style.normsOutputs, 'post_attention_norm'),
    feedForwardNorm: weight('ffn_norm'),
    gate: weight('ffn_gate'),
    up: weight('ffn_up'),
    down: weight('ffn_down'),
    feedForwardOutputNorm: weightIf(style.normsOutputs, 'post_ffw_norm'),
  };
}

function find(tensors: ReadonlyMap<string, PlacedTensor>, name: string): PlacedTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new TypeError(`createDecoder needs the tensor ${name}`);
  return tensor;
}
