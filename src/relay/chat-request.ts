import * as v from 'valibot';

import { invalidRequest } from './relay-error.ts';

export interface TextPart {
  readonly type: 'text';
  readonly text: string;
}

export interface ChatMessage {
  readonly role: 'system' | 'developer' | 'user' | 'assistant';
  readonly content: string | readonly TextPart[];
}

/** A checked chat completion request: only fields the relay knows, `null`s left out. */
export interface ChatRequest {
  /** Alias of an upstream. */
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly stream: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly temperature?: number;
  readonly top_p?: number;
  readonly presence_penalty?: number;
  readonly frequency_penalty?: number;
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
  readonly stop?: string | readonly string[];
  readonly seed?: number;
  readonly logprobs?: boolean;
  readonly top_logprobs?: number;
}

export interface ParsedChatRequest {
  readonly request: ChatRequest;
  /** Names of fields that were left out because the relay does not know them. */
  readonly droppedFields: readonly string[];
}

/**
 * Checks the body of a chat completion. Unknown fields are left out, at every depth; those that
 * would change the answer, or look like an address or a key, are refused.
 * @throws RelayError 400 that names the field, never its value.
 */
export function parseChatRequest(body: unknown): ParsedChatRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalidRequest('invalid-body', 'The body must be a JSON object.');
  }
  const unknownFields = Object.keys(body).filter((field) => !KNOWN_FIELDS.has(field));
  refuseForbidden(unknownFields);
  refuseUnsupported(body as Record<string, unknown>);
  const result = v.safeParse(CHAT_REQUEST, body, { abortEarly: true });
  if (!result.success) throw toInvalidField(result.issues[0]);
  return { request: withoutNulls(result.output), droppedFields: unknownFields };
}

// OpenAI's own limits, so that a request that passes here is not refused there for its form.
const MAX_STOPS = 4;
const MAX_TOP_LOGPROBS = 20;
const MAX_PENALTY = 2;
const MAX_TEMPERATURE = 2;
const MAX_MESSAGES = 2048;

const TEXT_PART = v.object({ type: v.literal('text'), text: v.string() });
const CONTENT = v.union([v.string(), v.pipe(v.array(TEXT_PART), v.minLength(1))]);
const MESSAGE = v.object({
  role: v.picklist(['system', 'developer', 'user', 'assistant']),
  content: CONTENT,
});

const penalty = v.nullish(v.pipe(v.number(), v.minValue(-MAX_PENALTY), v.maxValue(MAX_PENALTY)));
const tokenLimit = v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(1)));
const stopText = v.pipe(v.string(), v.minLength(1), v.maxLength(512));

const CHAT_REQUEST = v.object({
  model: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
  messages: v.pipe(v.array(MESSAGE), v.minLength(1), v.maxLength(MAX_MESSAGES)),
  stream: v.nullish(v.boolean()),
  stream_options: v.nullish(v.object({ include_usage: v.optional(v.boolean()) })),
  temperature: v.nullish(v.pipe(v.number(), v.minValue(0), v.maxValue(MAX_TEMPERATURE))),
  top_p: v.nullish(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  presence_penalty: penalty,
  frequency_penalty: penalty,
  max_tokens: tokenLimit,
  max_completion_tokens: tokenLimit,
  stop: v.nullish(v.union([stopText, v.pipe(v.array(stopText), v.maxLength(MAX_STOPS))])),
  seed: v.nullish(v.pipe(v.number(), v.safeInteger())),
  logprobs: v.nullish(v.boolean()),
  top_logprobs: v.nullish(
    v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_TOP_LOGPROBS)),
  ),
});

/** Leaving these out would change what the caller gets; the value in the set is harmless. */
const UNSUPPORTED_FIELDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  n: (value) => value === 1,
  tools: isEmptyList,
  functions: isEmptyList,
  tool_choice: (value) => value === 'none' || value === 'auto',
  function_call: (value) => value === 'none' || value === 'auto',
  response_format: isTextFormat,
  modalities: (value) => Array.isArray(value) && value.length === 1 && value[0] === 'text',
  audio: () => false,
  logit_bias: isEmptyObject,
  web_search_options: () => false,
};

const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ...Object.keys(CHAT_REQUEST.entries),
  ...Object.keys(UNSUPPORTED_FIELDS),
]);

/**
 * Where a request goes and with which key is the owner's choice alone. A page that tries to say so
 * is refused rather than ignored, so that nobody believes it worked.
 */
const FORBIDDEN_NAME =
  /(^|_|-)(ur[il]s?|endpoints?|host|hostname|proxy|origin|headers?|auth|authorization|secret|credentials?|password|key|token|api_?base)$|url$|apikey|api_key|secret_?key/i;

/** OpenAI's own name for a cache hint: neither address nor secret, so it is only left out. */
const HARMLESS_NAMES: ReadonlySet<string> = new Set(['prompt_cache_key']);

function refuseForbidden(fields: readonly string[]): void {
  const forbidden = fields.find(
    (field) => FORBIDDEN_NAME.test(field) && !HARMLESS_NAMES.has(field),
  );
  if (forbidden === undefined) return;
  throw invalidRequest(
    'forbidden-field',
    'Addresses, headers and keys are set in the relay, never by the page. Remove the field.',
    toSafeName(forbidden),
  );
}

function refuseUnsupported(body: Record<string, unknown>): void {
  for (const [field, isHarmless] of Object.entries(UNSUPPORTED_FIELDS)) {
    if (!Object.hasOwn(body, field)) continue;
    const value = body[field];
    if (value === null || isHarmless(value)) continue;
    throw invalidRequest(
      'unsupported-field',
      `The relay cannot do what "${field}" asks for. Remove the field.`,
      field,
    );
  }
}

/** A field name that may stand in a message or header; others could smuggle text or line breaks. */
export function toSafeName(field: string): string {
  return /^[A-Za-z0-9_-]{1,40}$/.test(field) ? field : 'unnamed';
}

function toInvalidField(issue: v.BaseIssue<unknown>): Error {
  const path = v.getDotPath(issue) ?? undefined;
  const isInteger = issue.type === 'integer' || issue.type === 'safe_integer';
  // `issue.message` quotes the value, which may be a prompt: only what was expected is said.
  const expected = isInteger ? 'a whole number' : (issue.expected ?? 'another value');
  const what = issue.received === 'undefined' ? 'is missing' : `must be ${expected}`;
  return invalidRequest('invalid-field', `${path ?? 'The body'} ${what}.`, path);
}

function withoutNulls(output: v.InferOutput<typeof CHAT_REQUEST>): ChatRequest {
  const entries = Object.entries(output).filter(([, value]) => value != null);
  const request = { ...Object.fromEntries(entries), stream: output.stream ?? false };
  return request as unknown as ChatRequest;
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function isTextFormat(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'text';
}
