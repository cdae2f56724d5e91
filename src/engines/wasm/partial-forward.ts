import type { ForwardPass } from './forward-pass.ts';

/** A forward pass that others can come between. */
export interface PartialForward {
  /**
   * Computes the next part, which takes at most about half as long as one token. `true` once all is
   * computed; not to be called again then, nor after it threw.
   */
  advance(): boolean;
}

/** Tokens to compute from `position` on; `cache` is the first byte of their slot. */
export interface PassTokens {
  readonly cache: number;
  readonly position: number;
  readonly tokens: readonly number[];
  readonly wantsLogits: boolean;
}

/** A pass that was begun. */
interface Turn extends PassTokens {
  /** Next piece to compute. */
  next: number;
  /** Its hidden state, while another pass uses the place of it. */
  saved: Float32Array | null;
}

/**
 * Share of the layers that one token passes in a part; of a tile they take no longer, since several tokens
 * share the reading of weights. A turn between two parts takes about 0.03 ms.
 */
const PART = 0.5;

/** Lets passes alternate. Between two layers a pass is its hidden state, and there is one place for it. */
export class PassTurns {
  readonly #pass: ForwardPass;
  readonly #hiddenOf: (tokenCount: number) => Float32Array;
  #current: Turn | null = null;

  /** `hiddenOf`: where the hidden state of so many tokens stands. */
  constructor(pass: ForwardPass, hiddenOf: (tokenCount: number) => Float32Array) {
    this.#pass = pass;
    this.#hiddenOf = hiddenOf;
  }

  begin(pass: PassTokens): PartialForward {
    const turn: Turn = { ...pass, next: 0, saved: null };
    return { advance: () => this.#advance(turn) };
  }

  #advance(turn: Turn): boolean {
    this.#take(turn);
    const { cache, position, tokens, wantsLogits, next } = turn;
    const { layers } = this.#pass;
    // The logits, up to a third of all work for one token, are a part of their own.
    const count = Math.max(1, Math.round((PART * layers) / tokens.length));
    const end = next < layers ? Math.min(next + count, layers) : layers + 1;
    this.#pass.runPieces(cache, position, tokens, wantsLogits, next, end);
    turn.next = end;
    const isDone = end >= (wantsLogits ? layers + 1 : layers);
    if (isDone) this.#current = null;
    return isDone;
  }

  #take(turn: Turn): void {
    const other = this.#current;
    if (other === turn) return;
    if (other !== null) other.saved = this.#hiddenOf(other.tokens.length).slice();
    if (turn.saved !== null) this.#hiddenOf(turn.tokens.length).set(turn.saved);
    turn.saved = null;
    this.#current = turn;
  }
}
