import type { Tokenizer } from '../../text/tokenizer.ts';
import type { Vocabulary } from './vocabulary.ts';

/** A text to continue, cut back to where the word being typed starts. */
export interface Healed {
  /** Tokens of the text up to there, and of typed letters that only one token can give. */
  readonly tokens: readonly number[];
  /** The last tokens of `tokens` that belong to the word being typed. */
  readonly forced: readonly number[];
  /** Letters of that word, `forced` included: generation repeats them, and they are not new text. */
  readonly typed: string;
  /** How many bytes of `typed` the first generated token has to start with. */
  readonly openBytes: number;
  /** What the first generated token may be, ascending; `null` for anything. */
  readonly allowed: Uint32Array | null;
}

/** Longest word, in UTF-16 units, that is backed up over as a whole. */
const MAX_WORD_LENGTH = 32;
/** How far back the start of the word is looked for. */
const LOOK_BACK_LENGTH = 256;

/** What a byte-level tokeniser groups: contractions, letters, other marks, each with one space before. */
const CONTRACTION = /(?<=[\p{L}\p{N}])'(?:s|t|m|d|ll?|re?|ve?)?$/iu;
const LETTERS = / ?\p{L}[\p{L}\p{M}]*$/u;
const DIGITS = / ?\p{N}+$/u;
const MARKS = / ?[^\s\p{L}\p{N}]+$/u;
const ONE_SPACE = / $/u;
/** Scripts written without spaces: a run of letters is a sentence there, not a word. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}][\p{M}]*$/u;

/**
 * Token healing. A text that stops inside a word rarely stops where a token of the whole word
 * would, so the model would see pieces it never met. Backs up to the start of the word (with the
 * space before it) and lets the first new token be only one that starts with the typed letters and
 * is more than white space. Where no token has all typed letters, the longest one that has some is
 * taken as given and the rest stays open.
 */
export function healPrompt(before: string, tokenizer: Tokenizer, vocabulary: Vocabulary): Healed {
  const text = withoutHalfCharacter(before);
  const tokens = tokenizer.encode(text);
  const typed = cutWord(text, tokens, tokenizer);
  const forced: number[] = [];
  let open = new TextEncoder().encode(typed);
  let allowed = allowedAfter(open, vocabulary);
  while (open.length > 0 && isDecided(allowed, open, tokenizer)) {
    const id = allowed[0] ?? vocabulary.longestStartOf(open);
    // Only a tokeniser without tokens for single bytes has none: the model then starts afresh.
    if (id === null) break;
    forced.push(id);
    open = open.subarray(tokenizer.tokenBytes(id).length);
    allowed = allowedAfter(open, vocabulary);
  }
  // Once the typed letters are given in full, white space may follow them as after any other token.
  const isFree = forced.length > 0 && open.length === 0;
  return {
    tokens: [...tokens, ...forced],
    forced,
    typed,
    openBytes: open.length,
    allowed: isFree ? null : allowed,
  };
}

/** Finds the word being typed and takes its tokens off the end of `tokens`. */
function cutWord(text: string, tokens: number[], tokenizer: Tokenizer): string {
  const word = lastWord(text);
  if (word.length > MAX_WORD_LENGTH || UNSPACED.test(word)) return cutLastToken(tokens, tokenizer);
  const wordBytes = new TextEncoder().encode(word).length;
  let cut = 0;
  let start = tokens.length;
  while (cut < wordBytes && start > 0) {
    start -= 1;
    cut += tokenizer.tokenBytes(tokens[start] ?? 0).length;
  }
  tokens.length = start;
  // A token that reaches over the word's start: the text before it is tokenised alone.
  if (cut !== wordBytes) {
    const alone = tokenizer.encode(text.slice(0, text.length - word.length));
    tokens.splice(0, tokens.length, ...alone);
  }
  return word;
}

function lastWord(text: string): string {
  const end = text.slice(-LOOK_BACK_LENGTH);
  for (const pattern of [CONTRACTION, LETTERS, DIGITS, MARKS, ONE_SPACE]) {
    const match = pattern.exec(end);
    if (match !== null) return match[0];
  }
  return '';
}

/** Takes tokens off the end until what they spell starts with a whole character. */
function cutLastToken(tokens: number[], tokenizer: Tokenizer): string {
  const bytes: number[] = [];
  do {
    const id = tokens.pop();
    if (id === undefined) break;
    bytes.unshift(...tokenizer.tokenBytes(id));
  } while (((bytes[0] ?? 0) & 0xc0) === 0x80);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array(bytes));
}

function allowedAfter(open: Uint8Array, vocabulary: Vocabulary): Uint32Array {
  return open.length === 0 ? vocabulary.notBlank : vocabulary.startingWith(open);
}

/** Whether the model has no choice: no token has all open letters, or one has, and just these. */
function isDecided(allowed: Uint32Array, open: Uint8Array, tokenizer: Tokenizer): boolean {
  if (allowed.length === 0) return true;
  return allowed.length === 1 && tokenizer.tokenBytes(allowed[0] ?? 0).length === open.length;
}

/** Drops the first half of a surrogate pair at the end: its other half is still to come. */
function withoutHalfCharacter(text: string): string {
  return /[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text;
}
