import type { FinishReason, TokenEvidence } from '../types.ts';

/** What one piece of an answer tells: an event of a stream, or a whole answer. */
export interface ChatPiece {
  readonly text: string;
  readonly evidence: readonly TokenEvidence[];
  /** As the server wrote it. */
  readonly finishReason: string | null;
  readonly usage: ChatUsage | null;
  readonly model: string | null;
  /** Present when the server reports a failure here. */
  readonly error: unknown;
}

export interface ChatUsage {
  readonly inputTokens: number | null;
  readonly cachedTokens: number | null;
  readonly outputTokens: number | null;
}

/** How the server's finish reason is understood. */
export type ChatEnd =
  | Extract<FinishReason, 'stop' | 'length' | 'truncated'>
  | 'filtered'
  | 'failed';

type Fields = Readonly<Record<string, unknown>>;

const ENDS: ReadonlyMap<string, ChatEnd> = new Map<string, ChatEnd>([
  ['stop', 'stop'],
  ['eos', 'stop'],
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['tool_calls', 'stop'],
  ['function_call', 'stop'],
  ['length', 'length'],
  ['max_tokens', 'length'],
  ['content_filter', 'filtered'],
  ['error', 'failed'],
]);

/** An end nobody knows is not taken for a complete answer. */
export function readEnd(finishReason: string): ChatEnd {
  return ENDS.get(finishReason) ?? 'truncated';
}

/**
 * Reads a chat completion or one chunk of it; `null` when it has not that shape. Only own fields are
 * looked at, so that a hostile answer reaches no prototype.
 */
export function readChatPiece(value: unknown): ChatPiece | null {
  if (!isFields(value)) return null;
  const error = field(value, 'error');
  const choices = field(value, 'choices');
  const hasError = error !== undefined && error !== null;
  if (!hasError && !Array.isArray(choices)) return null;
  const [choice]: readonly unknown[] = Array.isArray(choices) ? choices : [];
  const content = field(field(choice, 'delta') ?? field(choice, 'message'), 'content');
  const text = typeof content === 'string' ? content : '';
  const finishReason = field(choice, 'finish_reason');
  const model = field(value, 'model');
  return {
    text,
    evidence: readEvidence(field(field(choice, 'logprobs'), 'content'), text),
    finishReason: typeof finishReason === 'string' && finishReason !== '' ? finishReason : null,
    usage: readUsage(field(value, 'usage')),
    model: typeof model === 'string' && model !== '' ? model : null,
    error: hasError ? error : null,
  };
}

/** Without log-probabilities the text counts as one token nobody saw into. */
function readEvidence(tokens: unknown, text: string): readonly TokenEvidence[] {
  if (Array.isArray(tokens) && tokens.length > 0) return tokens.map(readToken);
  if (text === '') return [];
  return [{ textLength: text.length, logProbability: null, margin: null, isTyped: false }];
}

function readToken(token: unknown): TokenEvidence {
  const text = field(token, 'token');
  return {
    textLength: typeof text === 'string' ? text.length : 0,
    logProbability: asNumber(field(token, 'logprob')),
    margin: readMargin(field(token, 'top_logprobs')),
    isTyped: false,
  };
}

function readMargin(alternatives: unknown): number | null {
  if (!Array.isArray(alternatives)) return null;
  const known = alternatives
    .map((each) => asNumber(field(each, 'logprob')))
    .filter((each) => each !== null)
    .toSorted((left, right) => right - left);
  const [best, second] = known;
  return best === undefined || second === undefined ? null : best - second;
}

function readUsage(usage: unknown): ChatUsage | null {
  if (!isFields(usage)) return null;
  return {
    inputTokens: asCount(field(usage, 'prompt_tokens')),
    cachedTokens: asCount(field(field(usage, 'prompt_tokens_details'), 'cached_tokens')),
    outputTokens: asCount(field(usage, 'completion_tokens')),
  };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function field(value: unknown, name: string): unknown {
  return isFields(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function asNumber(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function asCount(value: unknown): number | null {
  return Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : null;
}
