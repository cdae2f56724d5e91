/** How a text is cut: words with their inner marks, every other sign alone. White space only separates. */
const TOKEN = /[\p{L}\p{M}\p{N}_]+(?:['’\-./@][\p{L}\p{M}\p{N}_]+)*|[^\s\p{L}\p{M}\p{N}_]/gu;
/** The part of a token that is still being typed. */
const FRAGMENT = /[\p{L}\p{M}\p{N}_]+(?:['’\-./@][\p{L}\p{M}\p{N}_]*)*$|[^\s\p{L}\p{M}\p{N}_]$/u;
/** Words of context: an order-4 model, as was measured to finish most words of a person's own texts. */
const CONTEXT_WORDS = 3;
/** Where a message begins and ends; not a character that anyone types. */
const EDGE = '\u0000';
const SEPARATOR = '\u0001';

export interface WordMemoryState {
  readonly version: 1;
  /** Newest last. */
  readonly messages: readonly string[];
}

/** One word, or sign, that may come next. */
export interface MemoryPiece {
  /** What it adds to the text, the white space before it included; the first lacks what was typed. */
  readonly text: string;
  /** Probability given the words before it and the letters typed, 0 to 1. */
  readonly probability: number;
}

export interface MemoryPrediction {
  readonly pieces: readonly MemoryPiece[];
  /** Whether the message is most likely over after the last piece. */
  readonly isEnded: boolean;
}

/** What one person wrote, as an n-gram model of words. It holds their texts: it never leaves the device. */
export interface WordMemory {
  /** Messages learnt. */
  readonly size: number;
  /** Adds one message; the oldest goes when there is no room. Empty text is ignored. */
  learn(text: string): void;
  /** Takes the newest message of this text away again; `false` when there is none. */
  unlearn(text: string): boolean;
  /** The most probable continuation, at most `maxWords` long; no piece when nothing fits. */
  predict(before: string, options?: { readonly maxWords?: number }): MemoryPrediction;
  /** The last `count` messages, oldest first. */
  recent(count: number): readonly string[];
  forget(): void;
  /** Plain data, to be stored. */
  save(): WordMemoryState;
}

/** What was seen after some words. */
interface Followers {
  total: number;
  readonly counts: Map<string, number>;
}

/** More messages were measured to add little. */
const MAX_MESSAGES = 3000;
/** Of all messages together, so that neither memory nor the time of a prediction grows with long ones. */
const MAX_UNITS = 200_000;
/** A longer text is no message. */
const MAX_MESSAGE_UNITS = 500;

/**
 * A memory of what a person typed: counts of words after one to three others, smoothed by Witten and
 * Bell's estimate (IEEE Trans. Information Theory 37, 1991): P(w|h) = (c(h,w) + T(h) P(w|h')) /
 * (c(h) + T(h)), with T(h) the number of different words seen after h.
 */
export function createWordMemory(
  state: WordMemoryState | null = null,
  { maxMessages = MAX_MESSAGES }: { readonly maxMessages?: number } = {},
): WordMemory {
  const messages: string[] = [];
  const contexts = new Map<string, Followers>();
  let units = 0;
  const isOverfull = (): boolean => messages.length > maxMessages || units > MAX_UNITS;
  const dropOldest = (): void => {
    const oldest = messages.shift() ?? '';
    units -= oldest.length;
    count(contexts, oldest, -1);
  };
  const memory: WordMemory = {
    get size() {
      return messages.length;
    },
    learn(text) {
      const message = messageOf(text);
      if (message === '') return;
      messages.push(message);
      units += message.length;
      count(contexts, message, 1);
      while (isOverfull()) dropOldest();
    },
    unlearn(text) {
      const message = messageOf(text);
      const index = messages.lastIndexOf(message);
      if (index === -1) return false;
      messages.splice(index, 1);
      units -= message.length;
      count(contexts, message, -1);
      return true;
    },
    predict(before, { maxWords = 4 } = {}) {
      return predict(contexts, before, maxWords);
    },
    recent: (wanted) => (wanted <= 0 ? [] : messages.slice(-wanted)),
    forget() {
      messages.length = 0;
      units = 0;
      contexts.clear();
    },
    save: () => ({ version: 1, messages: [...messages] }),
  };
  for (const message of state?.messages ?? []) memory.learn(message);
  return memory;
}

function messageOf(text: string): string {
  return text.trim().slice(0, MAX_MESSAGE_UNITS);
}

function count(contexts: Map<string, Followers>, message: string, step: 1 | -1): void {
  const words = [...wordsOf(message), EDGE];
  const seen: string[] = [EDGE];
  for (const word of words) {
    for (let length = 0; length <= Math.min(CONTEXT_WORDS, seen.length); length++) {
      const key = keyOf(seen, length);
      const followers = contexts.get(key) ?? { total: 0, counts: new Map<string, number>() };
      bump(followers, word, step);
      if (followers.total > 0) contexts.set(key, followers);
      else contexts.delete(key);
    }
    seen.push(word);
  }
}

function bump(followers: Followers, word: string, step: 1 | -1): void {
  const next = (followers.counts.get(word) ?? 0) + step;
  if (next > 0) followers.counts.set(word, next);
  else followers.counts.delete(word);
  followers.total += step;
}

/** The last `length` words as a key; case does not matter for what follows. */
function keyOf(words: readonly string[], length: number): string {
  return length === 0 ? '' : words.slice(-length).join(SEPARATOR).toLowerCase();
}

function wordsOf(text: string): string[] {
  return text.match(TOKEN) ?? [];
}

function predict(
  contexts: ReadonlyMap<string, Followers>,
  before: string,
  maxWords: number,
): MemoryPrediction {
  const line = before.slice(before.lastIndexOf('\n') + 1).slice(-MAX_MESSAGE_UNITS);
  const fragment = FRAGMENT.exec(line)?.[0] ?? '';
  const typed = line.slice(0, line.length - fragment.length);
  const seen = [EDGE, ...wordsOf(typed)];
  const pieces: MemoryPiece[] = [];
  let prefix = fragment;
  let needsSpace = false;
  let isEnded = false;
  while (pieces.length < maxWords) {
    const best = mostProbable(contexts, seen, prefix);
    if (best === null) break;
    if (best.word === EDGE) {
      isEnded = true;
      break;
    }
    const rest = best.word.slice(prefix.length);
    const isFirst = pieces.length === 0;
    const space = !isFirst && needsSpace && !isClosing(best.word) ? ' ' : '';
    // A word that is typed in full adds nothing itself, but what comes after it may.
    pieces.push({ text: space + rest, probability: best.probability });
    seen.push(best.word);
    needsSpace = true;
    prefix = '';
  }
  return { pieces, isEnded };
}

function isClosing(word: string): boolean {
  return /^[\p{Pe}\p{Pf}.,;:!?…%]$/u.test(word);
}

interface Candidate {
  readonly word: string;
  readonly probability: number;
}

/** The best word that starts with `prefix`; its probability among all that do. */
function mostProbable(
  contexts: ReadonlyMap<string, Followers>,
  seen: readonly string[],
  prefix: string,
): Candidate | null {
  const levels = levelsOf(contexts, seen);
  const words = new Set<string>();
  for (const { counts } of levels) {
    for (const word of counts.keys()) if (fits(word, prefix)) words.add(word);
  }
  let best: Candidate | null = null;
  let total = 0;
  for (const word of words) {
    const probability = probabilityOf(levels, word);
    total += probability;
    if (best === null || probability > best.probability) best = { word, probability };
  }
  return best === null ? null : { word: best.word, probability: best.probability / total };
}

/** With nothing typed anything may come, the end too; with letters typed only words that go on. */
function fits(word: string, prefix: string): boolean {
  if (prefix === '') return true;
  return word !== EDGE && word.startsWith(prefix);
}

/** From no context to the longest one that was seen. */
function levelsOf(
  contexts: ReadonlyMap<string, Followers>,
  seen: readonly string[],
): readonly Followers[] {
  const levels: Followers[] = [];
  for (let length = 0; length <= Math.min(CONTEXT_WORDS, seen.length); length++) {
    const followers = contexts.get(keyOf(seen, length));
    if (followers === undefined) break;
    levels.push(followers);
  }
  return levels;
}

function probabilityOf(levels: readonly Followers[], word: string): number {
  let probability = 0;
  for (const { counts, total } of levels) {
    const kinds = counts.size;
    probability = ((counts.get(word) ?? 0) + kinds * probability) / (total + kinds);
  }
  return probability;
}
