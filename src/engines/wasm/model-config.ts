import { metadataString } from '../../text/gguf-metadata.ts';
import type { GgufMetadata } from '../../text/gguf-metadata.ts';
import { unsupported } from './config-reader.ts';
import type { DecoderConfig, TensorInfo } from './decoder.ts';
import { readGemmaConfig } from './gemma-config.ts';
import { readLlamaConfig } from './llama-config.ts';

/**
 * Shape of a model of any architecture this engine computes. Throws `ModelError`
 * `unsupported-architecture` or `bad-format`.
 */
export function readModelConfig(
  metadata: GgufMetadata,
  tensors: readonly TensorInfo[],
): DecoderConfig {
  const architecture = metadataString(metadata, 'general.architecture');
  switch (architecture) {
    case 'llama':
      return readLlamaConfig(metadata, tensors);
    case 'gemma3':
      return readGemmaConfig(metadata, tensors);
    default:
      throw unsupported(
        `its architecture is "${architecture}", and only "llama" and "gemma3" are computed`,
      );
  }
}
