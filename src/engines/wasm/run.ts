import { EdgewiseError, EngineError } from '../../errors.ts';
import { createDetokenizer } from '../../text/detokenizer.ts';
import type { EngineRequest, EngineRun, EngineStep, EngineUsage } from '../../types.ts';
import type { Decoder, Pick } from './decoder.ts';
import type { PartialForward } from './partial-forward.ts';
import { buildPrompt } from './prompt.ts';
import type { Prompt, PromptParts } from './prompt.ts';
import { createSampler } from './sampling.ts';
import type { Sampler } from './sampling.ts';
import { commonPrefixLength } from './slots.ts';
import type { Slot, SlotTable } from './slots.ts';
import { createStopFilter } from './stop-strings.ts';
import type { StopFilter } from './stop-strings.ts';

/** What all runs of a loaded model share. */
export interface RunParts extends PromptParts {
  readonly decoder: Decoder;
  readonly slots: SlotTable;
  readonly now: () => number;
  /** Ids that may be generated, ascending; `null` when all of the model's are tokens. */
  readonly known: Uint32Array | null;
  isClosed(): boolean;
}

type EndReason = Extract<EngineStep, { type: 'end' }>['reason'];
type TokenStep = Extract<EngineStep, { type: 'token' }>;

/**
 * Prepares one generation. Between its steps other runs may use the decoder: what a step needs of
 * the logits is taken in the step that computed them. Throws as `LoadedModel.start` says.
 */
export function startRun(request: EngineRequest, parts: RunParts): EngineRun {
  checkRequest(request);
  const startedAt = parts.now();
  const stops = createStopFilter(request.stop ?? []);
  const seen = new Set<number>();
  const sampler = createSampler(request.sampling ?? {}, seen);
  const prompt = buildPrompt(request, parts);
  for (const id of prompt.tokens) seen.add(id);
  const slot = parts.slots.take(request.sessionId);
  return new Run({ request, parts, prompt, slot, stops, seen, sampler, startedAt });
}

interface RunState {
  readonly request: EngineRequest;
  readonly parts: RunParts;
  readonly prompt: Prompt;
  readonly slot: Slot;
  readonly stops: StopFilter;
  readonly seen: Set<number>;
  readonly sampler: Sampler;
  readonly startedAt: number;
}

/** Tokens to compute before the next step can be given. */
interface Work {
  readonly tokens: readonly number[];
  readonly isPrompt: boolean;
  readonly wantsLogits: boolean;
  readonly pass: PartialForward;
}

/**
 * A run is always in one of four states, in this order: prompt tokens are left to compute; a token
 * is chosen and not given yet; a token is given and not computed yet; it is over.
 */
class Run implements EngineRun {
  readonly #state: RunState;
  readonly #spell: (id: number) => string;
  readonly #cachedTokens: number;
  /** Next position to compute. */
  #position: number;
  /** Under way, and not complete after the last part of a step. */
  #work: Work | null = null;
  #chosen: Pick | null = null;
  /** The token given last. */
  #lastId: number | null = null;
  #openBytes: number;
  #product = 1;
  #outputTokens = 0;
  #busyMs: number;
  #endReason: EndReason | null = null;
  #end: EngineStep | null = null;
  #isReleased = false;

  constructor(state: RunState) {
    this.#state = state;
    const { prompt, slot, parts } = state;
    this.#spell = createSpeller(parts, prompt);
    this.#openBytes = prompt.healed?.openBytes ?? 0;
    const { length } = prompt.tokens;
    const cached = commonPrefixLength(slot.tokens, prompt.tokens);
    // Without its logits the last prompt token is computed even when its KV is there.
    const isReady = cached === length && slot.kept.find(length) !== null;
    this.#position = isReady ? length : Math.min(cached, length - 1);
    this.#cachedTokens = this.#position;
    this.#busyMs = parts.now() - state.startedAt;
  }

  get usage(): EngineUsage {
    return {
      inputTokens: this.#state.prompt.tokens.length,
      cachedTokens: this.#cachedTokens,
      outputTokens: this.#outputTokens,
      busyMs: this.#busyMs,
    };
  }

  step(): EngineStep {
    for (;;) {
      const step = this.stepPart();
      if (step !== null) return step;
    }
  }

