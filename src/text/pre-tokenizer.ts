import { ModelError } from '../errors.ts';

/** How a file's pre-tokeniser cuts text into words, as @huggingface/tokenizers wants it. */
export interface PreTokenizer {
  readonly config: object;
  /** Whether a word that is a token as a whole stays whole, whatever the merges say. */
  readonly ignoresMerges: boolean;
  /** Whether such models expect the start token where the file does not say. */
  readonly addsBos: boolean;
}

const GPT2_WORDS =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

// The contractions of (?i:'s|'t|…) written out: engines without regex modifiers must read them too.
// ſ is the one character beyond ASCII that folds to one of these letters.
const LLAMA3_WORDS =
  "'(?:[sSſ]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}" +
  '| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';

/**
 * The pre-tokeniser named by `tokenizer.ggml.pre`. Throws `ModelError` `unsupported-architecture` for
 * one that has not been checked against a reference: a wrong split gives wrong tokens silently.
 */
export function preTokenizerFor(name: string): PreTokenizer {
  switch (name) {
    case 'smollm':
      // `Digits` of the JavaScript library knows ASCII only: split on every Unicode number instead.
      return { config: sequence('\\p{N}', GPT2_WORDS), ignoresMerges: false, addsBos: false };
    case 'gpt-2':
      return { config: sequence(GPT2_WORDS), ignoresMerges: false, addsBos: false };
    case 'llama-bpe':
      return { config: sequence(LLAMA3_WORDS), ignoresMerges: true, addsBos: true };
    default:
      throw new ModelError(
        'unsupported-architecture',
        `The model's pre-tokeniser "${name}" is not supported; smollm, gpt-2 and llama-bpe are. ` +
          'Choose another model.',
        { details: { preTokenizer: name } },
      );
  }
}

function sequence(...patterns: readonly string[]): object {
  const splits = patterns.map((pattern) => ({
    type: 'Split',
    pattern: { Regex: pattern },
    behavior: 'Isolated',
    invert: false,
  }));
  // The library's own word pattern takes JavaScript's \s for white space; a Split does not.
  const bytes = { type: 'ByteLevel', add_prefix_space: false, use_regex: false };
  return { type: 'Sequence', pretokenizers: [...splits, bytes] };
}
