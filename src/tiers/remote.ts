import { createParser } from 'eventsource-parser';

import type { CallOptions, Receipt, Request, Tier, TierEvent, TierFinish } from '../types.ts';
import { readChatPiece, readEnd, type ChatPiece, type ChatUsage } from './chat-answer.ts';
import { makeChatBody } from './chat-request.ts';
import { DEFAULT_TIMEOUTS, startDeadlines, type RemoteTimeouts } from './deadlines.ts';
import { checkAddress, refuseProviderKeys } from './endpoint.ts';
import { askForLabel } from './label-answer.ts';
import { startReceipt, type ReceiptFacts } from './receipt.ts';
import { readJson, readPieces, sendChat, withoutText, type OpenCall } from './remote-call.ts';
import {
  badResponse,
  cutBeforeAnswer,
  refusedByFilter,
  reportedError,
  tooLarge,
  tooSlow,
} from './remote-error.ts';

export type RemoteHeaders = Readonly<Record<string, string>>;

export interface RemoteTierOptions {
  /** `slm`, `frontier`, or the app's own name for this rung. */
  readonly id: string;
  /** Path on the page's own origin, as in `/edge/v1`; `/chat/completions` is added. */
  readonly baseUrl: string;
  /** Model or alias the endpoint knows. Default: the id. */
  readonly model?: string;
  /** Sent with each request, or made anew for each (short-lived session tokens). Never a provider's key. */
  readonly headers?: RemoteHeaders | (() => RemoteHeaders | Promise<RemoteHeaders>);
  /** Allows an endpoint on another origin than the page's. Default `false`. */
  readonly allowCrossOrigin?: boolean;
  /** Asks for log-probabilities as evidence; some endpoints refuse that. Default `false`. */
  readonly requestLogprobs?: boolean;
  readonly timeouts?: Partial<RemoteTimeouts>;
  /** Default: the global `fetch`, looked up at each call. */
  readonly fetch?: typeof fetch;
}

/** A stream may hold this many characters back before an event ends. */
const MAX_BUFFERED_UNITS = 1024 * 1024;
const EXAMPLE = "createRemoteTier({ id: 'frontier', baseUrl: '/edge/v1' })";

/**
 * A tier behind an endpoint in OpenAI's chat-completions shape, streamed or not. A stream that ends
 * without saying so finishes as `truncated`.
 *
 * Throws at once: `TypeError` for wrong options, `PolicyError` `key-in-page` or `egress-forbidden`.
 * While answering: `NetworkError`, `TimeoutError`, `PolicyError` `refused` (content filter).
 */
export function createRemoteTier(options: RemoteTierOptions): Tier {
  checkOptions(options);
  const url = checkAddress(options);
  const generate: Tier['generate'] = (request, { signal }: CallOptions = {}) =>
    runCall(options, { url, request, signal });
  return {
    id: options.id,
    place: 'remote',
    modelId: options.model ?? options.id,
    generate,
    classify: (request, { signal }: CallOptions = {}) => askForLabel({ request, signal, generate }),
  };
}

function checkOptions({ id, baseUrl }: RemoteTierOptions): void {
  for (const [name, value] of Object.entries({ id, baseUrl })) {
    if (typeof value === 'string' && value !== '') continue;
    throw new TypeError(`A remote tier needs ${name}, as in ${EXAMPLE}.`);
  }
}

interface CallStart {
  readonly url: string;
  readonly request: Request;
  readonly signal: AbortSignal | undefined;
}

/** What the answer has told so far. */
interface AnswerState {
  hasText: boolean;
  finishReason: string | null;
  /** The end marker came. */
  isDone: boolean;
  usage: ChatUsage | null;
  model: string | null;
}

type WriteFinish = (reason: TierFinish['reason'], state: AnswerState) => TierFinish;

/** Owns the call: its clocks, its connection, and how an abort ends it. */
async function* runCall(options: RemoteTierOptions, start: CallStart): AsyncGenerator<TierEvent> {
  const { url, request, signal } = start;
  signal?.throwIfAborted();
  const writeFinish = createFinish(options, request);
  const place = { tier: options.id, endpoint: withoutQuery(url) };
  const own = new AbortController();
  const deadlines = startDeadlines({ ...DEFAULT_TIMEOUTS, ...options.timeouts }, (code, limitMs) =>
    own.abort(tooSlow(place, code, limitMs)),
  );
  const joined = signal === undefined ? own.signal : AbortSignal.any([signal, own.signal]);
  const call: OpenCall = { ...place, request, signal: joined, deadlines };
  const state = createState();
  try {
    for await (const piece of askEndpoint(options, url, call)) {
      const delta = takePiece(call, state, piece);
      if (delta !== null) yield delta;
      joined.throwIfAborted();
    }
    yield writeFinish(readReason(call, state), state);
  } catch (error) {
    if (signal?.aborted === true) {
      if (!state.hasText) throw signal.reason;
      yield writeFinish('abort', state);
      return;
    }
    if (!own.signal.aborted) throw error;
    // A server that has said how its answer ended need not also close the connection in time.
    if (state.finishReason === null) throw own.signal.reason;
    yield writeFinish(readReason(call, state), state);
  } finally {
    deadlines.stop();
    own.abort();
  }
}

