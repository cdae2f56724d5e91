import { metadataString } from '../../text/gguf-metadata.ts';
import type { GgufMetadata } from '../../text/gguf-metadata.ts';
import {
  checkTensors,
  createConfigReader,
  readVocabularySize,
  readWidths,
  unsupported,
} from './config-reader.ts';
import type { ConfigReader, Widths } from './config-reader.ts';
import type { DecoderConfig, DecoderStyle, TensorInfo } from './decoder.ts';

/** Gemma 3 report (2025), section 2: five local layers, then one that sees everything. */
const GLOBAL_EVERY = 6;
/** The same report: local layers keep the base of earlier models. Files seldom say it. */
const LOCAL_ROPE_BASE = 10_000;
const ROPE_BASE = 1_000_000;
const MAX_WINDOW = 2 ** 24;
/** The 27B model scales attention by another width than its heads'. No browser holds it anyway. */
const LAYERS_OF_27B = 62;

/**
 * Shape of a Gemma 3 text model. The file's norm weights already contain the 1 that the original
 * adds. Throws `ModelError` like `readLlamaConfig`.
 */
export function readGemmaConfig(
  metadata: GgufMetadata,
  tensors: readonly TensorInfo[],
): DecoderConfig {
  const reader = createConfigReader(metadata, 'gemma3');
  refuseFeatures(metadata, reader);
  const widths = { ...readWidths(reader), ropeBase: reader.positive('rope.freq_base', ROPE_BASE) };
  if (widths.layers === LAYERS_OF_27B) throw unsupported('it is Gemma 3 27B');
  const style = readStyle(reader, widths);
  const config = { ...widths, vocabularySize: readVocabularySize(tensors), style };
  checkTensors(config, tensors);
  return config;
}

function readStyle(reader: ConfigReader, { hidden }: Widths): DecoderStyle {
  return {
    architecture: 'gemma3',
    embeddingScale: Math.sqrt(hidden),
    activation: 'gelu',
    rotation: 'halves',
    normsHeads: true,
    normsOutputs: true,
    local: {
      window: reader.bounded('attention.sliding_window', { max: MAX_WINDOW }),
      ropeBase: reader.positive('rope.freq_base_swa', LOCAL_ROPE_BASE),
      globalEvery: reader.bounded('attention.sliding_window_pattern', {
        max: MAX_WINDOW,
        fallback: GLOBAL_EVERY,
      }),
    },
  };
}

function refuseFeatures(metadata: GgufMetadata, reader: ConfigReader): void {
  const scaling = metadataString(metadata, 'gemma3.rope.scaling.type', 'none');
  if (scaling !== 'none') throw unsupported(`it scales positions ("${scaling}")`);
  reader.refuseUnless('rope.scaling.factor', [0, 1]);
  reader.refuseUnless('final_logit_softcapping', [0]);
  reader.refuseUnless('attn_logit_softcapping', [0]);
  if (metadata.get('gemma3.attention.causal') === false) throw unsupported('it is not causal');
}
