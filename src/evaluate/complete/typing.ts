/** A text offered at a caret position; `null` = nothing. */
export type GhostAt = (position: number) => string | null;

/** What a simulated writer did with one text. */
export interface Typing {
  readonly characters: number;
  /** Keys pressed: one per typed character, one per accepted ghost. */
  readonly keys: number;
  readonly accepted: number;
  readonly acceptedCharacters: number;
  /** New wrong ghosts; one that only shrinks as its letters are typed counts once. */
  readonly flashes: number;
}

/** Typed after an accepted word these take its space back, so the space was no mistake. */
const CLOSES_UP = /^[\p{Pe}\p{Pf}.,;:!?…%]/u;

/**
 * Writes `text` once more. The writer takes a ghost, with one key, only when all of it is right, and
 * types on otherwise; real people also read, hesitate and change their mind, so this bounds what
 * suggestions can save from above. `onShown` hears of each ghost that is new to the writer.
 */
export function replayTyping(
  text: string,
  ghostAt: GhostAt,
  onShown: (position: number, isCorrect: boolean) => void = () => undefined,
): Typing {
  let position = 0;
  let keys = 0;
  let accepted = 0;
  let acceptedCharacters = 0;
  let flashes = 0;
  /** What is left of the wrong ghost of the key before, once a letter of it was typed. */
  let standing = '';
  while (position < text.length) {
    const ghost = ghostAt(position) ?? '';
    const right = rightLength(ghost, text.slice(position));
    keys += 1;
    if (right > 0) {
      accepted += 1;
      onShown(position, true);
      acceptedCharacters += right;
      position += right;
      standing = '';
      continue;
    }
    if (ghost !== '' && ghost !== standing) {
      flashes += 1;
      onShown(position, false);
    }
    standing = ghost.startsWith(text[position] ?? '') ? ghost.slice(1) : '';
    position += 1;
  }
  return { characters: text.length, keys, accepted, acceptedCharacters, flashes };
}

/** Characters of `rest` that accepting the ghost writes; 0 when it is wrong anywhere. */
export function rightLength(ghost: string, rest: string): number {
  const words = ghost.trimEnd();
  if (words === '' || !rest.startsWith(words)) return 0;
  if (rest.startsWith(ghost)) return ghost.length;
  const next = rest.slice(words.length);
  return next === '' || CLOSES_UP.test(next) ? words.length : 0;
}

export interface TypingSum {
  /** 1 − keys / characters. */
  readonly keystrokesSaved: number;
  /** Of ghosts shown anew: accepted ÷ (accepted + flashes); `null` when none was shown. */
  readonly precision: number | null;
  readonly flashesPer100Keys: number;
  readonly shown: number;
}

/** The figures of many texts together: keys and characters are summed first. */
export function sumTyping(typings: readonly Typing[]): TypingSum {
  const total = (pick: (typing: Typing) => number): number =>
    typings.reduce((sum, typing) => sum + pick(typing), 0);
  const characters = total((typing) => typing.characters);
  const keys = total((typing) => typing.keys);
  const accepted = total((typing) => typing.accepted);
  const flashes = total((typing) => typing.flashes);
  return {
    keystrokesSaved: characters === 0 ? 0 : 1 - keys / characters,
    precision: accepted + flashes === 0 ? null : accepted / (accepted + flashes),
    flashesPer100Keys: keys === 0 ? 0 : (100 * flashes) / keys,
    shown: accepted + flashes,
  };
}