function createState(): AnswerState {
  return { hasText: false, finishReason: null, isDone: false, usage: null, model: null };
}

async function* askEndpoint(
  options: RemoteTierOptions,
  url: string,
  call: OpenCall,
): AsyncGenerator<ChatPiece | 'done'> {
  const body = makeChatBody(call.request, {
    model: options.model ?? options.id,
    withLogprobs: options.requestLogprobs ?? false,
  });
  const headers = await makeHeaders(options.headers);
  call.signal.throwIfAborted();
  // Looked up now: pages replace fetch, and it must be called on the global object.
  const doFetch: typeof fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const response = await sendChat(call, { fetch: doFetch, url, headers, body });
  const type = response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'text/event-stream') {
    yield* readStream(call, response);
    return;
  }
  if (type !== 'application/json' && !type.endsWith('+json')) {
    await response.body?.cancel();
    throw badResponse(call, 'answered with neither an event stream nor JSON');
  }
  yield parsePiece(call, await readJson(call, response));
  yield 'done';
}

async function makeHeaders(headers: RemoteTierOptions['headers']): Promise<RemoteHeaders> {
  const made = typeof headers === 'function' ? await headers() : (headers ?? {});
  refuseProviderKeys(made);
  return made;
}

/** The events of a stream. Its cut is not an error here: what came before it counts. */
async function* readStream(call: OpenCall, response: Response): AsyncGenerator<ChatPiece | 'done'> {
  const waiting: string[] = [];
  let isTooLarge = false;
  const parser = createParser({
    maxBufferSize: MAX_BUFFERED_UNITS,
    onEvent: ({ data }) => waiting.push(data),
    // Unknown fields and bad retry times are to be ignored, as the standard says.
    onError: ({ type }) => {
      isTooLarge ||= type === 'max-buffer-size-exceeded';
    },
  });
  for await (const text of untilCut(call, response)) {
    parser.feed(text);
    for (const data of waiting.splice(0)) {
      if (data.trim() === '[DONE]') return yield 'done';
      yield parsePiece(call, parseData(call, data));
    }
    if (isTooLarge) throw tooLarge(call, MAX_BUFFERED_UNITS);
  }
  // Servers forget the blank line after the last event; a half one is dropped, as after any cut.
  parser.feed('\n\n');
  for (const data of waiting) {
    if (data.trim() === '[DONE]') return yield 'done';
    const piece = readChatPiece(tryParse(data));
    if (piece !== null) yield piece;
  }
}

async function* untilCut(call: OpenCall, response: Response): AsyncGenerator<string> {
  const pieces = readPieces(call, response);
  try {
    for (;;) {
      let step: IteratorResult<string>;
      try {
        step = await pieces.next();
      } catch {
        call.signal.throwIfAborted();
        return;
      }
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    await pieces.return(undefined);
  }
}

function parsePiece(call: OpenCall, value: unknown): ChatPiece {
  const piece = readChatPiece(value);
  if (piece === null) throw badResponse(call, 'sent something that is no chat completion');
  return piece;
}

function parseData(call: OpenCall, data: string): unknown {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw badResponse(call, 'sent an event whose JSON cannot be read', withoutText(cause));
  }
}

function tryParse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}

/** Notes what a piece tells; gives its text, unless the answer was over before. */
function takePiece(
  call: OpenCall,
  state: AnswerState,
  piece: ChatPiece | 'done',
): Extract<TierEvent, { type: 'text-delta' }> | null {
  if (piece === 'done') {
    state.isDone = true;
    return null;
  }
  if (piece.error !== null) throw reportedError(call, piece.error);
  const isOver = state.finishReason !== null;
  state.usage = piece.usage ?? state.usage;
  state.model = piece.model ?? state.model;
  state.finishReason ??= piece.finishReason;
  if (isOver || (piece.text === '' && piece.evidence.length === 0)) return null;
  state.hasText = true;
  call.deadlines.onText();
  return { type: 'text-delta', text: piece.text, evidence: piece.evidence };
}

/** How the answer ended; throws when there is none or the server says that it failed. */
function readReason(call: OpenCall, state: AnswerState): TierFinish['reason'] {
  const { finishReason, isDone, hasText } = state;
  if (finishReason === null && isDone) return 'stop';
  const end = finishReason === null ? 'truncated' : readEnd(finishReason);
  switch (end) {
    case 'filtered':
      throw refusedByFilter(call);
    case 'failed':
      throw reportedError(call, null);
    case 'truncated':
      if (!hasText) throw cutBeforeAnswer(call);
      return end;
    default:
      return end;
  }
}

function createFinish(options: RemoteTierOptions, request: Request): WriteFinish {
  const writeReceipt = startReceipt();
  return (reason, state) => {
    const facts: ReceiptFacts = {
      ...state.usage,
      task: request.task,
      tier: options.id,
      modelId: state.model ?? options.model ?? options.id,
    };
    const receipt: Receipt = writeReceipt(facts);
    const confidence = { value: null, calibrationId: 'uncalibrated' } as const;
    return { type: 'finish', reason, tier: options.id, confidence, decision: null, receipt };
  };
}

function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
