import { readLogProbability } from '../cascade/evidence.ts';
import type { TextDelta } from '../cascade/hold-back.ts';

/** One token of a completion: the text it added, and how sure the model was. */
export interface CompletionPiece {
  readonly text: string;
  /** Natural logarithm; `null` = unknown. */
  readonly logProbability: number | null;
  /** Only repeats letters that were typed: not counted. */
  readonly isTyped: boolean;
}

export interface CompletionInput {
  /** Text left of the caret. */
  readonly before: string;
  /** Text right of the caret. */
  readonly after: string;
  readonly pieces: readonly CompletionPiece[];
  /** Whether the model ended its text itself, so that the last word is whole. */
  readonly isEnded: boolean;
  /** Least product of probabilities, 0 to 1. */
  readonly threshold: number;
}

export interface Completion {
  /** What acceptance inserts, with the trailing space where the language wants one. */
  readonly text: string;
  /** Product of the probabilities of the tokens the text needed. */
  readonly product: number;
}

/** Letters left of the caret that decide where the first word ends; no word is longer. */
const CONTEXT_UNITS = 64;
/**
 * Scripts written without spaces between words. https://www.unicode.org/reports/tr24/
 */
const UNSPACED_SCRIPT =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}\u3000-\u303f\uff00-\uffef]$/u;
/** After these a word follows at once: opening brackets and quotes, slashes, dashes, @, #, white space. */
const GLUES_NEXT = /[\p{Ps}\p{Pi}\p{Pd}\p{Pc}\s"'’/\\@#¿¡]$/u;
/** Text right of the caret that stands close to the word before it. */
const STARTS_CLOSE = /^[\s\p{Pe}\p{Pf}.,;:!?…%]/u;
/** The model's own next characters, when the word, or its line, ends otherwise than in a space. */
const CONTINUES_WORD = /^[\r\n\p{L}\p{M}\p{N}\p{Pd}\p{Pc}'’/@]/u;
const WORD_END = /[\p{L}\p{M}\p{N}_]$/u;

/**
 * The longest start of a completion whose product of probabilities stays at or above the threshold,
 * cut where a word ends; `null` when nothing is sure enough. A token whose probability is unknown ends
 * the count: it is neither 0 nor 1. The text after the cut decides whether a word goes on, so a word
 * is offered only when the next token or the end of the text shows that it is whole.
 */
export function pickCompletion(input: CompletionInput): Completion | null {
  const { before, after, pieces, threshold } = input;
  const sureUnits = measureSure(pieces, threshold);
  const full = pieces.map((piece) => piece.text).join('');
  const skip = /^\s*$/u.test(before.slice(-1)) ? full.length - full.trimStart().length : 0;
  const cut = findCut(input, full, sureUnits);
  const words = full.slice(skip, cut).trimEnd();
  if (words === '') return null;
  const end = skip + words.length;
  const space = wantsSpace(words, full.slice(end), after) ? ' ' : '';
  return { text: words + space, product: productUpTo(pieces, end) };
}

/**
 * Every completion that some threshold would give, the longest, least sure one first. `threshold` of
 * the input does not count.
 */
export function listCompletions(input: Omit<CompletionInput, 'threshold'>): readonly Completion[] {
  const found: Completion[] = [];
  for (const product of new Set(input.pieces.map((_, index) => productOf(input.pieces, index)))) {
    if (product === null) break;
    const completion = pickCompletion({ ...input, threshold: product });
    const last = found.at(-1);
    if (completion !== null && completion.text !== last?.text) found.push(completion);
  }
  return found.toReversed();
}

/** Splits a delta into its tokens' texts; text that no token accounts for goes to the last one. */
export function splitDelta(delta: TextDelta): readonly CompletionPiece[] {
  const pieces: CompletionPiece[] = [];
  let position = 0;
  for (const [index, token] of delta.evidence.entries()) {
    const isLast = index === delta.evidence.length - 1;
    const end = isLast ? delta.text.length : position + token.textLength;
    pieces.push({
      text: delta.text.slice(position, end),
      logProbability: readLogProbability(token),
      isTyped: token.isTyped,
    });
    position = Math.min(end, delta.text.length);
  }
  if (pieces.length > 0 || delta.text === '') return pieces;
  return [{ text: delta.text, logProbability: null, isTyped: false }];
}

/** Product of the counted probabilities; `null` as soon as one is unknown. */
export function runningProduct(pieces: readonly CompletionPiece[]): number | null {
  let sum = 0;
  for (const piece of pieces) {
    if (piece.isTyped) continue;
    if (piece.logProbability === null) return null;
    sum += piece.logProbability;
  }
  return Math.exp(sum);
}

/** Up to and with the piece at `index`; `null` when one of them is unknown. */
function productOf(pieces: readonly CompletionPiece[], index: number): number | null {
  return runningProduct(pieces.slice(0, index + 1));
}

function measureSure(pieces: readonly CompletionPiece[], threshold: number): number {
  let units = 0;
  let sum = 0;
  for (const piece of pieces) {
    if (!piece.isTyped) {
      if (piece.logProbability === null) return units;
      sum += piece.logProbability;
      if (Math.exp(sum) < threshold) return units;
    }
    units += piece.text.length;
  }
  return units;
}

/** The last place at or before `sureUnits` where a word ends; 0 if there is none. */
function findCut({ before, isEnded }: CompletionInput, full: string, sureUnits: number): number {
  const context = before.slice(-CONTEXT_UNITS);
  const ends = wordEnds(context + full)
    .map((end) => end - context.length)
    .filter((end) => end > 0 && end <= sureUnits);
  const isWholeAtEnd = isEnded || !WORD_END.test(full);
  return ends.findLast((end) => end < full.length || isWholeAtEnd) ?? 0;
}

/** Where segments end, in UTF-16 units: words by the Unicode rules, with dictionaries where needed. */
function wordEnds(text: string): readonly number[] {
  const segmenter = new Intl.Segmenter('und', { granularity: 'word' });
  return Array.from(segmenter.segment(text), ({ index, segment }) => index + segment.length);
}

/**
 * Mostly a word follows, also where the model thinks of a comma first; acceptance takes the space
 * back when punctuation is typed. Worth 6 keys in 100 in simulated typing.
 */
function wantsSpace(words: string, rest: string, after: string): boolean {
  if (UNSPACED_SCRIPT.test(words) || GLUES_NEXT.test(words) || STARTS_CLOSE.test(after))
    return false;
  return !CONTINUES_WORD.test(rest);
}

function productUpTo(pieces: readonly CompletionPiece[], units: number): number {
  let position = 0;
  let sum = 0;
  for (const piece of pieces) {
    if (position >= units) break;
    position += piece.text.length;
    if (!piece.isTyped) sum += piece.logProbability ?? 0;
  }
  return Math.exp(sum);
}
