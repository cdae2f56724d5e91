import type { Tokenizer } from './tokenizer.ts';
import { wordPattern } from './word-pattern.ts';

/** Keeps special tokens that people wrote apart from those a template writes. */
export interface SpecialEscape {
  /** Prepares texts for one rendering. `fixed` is what else the rendered text may contain. */
  hide(texts: readonly string[], fixed: string): HiddenTexts;
}

export interface HiddenTexts {
  /** The texts, each special token in them replaced by a stand-in no template knows. */
  readonly texts: readonly string[];
  /** Token ids of a text made with `texts`: its special tokens are real, those hidden are not. */
  encode(rendered: string): number[];
}

/** Private-use ranges of Unicode, first the one whose characters are one UTF-16 unit. */
const PRIVATE_USE = [
  [0xe000, 0xf8ff],
  [0xf0000, 0xffffd],
] as const;

/**
 * Ordinary text passes unchanged, so a template treats it as ever and its tokens are the same as
 * without this; only text that spells a special token, or could make one at its edge, is replaced.
 */
export function createSpecialEscape(tokenizer: Tokenizer): SpecialEscape {
  const specials = specialNames(tokenizer);
  const pattern = wordPattern(specials);
  if (pattern === null) {
    return { hide: (texts) => ({ texts, encode: (rendered) => tokenizer.encode(rendered) }) };
  }
  return {
    hide(texts, fixed) {
      const mark = unusedCharacter([...texts, ...specials, fixed]);
      const hidden: string[] = [];
      const replace = (text: string): string => `${mark}${hidden.push(text) - 1}${mark}`;
      const standIn = new RegExp(`${mark}(\\d+)${mark}`, 'g');
      const restore = (text: string): string =>
        text.replace(standIn, (_, index: string) => hidden[Number(index)] ?? '');
      return {
        texts: texts.map((text) => hideEdges(hideWhole(text, pattern, replace), specials, replace)),
        encode: (rendered) =>
          rendered
            .split(pattern)
            .flatMap((piece, index) =>
              tokenizer.encode(restore(piece), { allowSpecial: index % 2 === 1 }),
            ),
      };
    },
  };
}

function specialNames(tokenizer: Tokenizer): readonly string[] {
  const names: string[] = [];
  const decoder = new TextDecoder();
  for (let id = 0; id < tokenizer.vocabularySize; id += 1) {
    if (tokenizer.isSpecial(id)) names.push(decoder.decode(tokenizer.tokenBytes(id)));
  }
  return names.filter((name) => name !== '');
}

function unusedCharacter(texts: readonly string[]): string {
  for (const [first, last] of PRIVATE_USE) {
    for (let code = first; code <= last; code += 1) {
      const character = String.fromCodePoint(code);
      if (!texts.some((text) => text.includes(character))) return character;
    }
  }
  throw new RangeError('The messages use every private-use character of Unicode.');
}

function hideWhole(text: string, pattern: RegExp, replace: (part: string) => string): string {
  const pieces = text.split(pattern);
  return pieces.map((piece, index) => (index % 2 === 1 ? replace(piece) : piece)).join('');
}

/** `<|im_` at the end of one message could become a special token with what a template adds. */
function hideEdges(
  text: string,
  specials: readonly string[],
  replace: (part: string) => string,
): string {
  const tail = longestOverlap(specials, (part) => text.endsWith(part), 'start');
  const body = tail === '' ? text : text.slice(0, -tail.length) + replace(tail);
  const head = longestOverlap(specials, (part) => body.startsWith(part), 'end');
  return head === '' ? body : replace(head) + body.slice(head.length);
}

/** Longest proper start (or end) of a special token that the test finds at the text's edge. */
function longestOverlap(
  specials: readonly string[],
  isAtEdge: (part: string) => boolean,
  side: 'start' | 'end',
): string {
  let longest = '';
  for (const special of specials) {
    for (let length = special.length - 1; length > longest.length; length -= 1) {
      const part = side === 'start' ? special.slice(0, length) : special.slice(-length);
      if (isAtEdge(part)) longest = part;
    }
  }
  return longest;
}
