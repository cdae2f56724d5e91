import { randomUUID } from 'node:crypto';

import { TimeoutError } from '../../errors.ts';
import { parseChunk, parseCompletion } from '../chat-answer.ts';
import type { AnswerDefaults, ChatChunk } from '../chat-answer.ts';
import type { ChatRequest } from '../chat-request.ts';
import type { OpenAiUpstreamConfig } from '../config.ts';
import { readLimited } from '../read-body.ts';
import { RelayError, upstreamFault } from '../relay-error.ts';
import { createDeadline } from './deadline.ts';
import type { Deadline } from './deadline.ts';
import { readEventData } from './sse-events.ts';
import type { ReadWatch } from './sse-events.ts';
import { toStatusError } from './upstream-status.ts';
import type { Upstream, UpstreamCall } from './upstream.ts';

export interface OpenAiUpstreamOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly fetch: typeof fetch;
}

/** A provider, or any server that speaks OpenAI's chat completions. */
export function createOpenAiUpstream(
  config: OpenAiUpstreamConfig,
  options: OpenAiUpstreamOptions,
): Upstream {
  const context: Context = {
    config,
    ...options,
    limits: { ...DEFAULT_LIMITS, ...config.timeouts },
  };
  return {
    id: config.id,
    kind: 'openai',
    complete: (request, call) => complete(context, request, call),
    stream: (request, call) => stream(context, request, call),
    close: async () => {},
  };
}

interface Context extends OpenAiUpstreamOptions {
  readonly config: OpenAiUpstreamConfig;
  readonly limits: typeof DEFAULT_LIMITS;
}

// First byte, idle and total apart: a stalled provider is noticed soon, a slow one is let finish.
const DEFAULT_LIMITS = {
  firstByteMs: 30_000,
  idleMs: 15_000,
  answerMs: 120_000,
  totalMs: 600_000,
};

/** Largest whole answer: far above any model's output limit. */
const MAX_ANSWER_BYTES = 8 * 1_048_576;

/** How long the end of the connection's answer may take after `[DONE]`: a round trip. */
const DRAIN_MS = 250;

const DONE = '[DONE]';

async function complete(
  context: Context,
  request: ChatRequest,
  call: UpstreamCall,
): ReturnType<Upstream['complete']> {
  const { id } = context.config;
  const deadline = startDeadline(context, call);
  deadline.restart(context.limits.answerMs, () => firstTokenTimeout(context, 'answerMs'));
  try {
    const response = await send(context, request, deadline.signal);
    const bytes = await readLimited(response.body, MAX_ANSWER_BYTES);
    const completion = bytes && parseCompletion(parseJson(bytes), answerDefaults(context));
    if (!completion) throw badResponse(id);
    return completion;
  } catch (error) {
    throw explainFailure(error, id, deadline.signal);
  } finally {
    deadline.end();
  }
}

async function* stream(
  context: Context,
  request: ChatRequest,
  call: UpstreamCall,
): AsyncGenerator<ChatChunk, void, void> {
  const deadline = startDeadline(context, call);
  const watch = watchStream(deadline, context);
  let isComplete = false;
  try {
    const response = await send(context, request, deadline.signal);
    if (response.body === null || isPlainDocument(response)) throw badResponse(context.config.id);
    const events = readEventData(response.body, watch);
    yield* readChunks(events, context, watch.onDone);
    isComplete = true;
  } catch (error) {
    throw explainFailure(error, context.config.id, deadline.signal);
  } finally {
    deadline.end();
    // Whatever is left of the upstream's answer is not wanted: closing stops its bill.
    if (!isComplete)
      deadline.abort(new DOMException('The answer is no longer read.', 'AbortError'));
  }
}

/** Login pages and servers that ignore `stream`; some that stream name no type, or another. */
function isPlainDocument({ headers }: Response): boolean {
  return /^(text\/html|application\/json)\b/i.test(headers.get('content-type') ?? '');
}

interface StreamWatch extends ReadWatch {
  onDone: () => void;
}

function watchStream(deadline: Deadline, context: Context): StreamWatch {
  const { firstByteMs, idleMs } = context.limits;
  let isDone = false;
  deadline.restart(firstByteMs, () => firstTokenTimeout(context, 'firstByteMs'));
  return {
    onBytes() {
      if (!isDone) deadline.pause();
    },
    onWait() {
      if (!isDone) deadline.restart(idleMs, () => idleTimeout(context));
    },
    onDone() {
      isDone = true;
      deadline.restart(DRAIN_MS, () => new DOMException('Nothing more is needed.', 'AbortError'));
    },
  };
}

async function* readChunks(
  events: AsyncGenerator<string, void, void>,
  context: Context,
  onDone: () => void,
): AsyncGenerator<ChatChunk, void, void> {
  const { id } = context.config;
  const defaults = answerDefaults(context);
  let isFinished = false;
  for await (const data of events) {
    if (data.trim() === DONE) {
      onDone();
      await readToEnd(events);
      break;
    }
    const value = parseJson(data);
    if (isErrorEvent(value)) throw midStreamError(id);
    const chunk = parseChunk(value, defaults);
    if (chunk === null) throw badResponse(id);
    isFinished ||= chunk.choices.some((choice) => choice.finish_reason !== null);
    yield chunk;
  }
  // Neither a clean end nor `[DONE]` makes an answer whole: only its finish reason does.
  if (!isFinished) throw streamCut(id);
}

