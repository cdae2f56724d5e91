import type { Context } from 'hono';

import type { Call, Calls } from './calls.ts';
import { parseChatRequest, toSafeName } from './chat-request.ts';
import type { ChatRequest } from './chat-request.ts';
import { TIER_ALIASES } from './config.ts';
import { readJsonBody } from './read-body.ts';
import { RelayError } from './relay-error.ts';
import { toEventStream, withFirst } from './sse-response.ts';
import type { StreamOutcome } from './sse-response.ts';
import type { Upstream } from './upstreams/upstream.ts';

/** What handlers leave for the log. */
export interface RelayEnvironment {
  readonly Variables: {
    error?: RelayError;
    upstreamId?: string;
    /** Settles when a streamed answer has ended. */
    streamEnd?: Promise<StreamOutcome>;
  };
}

export interface ChatParts {
  readonly byAlias: ReadonlyMap<string, Upstream>;
  readonly calls: Calls;
  readonly bodyLimitBytes: number;
}

/** `POST /v1/chat/completions`. Failures throw `RelayError`. */
export function createChatHandler(
  parts: ChatParts,
): (context: Context<RelayEnvironment>) => Promise<Response> {
  return async (context) => {
    const call = parts.calls.start(context.req.raw.signal);
    try {
      const body = await readJsonBody(context.req.raw, parts.bodyLimitBytes);
      const { request, droppedFields } = parseChatRequest(body);
      const upstream = pickUpstream(parts.byAlias, request.model);
      context.set('upstreamId', upstream.id);
      const headers = answerHeaders(upstream, droppedFields);
      return request.stream
        ? await streamAnswer(context, { upstream, request, call, headers })
        : await wholeAnswer({ upstream, request, call, headers });
    } catch (error) {
      call.end();
      throw error;
    }
  };
}

interface Answering {
  readonly upstream: Upstream;
  readonly request: ChatRequest;
  readonly call: Call;
  readonly headers: Headers;
}

/** Most names in the header that tells which fields were left out. */
const MAX_DROPPED_NAMES = 16;

async function wholeAnswer({ upstream, request, call, headers }: Answering): Promise<Response> {
  const completion = await upstream.complete(request, { signal: call.signal });
  call.end();
  return Response.json(completion, { headers });
}

async function streamAnswer(
  context: Context<RelayEnvironment>,
  { upstream, request, call, headers }: Answering,
): Promise<Response> {
  const chunks = await withFirst(upstream.stream(request, { signal: call.signal }));
  let reportEnd: (outcome: StreamOutcome) => void = () => {};
  const streamEnd = new Promise<StreamOutcome>((resolve) => {
    reportEnd = resolve;
  });
  context.set('streamEnd', streamEnd);
  const body = toEventStream({
    chunks,
    abort: () => call.leave(),
    onEnd(outcome) {
      call.end();
      reportEnd(outcome);
    },
  });
  headers.set('content-type', 'text/event-stream; charset=utf-8');
  // Proxies such as nginx would otherwise collect the events before passing them on.
  headers.set('x-accel-buffering', 'no');
  return new Response(body, { headers });
}

function answerHeaders(upstream: Upstream, droppedFields: readonly string[]): Headers {
  const headers = new Headers({
    'cache-control': 'no-store',
    'x-edgewise-upstream': upstream.kind,
  });
  if (droppedFields.length > 0) {
    const names = droppedFields.slice(0, MAX_DROPPED_NAMES).map(toSafeName);
    headers.set('x-edgewise-dropped', names.join(', '));
  }
  return headers;
}

function pickUpstream(byAlias: ReadonlyMap<string, Upstream>, alias: string): Upstream {
  const upstream = byAlias.get(alias);
  if (upstream) return upstream;
  if (byAlias.size === 0 || TIER_ALIASES.includes(alias)) throw noUpstream(alias);
  const known = [...byAlias.keys()].map((name) => `"${name}"`).join(', ');
  throw new RelayError('unknown-model', `"model" must be one of the relay's aliases: ${known}.`, {
    status: 404,
    type: 'invalid_request_error',
    param: 'model',
  });
}

function noUpstream(alias: string): RelayError {
  const what = TIER_ALIASES.includes(alias) ? `"${alias}"` : 'any model';
  const message = `The relay has no upstream for ${what}. Add one to "upstreams" in its configuration, or set EDGEWISE_SLM_BASE_URL and EDGEWISE_SLM_MODEL (or the same with FRONTIER) and start it again.`;
  return new RelayError('no-upstream', message, {
    status: 503,
    type: 'server_error',
    param: 'model',
  });
}
