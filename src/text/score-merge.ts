/** What merging has to know of a vocabulary. */
export interface ScoredVocabulary {
  /** Id of a token with this text; `undefined` when there is none. */
  idOf(text: string): number | undefined;
  /** The pair that makes the token with the highest score is joined first. */
  scoreOf(id: number): number;
  /** Ids for a character that no token spells. */
  fallback(character: string): readonly number[];
}

/** Two neighbours that make a token; `text` tells whether they still do when their turn comes. */
interface Candidate {
  readonly left: number;
  readonly right: number;
  readonly score: number;
  readonly text: string;
}

/**
 * Token ids of one stretch of text, as SentencePiece's BPE defines them: from single characters on,
 * the neighbours whose joined text is the token with the highest score are joined, the leftmost of
 * equal ones first, until no two make a token. Takes n log n steps for n characters.
 */
export function mergeByScore(text: string, vocabulary: ScoredVocabulary): number[] {
  const symbols = Array.from(text);
  const next = symbols.map((_, index) => index + 1);
  const previous = symbols.map((_, index) => index - 1);
  const queue = createQueue();
  const offer = (left: number, right: number): void => {
    if (left < 0 || right >= symbols.length) return;
    const joined = (symbols[left] ?? '') + (symbols[right] ?? '');
    const id = vocabulary.idOf(joined);
    if (id !== undefined) queue.push({ left, right, score: vocabulary.scoreOf(id), text: joined });
  };
  for (let index = 1; index < symbols.length; index++) offer(index - 1, index);
  for (let best = queue.pop(); best !== null; best = queue.pop()) {
    const { left, right } = best;
    // Either side may have been joined to something else meanwhile: '' marks what is used up.
    if (symbols[left] === '' || symbols[right] === '') continue;
    if ((symbols[left] ?? '') + (symbols[right] ?? '') !== best.text) continue;
    symbols[left] = best.text;
    symbols[right] = '';
    const after = next[right] ?? symbols.length;
    next[left] = after;
    if (after < symbols.length) previous[after] = left;
    offer(previous[left] ?? -1, left);
    offer(left, after);
  }
  return symbols
    .filter((symbol) => symbol !== '')
    .flatMap((symbol) => vocabulary.idOf(symbol) ?? vocabulary.fallback(symbol));
}

interface Queue {
  push(candidate: Candidate): void;
  /** The best one: highest score, then leftmost. */
  pop(): Candidate | null;
}

/** A binary heap: the children of entry i are 2i + 1 and 2i + 2. */
function createQueue(): Queue {
  const heap: Candidate[] = [];
  const swapIfBetter = (child: number, parent: number): boolean => {
    const lower = heap[child];
    const upper = heap[parent];
    if (lower === undefined || upper === undefined || !isBetter(lower, upper)) return false;
    heap[child] = upper;
    heap[parent] = lower;
    return true;
  };
  const sink = (from: number): void => {
    for (let parent = from; ;) {
      const first = heap[2 * parent + 1];
      const second = heap[2 * parent + 2];
      const isSecond = first !== undefined && second !== undefined && isBetter(second, first);
      const child = 2 * parent + (isSecond ? 2 : 1);
      if (!swapIfBetter(child, parent)) return;
      parent = child;
    }
  };
  return {
    push(candidate) {
      let child = heap.push(candidate) - 1;
      while (child > 0 && swapIfBetter(child, (child - 1) >> 1)) child = (child - 1) >> 1;
    },
    pop() {
      const best = heap[0];
      const last = heap.pop();
      if (best === undefined || last === undefined) return null;
      if (heap.length > 0) {
        heap[0] = last;
        sink(0);
      }
      return best;
    },
  };
}

function isBetter(a: Candidate, b: Candidate): boolean {
  return a.score > b.score || (a.score === b.score && a.left < b.left);
}
