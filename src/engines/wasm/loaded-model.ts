import { EngineError, ModelError } from '../../errors.ts';
import type { ChatTemplate } from '../../text/chat-template.ts';
import type { Tokenizer } from '../../text/tokenizer.ts';
import type { LoadedModel, ModelInfo } from '../../types.ts';
import type { Decoder } from './decoder.ts';
import type { GgufHeader } from './gguf.ts';
import { startRun } from './run.ts';
import type { RunParts } from './run.ts';
import { createSlotTable } from './slots.ts';
import { createVocabulary } from './vocabulary.ts';

/**
 * Bytes of logits kept for each slot: with 49,152 tokens five of them, after the prompt and after the first
 * four tokens of a suggestion. Of 137 keys typed, 12 tokens each at most, 332 passes through the model were
 * needed without them, 135 with two, 89 with three, 67 with five and 66 with eight.
 */
const KEPT_LOGITS_BYTES = 1_000_000;
/** Also where they are larger. */
const FEWEST_KEPT_LOGITS = 3;

interface ModelParts {
  readonly header: Pick<GgufHeader, 'tensors'>;
  readonly decoder: Decoder;
  readonly tokenizer: Tokenizer;
  readonly chatTemplate: ChatTemplate;
  readonly maxSlots: number;
  /** Of the model file. */
  readonly sha256: string;
}

/** A model ready to generate: its first slot exists and the kernels have run once. */
export function createLoadedModel(options: ModelParts): LoadedModel {
  const { decoder, tokenizer, chatTemplate } = options;
  const known = knownIds(decoder, tokenizer);
  let parts: RunParts | null = {
    decoder,
    tokenizer,
    chatTemplate,
    known,
    vocabulary: createVocabulary(tokenizer),
    contextLength: decoder.contextLength,
    slots: createSlotTable({
      maxSlots: options.maxSlots,
      keptLogits: Math.max(
        FEWEST_KEPT_LOGITS,
        Math.floor(KEPT_LOGITS_BYTES / (4 * decoder.config.vocabularySize)),
      ),
      addSlot: createSlotSource(decoder),
    }),
    now: () => performance.now(),
    isClosed: () => parts === null,
  };
  const fixed = describe(options);
  return {
    get info() {
      return { ...fixed, memoryBytes: parts?.decoder.memoryBytes ?? 0 };
    },
    start(request) {
      if (parts === null) throw closedModel();
      return startRun(request, parts);
    },
    canStart: (sessionId) => parts?.slots.canTake(sessionId) ?? false,
    countTokens: (text) => tokenizer.encode(text).length,
    dispose() {
      parts = null;
    },
  };
}

/**
 * Makes the first slot and runs a full tile and a single token through it: the first calls are
 * several times slower than later ones, and the first key typed must not pay for that.
 */
function createSlotSource(decoder: Decoder): () => number {
  let warm: number | null = decoder.addSlot();
  const tileLength = Math.min(decoder.maxTokensPerCall, decoder.contextLength);
  decoder.forward(
    warm,
    0,
    Array.from({ length: tileLength }, () => 0),
    true,
  );
  decoder.forward(warm, 0, [0], true);
  decoder.pick();
  return () => {
    const first = warm;
    warm = null;
    return first ?? decoder.addSlot();
  };
}

/** Models may have more rows than tokens, as padding; those must never be generated. */
function knownIds(decoder: Decoder, tokenizer: Tokenizer): Uint32Array | null {
  const rows = decoder.config.vocabularySize;
  const tokens = tokenizer.vocabularySize;
  if (tokens === rows) return null;
  if (tokens < rows) return Uint32Array.from({ length: tokens }, (_, id) => id);
  throw new ModelError(
    'bad-format',
    `The model file has ${tokens} tokens and embeddings for ${rows}. Get the file again.`,
    { details: { tokens, rows } },
  );
}

function describe({ header, decoder, tokenizer, maxSlots, sha256 }: ModelParts): ModelInfo {
  return {
    engine: 'wasm',
    sha256,
    architecture: decoder.config.style.architecture,
    precision: decoder.precision,
    parameters: header.tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0),
    vocabularySize: tokenizer.vocabularySize,
    contextLength: decoder.contextLength,
    maxSlots,
    memoryBytes: decoder.memoryBytes,
  };
}

function closedModel(): EngineError {
  return new EngineError('closed', 'The model was unloaded. Load it again.');
}