  stepPart(): EngineStep | null {
    const { parts } = this.#state;
    if (this.#isReleased || parts.isClosed()) throw closed();
    if (this.#end !== null) return this.#end;
    const startedAt = parts.now();
    try {
      if (!this.#compute()) return null;
      const step = this.#advance();
      if (step !== null) return step;
    } finally {
      this.#busyMs += parts.now() - startedAt;
    }
    this.#end = { type: 'end', reason: this.#endReason ?? 'stop', usage: this.usage };
    return this.#end;
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#work = null;
    const { parts, slot, request } = this.#state;
    parts.slots.free(slot, { isOneShot: request.isOneShot === true });
  }

  /** What can be given now that all is computed; `null`: nothing is left to do. */
  #advance(): EngineStep | null {
    const { prompt } = this.#state;
    const done = this.#work;
    this.#work = null;
    if (done?.isPrompt === true) {
      const totalTokens = prompt.tokens.length;
      return { type: 'prefill', doneTokens: this.#position, totalTokens };
    }
    return this.#chosen === null ? null : this.#give(this.#chosen);
  }

  /** Computes a part of what the next step needs; `true` once it is all there. */
  #compute(): boolean {
    this.#work ??= this.#nextWork();
    if (this.#work === null) return true;
    const { tokens, wantsLogits, pass } = this.#work;
    if (!this.#attempt(() => pass.advance())) return false;
    this.#state.slot.tokens.push(...tokens);
    this.#position += tokens.length;
    if (wantsLogits) this.#useLogits();
    return true;
  }

  /** `null`: the next step needs nothing. */
  #nextWork(): Work | null {
    const { prompt, parts, request } = this.#state;
    if (this.#endReason !== null || this.#chosen !== null) return null;
    if (this.#position < prompt.tokens.length) {
      const end = this.#position + parts.decoder.maxTokensPerCall;
      return this.#begin(prompt.tokens.slice(this.#position, end), true);
    }
    if (request.isPromptOnly === true) this.#endReason = 'length';
    else if (this.#position >= parts.contextLength) this.#endReason = 'length';
    else if (!this.#recall() && this.#lastId !== null) return this.#begin([this.#lastId], false);
    return null;
  }

  /** The slot's list says at every moment which KV is good. */
  #begin(tokens: readonly number[], isPrompt: boolean): Work {
    const { slot, parts, prompt } = this.#state;
    const wantsLogits = this.#position + tokens.length >= prompt.tokens.length;
    slot.tokens.length = this.#position;
    slot.kept.cutTo(this.#position);
    const pass = this.#attempt(() =>
      parts.decoder.beginForward(slot.index, this.#position, tokens, wantsLogits),
    );
    return { tokens, isPrompt, wantsLogits, pass };
  }

  #attempt<Value>(compute: () => Value): Value {
    try {
      return compute();
    } catch (cause) {
      // Nobody knows how far it came.
      this.#work = null;
      if (EdgewiseError.is(cause)) throw cause;
      throw new EngineError('internal', 'The engine stopped while computing. Load it again.', {
        cause,
      });
    }
  }

  /** An earlier run of the session may have computed the same tokens. */
  #recall(): boolean {
    const { slot, parts } = this.#state;
    const isGiven = this.#lastId !== null;
    if (isGiven && slot.tokens[this.#position] !== this.#lastId) return false;
    const length = this.#position + (isGiven ? 1 : 0);
    const logits = slot.kept.find(length);
    if (logits === null) return false;
    this.#position = length;
    parts.decoder.restoreLogits(logits);
    this.#choose();
    return true;
  }

  /** What the run needs of the logits is taken before another one can overwrite them. */
  #useLogits(): void {
    const { slot, parts, request } = this.#state;
    if (request.isOneShot !== true && this.#outputTokens < slot.kept.capacity) {
      slot.kept.keep(this.#position, parts.decoder.logits());
    }
    if (request.isPromptOnly === true) this.#endReason = 'length';
    else this.#choose();
  }

  #choose(): void {
    const { prompt, parts, sampler } = this.#state;
    const isFirst = this.#lastId === null;
    const allowed = isFirst ? (prompt.healed?.allowed ?? parts.known) : parts.known;
    this.#chosen = sampler.choose(parts.decoder, allowed);
  }

  #give(pick: Pick): TokenStep | null {
    const { parts, stops } = this.#state;
    this.#chosen = null;
    // Special tokens that do not end an answer belong to the template: an answer never has them.
    if (parts.tokenizer.endIds.has(pick.id) || parts.tokenizer.isSpecial(pick.id)) {
      this.#endReason = 'stop';
      const rest = stops.flush();
      return rest === '' ? null : tokenStep(rest, pick, false);
    }
    this.#outputTokens += 1;
    this.#lastId = pick.id;
    this.#state.seen.add(pick.id);
    return this.#giveText(pick);
  }

  #giveText(pick: Pick): TokenStep {
    const { parts, stops, request } = this.#state;
    const isTyped =
      this.#openBytes > 0 && parts.tokenizer.tokenBytes(pick.id).length <= this.#openBytes;
    this.#openBytes = 0;
    if (!isTyped) this.#product *= Math.exp(pick.logProbability);
    const { text, isStopped } = stops.push(this.#spell(pick.id));
    if (isStopped) this.#endReason = 'stop';
    else if (this.#product < (request.minProduct ?? 0)) this.#endReason = 'low-confidence';
    else if (this.#outputTokens >= request.maxTokens) this.#endReason = 'length';
    const rest = this.#endReason === null || isStopped ? '' : stops.flush();
    return tokenStep(text + rest, pick, isTyped);
  }
}

/** Text of each new token, without what was typed before; characters come whole or not at all. */
function createSpeller(parts: RunParts, { healed }: Prompt): (id: number) => string {
  const detokenizer = createDetokenizer(parts.tokenizer);
  let typedLeft = healed?.typed.length ?? 0;
  const spell = (id: number): string => {
    const text = detokenizer.push(id);
    const typed = Math.min(typedLeft, text.length);
    typedLeft -= typed;
    return text.slice(typed);
  };
  for (const id of healed?.forced ?? []) spell(id);
  return spell;
}

function tokenStep(text: string, pick: Pick, isTyped: boolean): TokenStep {
  const { logProbability, margin } = pick;
  return {
    type: 'token',
    text,
    evidence: { textLength: text.length, logProbability, margin, isTyped },
  };
}

function checkRequest(request: EngineRequest): void {
  const { sessionId, maxTokens, minProduct = 0 } = request;
  const isValid =
    typeof sessionId === 'string' &&
    sessionId !== '' &&
    Number.isSafeInteger(maxTokens) &&
    maxTokens >= 1 &&
    minProduct >= 0 &&
    minProduct <= 1;
  if (isValid) return;
  throw new TypeError(
    'A request needs a sessionId, maxTokens from 1, and minProduct (if any) from 0 to 1, as in ' +
      "model.start({ sessionId: 'field-1', input: { kind: 'prefix', before: 'The' }, maxTokens: 16 }).",
  );
}

function closed(): EngineError {
  return new EngineError('closed', 'The run was released or its model unloaded. Start a new run.');
}
