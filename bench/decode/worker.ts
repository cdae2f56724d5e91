/// <reference lib="webworker" />
import { createWasmEngine } from '../../src/engines/wasm/engine.ts';
import { createGgufReader } from '../../src/engines/wasm/gguf.ts';
import { readLlamaConfig } from '../../src/engines/wasm/llama-config.ts';
import type { EngineRun, LoadedModel, Precision, WeightSource } from '../../src/types.ts';
import { createDotRate } from './dot-rate.ts';
import { createReadLoop } from './read-loop.ts';
import type { BuildSamples, DecodeOptions, DecodeSamples } from './samples.ts';

const BUILDS: readonly Precision[] = ['exact', 'fast'];
const DECODED_TOKENS = 16;
/** Passes of the read loop between two measurements of a build. */
const READS_PER_TURN = 3;
const FLOAT_BYTES = 4;

interface Build {
  readonly model: LoadedModel;
  readonly loadMs: number;
  readonly prefill32Ms: number[];
  readonly prefill128Ms: number[];
  readonly decodeMs: number[];
  readonly promptTokens: { short: number; long: number };
}

self.addEventListener('message', ({ data }: MessageEvent<DecodeOptions>) => {
  measure(data).then(
    (samples) => self.postMessage(samples),
    (error: unknown) => self.reportError(error),
  );
});

async function measure(options: DecodeOptions): Promise<DecodeSamples> {
  const bytes = await fetchModel(options.modelUrl);
  const builds: Record<Precision, Build> = {
    exact: await loadBuild('exact', bytes, options),
    fast: await loadBuild('fast', bytes, options),
  };
  const { weightBytes, kvBytesPerPosition, layerMacsPerToken } = readShape(bytes);
  const prompts = makePrompts(builds.exact.model);
  const contextTokens = 128 + DECODED_TOKENS / 2;
  const bytesPerToken = weightBytes + kvBytesPerPosition * contextTokens;
  const readLoop = await createReadLoop(bytesPerToken);
  const readLoopMs: number[] = [];
  const dotRates = { exact: await createDotRate('exact'), fast: await createDotRate('fast') };
  const gigaMacs: Record<Precision, number[]> = { exact: [], fast: [] };
  // Round 0 warms up: compilation tiers and first touches of memory are not what is measured.
  for (let round = 0; round <= options.rounds; round++) {
    const order = round % 2 === 0 ? BUILDS : BUILDS.toReversed();
    for (const precision of order) {
      const samples = round === 0 ? emptySamples(builds[precision]) : builds[precision];
      for (let pass = 0; pass < READS_PER_TURN; pass++) {
        const ms = readLoop.passMs();
        if (round === 0) continue;
        readLoopMs.push(ms);
        gigaMacs[precision].push(dotRates[precision].gigaMacs());
      }
      await measureBuild(samples, prompts, round);
    }
  }
  return {
    builds: { exact: summary(builds.exact), fast: summary(builds.fast) },
    readLoopMs,
    gigaMacs,
    layerMacsPerToken,
    bytesPerToken,
    weightBytes,
    contextTokens,
  };
}

