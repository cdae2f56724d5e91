import * as v from 'valibot';

/** Alternatives of one position, as the upstream reports them. */
export interface TokenAlternative {
  readonly token: string;
  readonly logprob: number;
  readonly bytes?: readonly number[] | null | undefined;
}

export interface TokenLogprob extends TokenAlternative {
  readonly top_logprobs?: readonly TokenAlternative[] | undefined;
}

export interface ChatLogprobs {
  readonly content?: readonly TokenLogprob[] | null | undefined;
  readonly refusal?: readonly TokenLogprob[] | null | undefined;
}

export interface ChatUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details?: Readonly<Record<string, number>>;
  readonly completion_tokens_details?: Readonly<Record<string, number>>;
}

/** Says which kind of upstream answered. */
export interface EdgewiseMark {
  readonly kind: 'openai' | 'local';
}

interface AnswerBase {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint?: string;
  readonly edgewise: EdgewiseMark;
}

export interface ChatChunkChoice {
  readonly index: number;
  readonly delta: {
    readonly role?: string;
    readonly content?: string;
    readonly refusal?: string;
  };
  readonly logprobs: ChatLogprobs | null;
  readonly finish_reason: string | null;
}

/** One event of a streamed answer. */
export interface ChatChunk extends AnswerBase {
  readonly object: 'chat.completion.chunk';
  readonly choices: readonly ChatChunkChoice[];
  readonly usage?: ChatUsage | null;
}

export interface ChatCompletionChoice {
  readonly index: number;
  readonly message: {
    readonly role: 'assistant';
    readonly content: string | null;
    readonly refusal: string | null;
  };
  readonly logprobs: ChatLogprobs | null;
  readonly finish_reason: string | null;
}

/** A whole answer. */
export interface ChatCompletion extends AnswerBase {
  readonly object: 'chat.completion';
  readonly choices: readonly ChatCompletionChoice[];
  readonly usage?: ChatUsage;
}

/** What stands in for fields an upstream left out. */
export interface AnswerDefaults {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

/** `null` when the value is not a chunk in OpenAI's shape. Unknown fields are left out. */
export function parseChunk(value: unknown, defaults: AnswerDefaults): ChatChunk | null {
  const result = v.safeParse(CHUNK, value, { abortEarly: true });
  if (!result.success) return null;
  const { choices, usage } = result.output;
  return {
    ...answerBase(result.output, defaults),
    object: 'chat.completion.chunk',
    choices: choices.map(toChunkChoice),
    ...(usage !== undefined && { usage: usage === null ? null : toUsage(usage) }),
  };
}

/** `null` when the value is not a completion in OpenAI's shape. Unknown fields are left out. */
export function parseCompletion(value: unknown, defaults: AnswerDefaults): ChatCompletion | null {
  const result = v.safeParse(COMPLETION, value, { abortEarly: true });
  if (!result.success) return null;
  const { choices, usage } = result.output;
  return {
    ...answerBase(result.output, defaults),
    object: 'chat.completion',
    choices: choices.map(toCompletionChoice),
    ...(usage != null && { usage: toUsage(usage) }),
  };
}

const TOKEN_ENTRIES = {
  token: v.string(),
  logprob: v.number(),
  bytes: v.nullish(v.array(v.number())),
};
const TOKEN = v.object({
  ...TOKEN_ENTRIES,
  top_logprobs: v.optional(v.array(v.object(TOKEN_ENTRIES))),
});
const LOGPROBS = v.object({
  content: v.nullish(v.array(TOKEN)),
  refusal: v.nullish(v.array(TOKEN)),
});
const COUNT = v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(0)), 0);
// Providers report details that are not numbers too; only counts are passed on.
const DETAILS = v.nullish(v.record(v.string(), v.unknown()));
const USAGE = v.object({
  prompt_tokens: COUNT,
  completion_tokens: COUNT,
  total_tokens: v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
  prompt_tokens_details: DETAILS,
  completion_tokens_details: DETAILS,
});
const BASE = {
  id: v.nullish(v.string()),
  created: v.nullish(v.number()),
  model: v.nullish(v.string()),
  system_fingerprint: v.nullish(v.string()),
};
const FINISH_REASON = v.nullish(v.pipe(v.string(), v.maxLength(64)), null);
const CHUNK = v.object({
  ...BASE,
  choices: v.array(
    v.object({
      index: v.optional(v.number(), 0),
      delta: v.nullish(
        v.object({
          role: v.nullish(v.string()),
          content: v.nullish(v.string()),
          refusal: v.nullish(v.string()),
        }),
      ),
      logprobs: v.nullish(LOGPROBS, null),
      finish_reason: FINISH_REASON,
    }),
  ),
  usage: v.nullish(USAGE),
});
const COMPLETION = v.object({
  ...BASE,
  choices: v.pipe(
    v.array(
      v.object({
        index: v.optional(v.number(), 0),
        message: v.object({
          content: v.nullish(v.string(), null),
          refusal: v.nullish(v.string(), null),
        }),
        logprobs: v.nullish(LOGPROBS, null),
        finish_reason: FINISH_REASON,
      }),
    ),
    v.minLength(1),
  ),
  usage: v.nullish(USAGE),
});

function answerBase(
  answer: { readonly [Key in keyof typeof BASE]?: v.InferOutput<(typeof BASE)[Key]> },
  defaults: AnswerDefaults,
): AnswerBase {
  return {
    id: answer.id ?? defaults.id,
    created: answer.created ?? defaults.created,
    model: answer.model ?? defaults.model,
    ...(answer.system_fingerprint != null && { system_fingerprint: answer.system_fingerprint }),
    edgewise: { kind: 'openai' },
  };
}

function toChunkChoice(choice: v.InferOutput<typeof CHUNK>['choices'][number]): ChatChunkChoice {
  const { role, content, refusal } = choice.delta ?? {};
  return {
    index: choice.index,
    delta: {
      ...(role != null && { role }),
      ...(content != null && { content }),
      ...(refusal != null && { refusal }),
    },
    logprobs: choice.logprobs,
    finish_reason: choice.finish_reason,
  };
}

function toCompletionChoice(
  choice: v.InferOutput<typeof COMPLETION>['choices'][number],
): ChatCompletionChoice {
  const { content, refusal } = choice.message;
  return {
    index: choice.index,
    message: { role: 'assistant', content, refusal },
    logprobs: choice.logprobs,
    finish_reason: choice.finish_reason,
  };
}

function toUsage(usage: v.InferOutput<typeof USAGE>): ChatUsage {
  const prompt = onlyCounts(usage.prompt_tokens_details);
  const completion = onlyCounts(usage.completion_tokens_details);
  return {
    prompt_tokens: usage.prompt_tokens,
    completion_tokens: usage.completion_tokens,
    total_tokens: usage.total_tokens ?? usage.prompt_tokens + usage.completion_tokens,
    ...(prompt && { prompt_tokens_details: prompt }),
    ...(completion && { completion_tokens_details: completion }),
  };
}

function onlyCounts(
  details: Record<string, unknown> | null | undefined,
): Record<string, number> | null {
  if (details == null) return null;
  const counts = Object.entries(details).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  );
  return Object.fromEntries(counts);
}
