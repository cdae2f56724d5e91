import { EdgewiseError, EngineError, ModelError, UnsupportedError } from '../../errors.ts';
import { createChatTemplate } from '../../text/chat-template.ts';
import { readTokenizer } from '../../text/tokenizer.ts';
import type { Engine, EngineLoadOptions, LoadedModel, WeightSource } from '../../types.ts';
import { withAbort } from './abortable.ts';
import { createDecoder } from './decoder.ts';
import type { Decoder } from './decoder.ts';
import { createBreather } from './event-loop.ts';
import { createGgufReader } from './gguf.ts';
import type { GgufHeader } from './gguf.ts';
import { createLoadedModel } from './loaded-model.ts';
import { readModelConfig } from './model-config.ts';

const DEFAULT_SLOTS = 4;
const DEFAULT_CONTEXT_LENGTH = 512;
/** Bytes repacked in one go: about a millisecond, so that an abort is seen soon. */
const PIECE_BYTES = 1024 * 1024;

/**
 * The engine that reads GGUF files and computes Llama and Gemma 3 models in WebAssembly, in a worker, a page or
 * Node. `load` throws `UnsupportedError` (`no-wasm`, `no-simd`), `ModelError` (`bad-format`,
 * `size-mismatch`, `unsupported-architecture`, `unsupported-tensor-type`), `EngineError`
 * (`load-failed`, `out-of-memory`), whatever the source throws, or the signal's reason.
 *
 * @example
 * const model = await createWasmEngine().load(source);
 * const run = model.start({ sessionId: 'a', input: { kind: 'prefix', before: 'The' }, maxTokens: 8 });
 * for (let step = await run.step(); step.type !== 'end'; step = await run.step()) console.log(step);
 * run.release();
 */
export function createWasmEngine(): Engine {
  return { kind: 'wasm', load };
}

async function load(source: WeightSource, options: EngineLoadOptions = {}): Promise<LoadedModel> {
  const { maxSlots = DEFAULT_SLOTS, contextLength = DEFAULT_CONTEXT_LENGTH } = options;
  checkCount('maxSlots', maxSlots);
  checkCount('contextLength', contextLength);
  options.signal?.throwIfAborted();
  requireWebAssembly();
  try {
    const { header, decoder } = await readModel(source, { ...options, contextLength });
    const tokenizer = readTokenizer(header.metadata);
    const chatTemplate = createChatTemplate(header.metadata, tokenizer);
    const { sha256 } = source;
    const parts = { header, decoder, tokenizer, chatTemplate, maxSlots, sha256 };
    const model = createLoadedModel(parts);
    options.signal?.throwIfAborted();
    return model;
  } catch (error) {
    throw options.signal?.aborted === true ? options.signal.reason : typed(error);
  }
}

type ReadOptions = EngineLoadOptions & { readonly contextLength: number };

/** Streams the file: header first, then each piece of weights straight into the decoder. */
async function readModel(
  source: WeightSource,
  options: ReadOptions,
): Promise<{ header: GgufHeader; decoder: Decoder }> {
  const { signal } = options;
  const reader = createGgufReader(source.sizeBytes);
  let writer: WeightWriter | null = null;
  let header: GgufHeader | null = null;
  let receivedBytes = 0;
  const chunks = source.chunks(signal === undefined ? {} : { signal });
  for await (const chunk of withAbort(chunks, signal)) {
    receivedBytes += chunk.length;
    const start = reader.push(chunk);
    if (start === null) continue;
    header = start.header;
    writer ??= await createWriter(header, options);
    await writer.write(start.rest);
  }
  if (receivedBytes !== source.sizeBytes) throw wrongSize(source.sizeBytes, receivedBytes);
  if (header === null || writer === null) return reader.end() as never;
  writer.decoder.finishWeights();
  return { header, decoder: writer.decoder };
}

interface WeightWriter {
  readonly decoder: Decoder;
  write(bytes: Uint8Array): Promise<void>;
}

async function createWriter(header: GgufHeader, options: ReadOptions): Promise<WeightWriter> {
  const { metadata, tensors } = header;
  const config = readModelConfig(metadata, tensors);
  const decoder = await createDecoder({
    config,
    tensors,
    contextLength: Math.min(options.contextLength, config.contextLength),
    ...(options.precision === undefined ? {} : { precision: options.precision }),
  });
  const breathe = createBreather();
  // Files may end with padding that belongs to no tensor.
  const last = tensors.at(-1);
  let leftBytes = last === undefined ? 0 : last.offset + last.sizeBytes;
  return {
    decoder,
    async write(bytes) {
      const wanted = bytes.subarray(0, leftBytes);
      leftBytes -= wanted.length;
      for (let at = 0; at < wanted.length; at += PIECE_BYTES) {
        decoder.writeWeights(wanted.subarray(at, at + PIECE_BYTES));
        await breathe();
        options.signal?.throwIfAborted();
      }
    },
  };
}

/** Said before any byte is asked for; SIMD is checked with the kernel. */
function requireWebAssembly(): void {
  if (typeof WebAssembly === 'object') return;
  throw new UnsupportedError(
    'no-wasm',
    'This browser has no WebAssembly, or its settings forbid it. Use a remote tier instead.',
  );
}

function checkCount(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new TypeError(
    `${name} must be a whole number from 1, as in engine.load(source, { maxSlots: 4, contextLength: 512 }).`,
  );
}

/** Errors of ours pass; what the platform throws gets a type and keeps its cause. */
function typed(error: unknown): unknown {
  if (EdgewiseError.is(error)) return error;
  if (error instanceof RangeError) {
    return new EngineError(
      'out-of-memory',
      'There is not enough memory for the model. Close other tabs, or choose a smaller model.',
      { cause: error },
    );
  }
  return new EngineError('load-failed', 'The model could not be loaded. Try again.', {
    cause: error,
    isRetryable: true,
  });
}

function wrongSize(expectedBytes: number, receivedBytes: number): ModelError {
  return new ModelError(
    'size-mismatch',
    `The model file should have ${expectedBytes} bytes and ${receivedBytes} came. Get it again.`,
    { details: { expectedBytes, receivedBytes } },
  );
}