async function fetchModel(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`The model file could not be read: HTTP ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function loadBuild(
  precision: Precision,
  bytes: Uint8Array,
  options: DecodeOptions,
): Promise<Build> {
  const source: WeightSource = {
    sizeBytes: options.sizeBytes,
    sha256: options.sha256,
    chunks: () => inShards(bytes),
  };
  const startedAt = performance.now();
  const { contextLength } = options;
  const model = await createWasmEngine().load(source, { precision, contextLength, maxSlots: 1 });
  const loadMs = performance.now() - startedAt;
  const promptTokens = { short: 0, long: 0 };
  return { model, loadMs, prefill32Ms: [], prefill128Ms: [], decodeMs: [], promptTokens };
}

async function* inShards(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const shardBytes = 4 * 1024 * 1024;
  for (let start = 0; start < bytes.length; start += shardBytes) {
    yield bytes.subarray(start, start + shardBytes);
  }
}

interface Shape {
  readonly weightBytes: number;
  readonly kvBytesPerPosition: number;
  readonly layerMacsPerToken: number;
}

/** What one token reads: every matrix once; an embedding beside a separate head is only looked up. */
function readShape(bytes: Uint8Array): Shape {
  const reader = createGgufReader(bytes.length);
  const { tensors, metadata } = reader.push(bytes)?.header ?? reader.end();
  const hasHead = tensors.some(({ name }) => name === 'output.weight');
  const read = tensors.filter(({ name }) => !(hasHead && name === 'token_embd.weight'));
  const { layers, kvHeads, headDim } = readLlamaConfig(metadata, tensors);
  const inLayers = tensors.filter(({ name, shape }) => name.startsWith('blk.') && shape.length > 1);
  return {
    layerMacsPerToken: inLayers.reduce((sum, { shape }) => sum + shape[0]! * shape[1]!, 0),
    weightBytes: read.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    kvBytesPerPosition: 2 * layers * kvHeads * headDim * FLOAT_BYTES,
  };
}

interface Prompts {
  readonly short: string;
  readonly long: string;
}

function makePrompts(model: LoadedModel): Prompts {
  return { short: textOfLength(model, 32), long: textOfLength(model, 128) };
}

/** Plain prose of exactly so many tokens; it ends after a word, so that nothing is healed away. */
function textOfLength(model: LoadedModel, tokens: number): string {
  const sentence =
    'The harbour was quiet in the morning, and the boats that had come in during the night lay side by side ' +
    'along the wall while the people of the town walked down to see what they had brought home. ';
  const words = sentence.repeat(8).split(' ');
  for (let count = 1; count < words.length; count++) {
    const text = words.slice(0, count).join(' ');
    if (model.countTokens(text) >= tokens) return text;
  }
  throw new Error(`The text is too short for ${tokens} tokens`);
}

function emptySamples(build: Build): Build {
  return { ...build, prefill32Ms: [], prefill128Ms: [], decodeMs: [] };
}

async function measureBuild(build: Build, prompts: Prompts, round: number): Promise<void> {
  const short = await timeRun(build.model, `short-${round}`, prompts.short);
  build.prefill32Ms.push(short.firstTokenMs);
  const long = await timeRun(build.model, `long-${round}`, prompts.long);
  build.prefill128Ms.push(long.firstTokenMs);
  build.decodeMs.push(...long.tokenMs);
  build.promptTokens.short = short.promptTokens;
  build.promptTokens.long = long.promptTokens;
}

interface RunTimes {
  readonly firstTokenMs: number;
  readonly tokenMs: number[];
  /** Tokens really computed: healing takes the word being typed off the end. */
  readonly promptTokens: number;
}

/** A session of its own per call, so that no prompt finds its KV already there. */
async function timeRun(model: LoadedModel, sessionId: string, before: string): Promise<RunTimes> {
  const startedAt = performance.now();
  const input = { kind: 'prefix', before } as const;
  const run = model.start({ sessionId, input, maxTokens: DECODED_TOKENS + 1 });
  try {
    await stepToToken(run);
    const firstTokenMs = performance.now() - startedAt;
    if (run.usage.cachedTokens > 0) throw new Error('A prompt was not computed but remembered');
    const promptTokens = run.usage.inputTokens;
    return { firstTokenMs, tokenMs: await timeTokens(run), promptTokens };
  } finally {
    run.release();
  }
}

async function stepToToken(run: EngineRun): Promise<void> {
  for (;;) {
    const step = await run.step();
    if (step.type === 'token') return;
    if (step.type === 'end') throw new Error(`The model said nothing (${step.reason})`);
  }
}

async function timeTokens(run: EngineRun): Promise<number[]> {
  const times: number[] = [];
  for (;;) {
    const startedAt = performance.now();
    const step = await run.step();
    if (step.type === 'end') return times;
    times.push(performance.now() - startedAt);
  }
}

function summary({ model, ...times }: Build): BuildSamples {
  return { ...times, memoryBytes: model.info.memoryBytes };
}