/** Only a connection whose answer was read to its end can serve the next request. */
async function readToEnd(events: AsyncGenerator<string, void, void>): Promise<void> {
  try {
    await events.next();
  } catch {
    // The answer is complete already; the connection is lost, nothing else.
  }
}

async function send(
  context: Context,
  request: ChatRequest,
  signal: AbortSignal,
): Promise<Response> {
  const { config, env } = context;
  const response = await context.fetch(`${config.baseUrl.replace(/\/+$/, '')}/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: request.stream ? 'text/event-stream' : 'application/json',
      'user-agent': 'edgewise-relay',
      ...authorization(config, env),
    },
    body: JSON.stringify(toUpstreamBody(request, config)),
    // A redirect would carry the key to an address its owner never configured.
    redirect: 'error',
    signal,
  });
  if (response.ok) return response;
  throw await toStatusError(response, {
    id: config.id,
    hasKey: config.keyEnv !== undefined,
  });
}

function authorization(
  config: OpenAiUpstreamConfig,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  if (config.keyEnv === undefined) return {};
  const key = env[config.keyEnv]?.trim();
  if (key) return { authorization: `Bearer ${key}` };
  throw upstreamFault(
    'key-missing',
    `The environment variable that the "keyEnv" of the upstream "${config.id}" names is empty. Set it and start the relay again.`,
    { status: 503 },
  );
}

function toUpstreamBody(
  request: ChatRequest,
  config: OpenAiUpstreamConfig,
): Record<string, unknown> {
  const { max_tokens, max_completion_tokens, stream_options, ...rest } = request;
  const body = { ...rest, model: config.model };
  const limits = { max_tokens, max_completion_tokens };
  const limit = max_completion_tokens ?? max_tokens;
  return {
    ...body,
    ...(config.maxTokensField ? { [config.maxTokensField]: limit } : limits),
    // Elsewhere than in a stream providers refuse it.
    ...(request.stream && stream_options && { stream_options }),
  };
}

function startDeadline(context: Context, call: UpstreamCall): Deadline {
  const { totalMs } = context.limits;
  const reason = (): Error =>
    new TimeoutError('total-timeout', `The upstream took longer than ${totalMs} ms in all.`);
  return createDeadline(call.signal, totalMs, reason);
}

function answerDefaults(context: Context): AnswerDefaults {
  return {
    id: `chatcmpl-${randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: context.config.model,
  };
}

function parseJson(data: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof data === 'string' ? data : new TextDecoder().decode(data));
  } catch {
    // No cause: V8's message quotes the answer. `undefined` fits no shape and is refused as such.
    return undefined;
  }
}

function isErrorEvent(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'error' in value && value.error != null;
}

/** Gives the thrown value its meaning: the caller left, time ran out, or the network failed. */
function explainFailure(error: unknown, id: string, signal: AbortSignal): unknown {
  if (error instanceof RelayError) return error;
  if (signal.aborted) return signal.reason;
  if (!(error instanceof TypeError)) return error;
  const cause = error.cause instanceof Error ? error.cause : null;
  if (cause?.message === 'unexpected redirect') {
    const message = `The upstream "${id}" redirects, which is not followed. Put its final address into "baseUrl".`;
    return upstreamFault('upstream-redirect', message);
  }
  if (error.message === 'fetch failed') return unreachable(id, error);
  return streamCut(id, error);
}

function unreachable(id: string, cause: Error): RelayError {
  const message = `The upstream "${id}" cannot be reached. Check that it runs and that "baseUrl" is right.`;
  return upstreamFault('upstream-unreachable', message, { cause, isRetryable: true });
}

function streamCut(id: string, cause?: Error): RelayError {
  const message = `The upstream "${id}" broke off before its answer was complete. Try again.`;
  return upstreamFault('upstream-cut', message, { cause, isRetryable: true });
}

function badResponse(id: string): RelayError {
  const message = `The upstream "${id}" did not answer in OpenAI's shape. Check "baseUrl" in the relay's configuration.`;
  return upstreamFault('upstream-bad-response', message);
}

function midStreamError(id: string): RelayError {
  const message = `The upstream "${id}" reported an error while answering. Try again.`;
  return upstreamFault('upstream-failed', message, { isRetryable: true });
}

function firstTokenTimeout(context: Context, limit: 'firstByteMs' | 'answerMs'): Error {
  const { config, limits } = context;
  const message = `The upstream "${config.id}" did not answer within ${limits[limit]} ms. Try again, or raise "timeouts.${limit}".`;
  return timeout('first-token-timeout', message);
}

function idleTimeout({ config, limits }: Context): Error {
  const message = `The upstream "${config.id}" fell silent for ${limits.idleMs} ms. Try again, or raise "timeouts.idleMs".`;
  return timeout('idle-timeout', message);
}

function timeout(code: 'first-token-timeout' | 'idle-timeout', message: string): TimeoutError {
  return new TimeoutError(code, message, { isRetryable: true });
}
