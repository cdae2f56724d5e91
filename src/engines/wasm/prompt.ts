import { EngineError } from '../../errors.ts';
import type { ChatTemplate } from '../../text/chat-template.ts';
import type { Tokenizer } from '../../text/tokenizer.ts';
import type { EngineRequest, Message } from '../../types.ts';
import { healPrompt } from './healing.ts';
import type { Healed } from './healing.ts';
import type { Vocabulary } from './vocabulary.ts';

/** What turns a request into tokens. */
export interface PromptParts {
  readonly tokenizer: Tokenizer;
  readonly chatTemplate: ChatTemplate;
  readonly vocabulary: Vocabulary;
  /** Positions of a slot. */
  readonly contextLength: number;
}

export interface Prompt {
  /** At least one token. */
  readonly tokens: readonly number[];
  /** How the first new token is bound to the letters typed; `null` where nothing is being typed. */
  readonly healed: Healed | null;
}

/** UTF-16 units per token beyond which a long text is cut before it is tokenised. English has 4 to 5. */
const MAX_UNITS_PER_TOKEN = 8;
/**
 * A long text loses its start in steps, so that the prompt keeps its first token, and with it the
 * cached KV, over many keystrokes: an eighth of the room in tokens, and this many UTF-16 units.
 */
const DROP_SHARE = 1 / 8;
const DROP_UNITS = 1024;

/**
 * Tokens of a request. A `prefix` too long for the context loses its start; anything else throws
 * `EngineError` `context-full`.
 */
export function buildPrompt(request: EngineRequest, parts: PromptParts): Prompt {
  const { input } = request;
  switch (input.kind) {
    case 'prefix':
      return continueText(input.before, request.maxTokens, parts);
    case 'messages':
      return answer(input.messages, parts);
    case 'text':
      return answer([{ role: 'user', content: input.text }], parts);
    default:
      throw new TypeError(
        "input.kind must be 'prefix', 'messages' or 'text', as in " +
          "{ input: { kind: 'prefix', before: 'The weather' } }.",
      );
  }
}

function answer(messages: readonly Message[], parts: PromptParts): Prompt {
  const tokens = parts.chatTemplate.encode(messages);
  // The answer needs at least one position of its own.
  if (tokens.length < parts.contextLength) return { tokens, healed: null };
  throw new EngineError(
    'context-full',
    `The conversation takes ${tokens.length} tokens and the model has room for ` +
      `${parts.contextLength - 1}. Leave out older messages, or load the model with a longer context.`,
    { details: { promptTokens: tokens.length, contextLength: parts.contextLength } },
  );
}

function continueText(before: string, maxTokens: number, parts: PromptParts): Prompt {
  const { tokenizer, contextLength } = parts;
  // New text gets its room, but never so much that nothing of the old one is left.
  const room = contextLength - Math.min(maxTokens, Math.floor(contextLength / 2));
  const text = clipStart(before, room);
  const healed = healPrompt(text, tokenizer, parts.vocabulary);
  const isWhole = text === before && healed.tokens.length < room;
  const start = startOf(tokenizer, isWhole);
  const tokens = [...start, ...dropStart(healed.tokens, room - start.length)];
  return { tokens: tokens.length > 0 ? tokens : [anyStart(tokenizer)], healed };
}

/** The last part of a long text, cut at a word where there is one. */
function clipStart(text: string, room: number): string {
  const excess = text.length - room * MAX_UNITS_PER_TOKEN;
  if (excess <= 0) return text;
  const cut = Math.ceil(excess / DROP_UNITS) * DROP_UNITS;
  const rest = text.slice(cut);
  const word = rest.slice(0, DROP_UNITS / 4).search(/\s/u);
  return word === -1 ? rest : rest.slice(word);
}

function dropStart(tokens: readonly number[], room: number): readonly number[] {
  const excess = tokens.length - room;
  if (excess <= 0) return tokens;
  const step = Math.max(1, Math.floor(room * DROP_SHARE));
  return tokens.slice(Math.ceil(excess / step) * step);
}

/**
 * What stands before a text: the model's start token; else, before a text that is there from its
 * beginning, what separated texts in training. Without it a few words read like the middle of
 * something else: over 20 dialogue turns it saved 2 keys in 100 more, and short texts gain most.
 */
function startOf({ addsBos, bosId, separatorId }: Tokenizer, isWhole: boolean): number[] {
  if (addsBos && bosId !== null) return [bosId];
  return isWhole && separatorId !== null ? [separatorId] : [];
}

/** A model computes nothing from no token at all. */
function anyStart({ bosId, endIds }: Tokenizer): number {
  const [end] = endIds;
  return bosId ?? end ?? 0;
}
