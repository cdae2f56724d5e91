import { metadataString } from '../../text/gguf-metadata.ts';
import type { GgufMetadata } from '../../text/gguf-metadata.ts';
import {
  checkTensors,
  createConfigReader,
  readVocabularySize,
  readWidths,
  unsupported,
} from './config-reader.ts';
import type { ConfigReader } from './config-reader.ts';
import type { DecoderConfig, DecoderStyle, TensorInfo } from './decoder.ts';

/** Llama, the architecture the others here are described against. */
export const LLAMA_STYLE: DecoderStyle = {
  architecture: 'llama',
  embeddingScale: 1,
  activation: 'silu',
  rotation: 'neighbours',
  normsHeads: false,
  normsOutputs: false,
  local: null,
};

/**
 * Shape of a Llama model, with every tensor checked against it. Throws `ModelError`
 * `unsupported-architecture` for what this engine does not compute, `bad-format` for files that
 * contradict themselves.
 */
export function readLlamaConfig(
  metadata: GgufMetadata,
  tensors: readonly TensorInfo[],
): DecoderConfig {
  const architecture = metadataString(metadata, 'general.architecture');
  if (architecture !== 'llama') {
    throw unsupported(`its architecture is "${architecture}", and not "llama"`);
  }
  const reader = createConfigReader(metadata, 'llama');
  refuseFeatures(metadata, reader);
  const widths = readWidths(reader);
  const config = { ...widths, vocabularySize: readVocabularySize(tensors), style: LLAMA_STYLE };
  checkTensors(config, tensors);
  return config;
}

/** What llama files may ask for and this engine does not compute: ignoring it would give wrong text. */
function refuseFeatures(metadata: GgufMetadata, reader: ConfigReader): void {
  const scaling = metadataString(metadata, 'llama.rope.scaling.type', 'none');
  if (scaling !== 'none') throw unsupported(`it scales positions ("${scaling}")`);
  reader.refuseUnless('rope.scaling.factor', [0, 1]);
  reader.refuseUnless('rope.scale_linear', [0, 1]);
  reader.refuseUnless('attention.sliding_window', [0]);
  reader.refuseUnless('expert_count', [0]);
  reader.refuseUnless('attention.scale', [0]);
  reader.refuseUnless('logit_scale', [0, 1]);
  reader.refuseUnless('residual_scale', [0, 1]);
  reader.refuseUnless('embedding_scale', [0, 1]);
  if (metadata.get('llama.attention.causal') === false) throw unsupported('it is not causal');
}
