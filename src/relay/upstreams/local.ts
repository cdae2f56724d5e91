import { randomUUID } from 'node:crypto';

import type { EngineUsage, Message, RequestInput, Sampling, TokenEvidence } from '../../types.ts';
import type {
  ChatChunk,
  ChatChunkChoice,
  ChatCompletion,
  ChatLogprobs,
  ChatUsage,
  TokenLogprob,
} from '../chat-answer.ts';
import type { ChatMessage, ChatRequest } from '../chat-request.ts';
import type { LocalUpstreamConfig } from '../config.ts';
import { invalidRequest } from '../relay-error.ts';
import { createLocalEngine } from './local-engine.ts';
import type { LocalEngine } from './local-engine.ts';
import type { LocalRequest } from './local-protocol.ts';
import { startLocalThread } from './local-thread.ts';
import type { StartLocalThread } from './local-thread.ts';
import type { Upstream, UpstreamCall } from './upstream.ts';

/** Our own engine in a worker thread: for tests and for trying the path without an account. */
export function createLocalUpstream(
  config: LocalUpstreamConfig,
  startThread: StartLocalThread = startLocalThread,
): Upstream {
  const options = { modelsDir: config.modelsDir, modelId: config.model ?? null };
  const engine = createLocalEngine(options, startThread);
  return {
    id: config.id,
    kind: 'local',
    complete: (request, call) => complete(engine, request, call),
    stream: (request, call) => stream(engine, request, call),
    close: () => engine.close(),
  };
}

/** Tokens when the request names no limit; what providers do is "until the model stops". */
const DEFAULT_MAX_TOKENS = 256;

/** Says on every answer that no provider was asked. */
const FINGERPRINT = 'edgewise-local';

async function complete(
  engine: LocalEngine,
  request: ChatRequest,
  call: UpstreamCall,
): Promise<ChatCompletion> {
  let content = '';
  const logprobs: TokenLogprob[] = [];
  let last: ChatChunk | null = null;
  let finishReason: string | null = null;
  for await (const chunk of stream(engine, withUsage(request), call)) {
    const choice = chunk.choices[0];
    content += choice?.delta.content ?? '';
    logprobs.push(...(choice?.logprobs?.content ?? []));
    finishReason ??= choice?.finish_reason ?? null;
    last = chunk;
  }
  if (last === null) throw new Error('The local engine ended without an answer.');
  const { usage, ...base } = last;
  return {
    ...base,
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content, refusal: null },
        logprobs: request.logprobs ? { content: logprobs, refusal: null } : null,
        finish_reason: finishReason,
      },
    ],
    ...(usage && { usage }),
  };
}

async function* stream(
  engine: LocalEngine,
  request: ChatRequest,
  { signal }: UpstreamCall,
): AsyncGenerator<ChatChunk, void, void> {
  let base = answerBase('local');
  for await (const event of engine.generate(toLocalRequest(request), signal)) {
    if (event.type === 'start') {
      base = { ...base, model: event.modelId };
      yield toChunk(base, { delta: { role: 'assistant', content: '' } });
    } else if (event.step.type === 'token') {
      const { text, evidence } = event.step;
      const logprobs = request.logprobs ? toLogprobs(text, evidence) : null;
      yield toChunk(base, { delta: { content: text }, logprobs });
    } else if (event.step.type === 'end') {
      // The third reason, `low-confidence`, needs `minProduct`, which is never asked for here.
      const finish_reason = event.step.reason === 'length' ? 'length' : 'stop';
      yield toChunk(base, { finish_reason });
      if (!request.stream_options?.include_usage) continue;
      yield { ...base, choices: [], usage: toUsage(event.step.usage) };
    }
  }
}

type ChunkBase = Omit<ChatChunk, 'choices' | 'usage'>;

function answerBase(model: string): ChunkBase {
  return {
    id: `chatcmpl-${randomUUID()}`,
    object: 'chat.completion.chunk',
    created: Math.floor(Date.now() / 1000),
    model,
    system_fingerprint: FINGERPRINT,
    edgewise: { kind: 'local' },
  };
}

function toChunk(base: ChunkBase, choice: Partial<ChatChunkChoice>): ChatChunk {
  const nothing = { index: 0, delta: {}, logprobs: null, finish_reason: null };
  return { ...base, choices: [{ ...nothing, ...choice }] };
}

function withUsage(request: ChatRequest): ChatRequest {
  return { ...request, stream_options: { include_usage: true } };
}

function toLocalRequest(request: ChatRequest): LocalRequest {
  refuseUnknownArts(request);
  const stop = typeof request.stop === 'string' ? [request.stop] : request.stop;
  return {
    input: toInput(request.messages),
    maxTokens: request.max_completion_tokens ?? request.max_tokens ?? DEFAULT_MAX_TOKENS,
    ...(stop && { stop }),
    sampling: toSampling(request),
  };
}

/** What our engine cannot do must not look done. */
function refuseUnknownArts(request: ChatRequest): void {
  for (const field of ['presence_penalty', 'frequency_penalty', 'top_logprobs'] as const) {
    if (!request[field]) continue;
    const message = `The local upstream has no "${field}". Leave it out.`;
    throw invalidRequest('unsupported-field', message, field);
  }
}

function toInput(messages: readonly ChatMessage[]): RequestInput {
  return { kind: 'messages', messages: messages.map(toMessage) };
}

function toMessage({ role, content }: ChatMessage): Message {
  return {
    role: role === 'developer' ? 'system' : role,
    content: typeof content === 'string' ? content : content.map(({ text }) => text).join('\n'),
  };
}

/** Greedy unless the page asks otherwise: at OpenAI's default of 1 a model this small rambles. */
function toSampling({ temperature = 0, top_p, seed }: ChatRequest): Sampling {
  return {
    temperature,
    // 0 keeps nothing but the best token; the engine's smallest share does the same.
    ...(top_p !== undefined && { topP: Math.max(top_p, Number.MIN_VALUE) }),
    ...(seed !== undefined && { seed: Math.abs(seed) }),
  };
}

function toLogprobs(token: string, { logProbability }: TokenEvidence): ChatLogprobs | null {
  if (logProbability === null) return null;
  const bytes = [...new TextEncoder().encode(token)];
  return { content: [{ token, logprob: logProbability, bytes, top_logprobs: [] }], refusal: null };
}

function toUsage({ inputTokens, cachedTokens, outputTokens }: EngineUsage): ChatUsage {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}
