import type {
  CallOptions,
  EngineStep,
  EngineUsage,
  FinishReason,
  Receipt,
  Request,
  Tier,
  TierEvent,
  TierFinish,
  TokenEvidence,
} from '../types.ts';
import type { GenerateRequest, HostConnection } from '../worker/connect.ts';
import { createId, startReceipt } from './receipt.ts';

export interface DeviceTierOptions {
  readonly connection: Pick<HostConnection, 'generate'>;
  readonly modelId: string;
  /** Default `device`. */
  readonly id?: string | undefined;
}

/** Most tokens of an answer, and of a completion: a few words, before the next key is pressed. */
const MAX_TOKENS = 256;
const MAX_COMPLETION_TOKENS = 16;

/**
 * The language model in the visitor's browser. Its own confidence is `null`: only the cascade
 * judges the evidence. Throws what the connection throws, or `TypeError` on a malformed request.
 */
export function createDeviceTier(options: DeviceTierOptions): Tier {
  const { modelId, id = 'device' } = options;
  return {
    id,
    place: 'device',
    modelId,
    generate(request, { signal } = {}) {
      // Not in the generator: malformed requests must fail here, not at the first read.
      const steps = options.connection.generate(toEngineRequest(request, options), { signal });
      return toEvents({ steps, request, signal, tier: id, modelId });
    },
    async prepare(request, { signal } = {}) {
      const prompt = { ...toEngineRequest(request, options), isPromptOnly: true };
      await drain(options.connection.generate(prompt, { signal }));
    },
  };
}

/** Reads to the end: a run computes only while it is read. */
async function drain(steps: AsyncIterable<EngineStep>): Promise<void> {
  const reader = steps[Symbol.asyncIterator]();
  while ((await reader.next()).done !== true);
}

function toEngineRequest(request: Request, options: DeviceTierOptions): GenerateRequest {
  const { input, stop, sampling } = request;
  const isCompletion = request.task === 'complete';
  const minProduct = isCompletion ? request.minProduct : undefined;
  return {
    modelId: options.modelId,
    sessionId: request.sessionId ?? createId(),
    ...(request.sessionId === undefined ? { isOneShot: true } : {}),
    priority: isCompletion ? 'keystroke' : 'interactive',
    input,
    maxTokens: request.maxTokens ?? (isCompletion ? MAX_COMPLETION_TOKENS : MAX_TOKENS),
    ...(stop === undefined ? {} : { stop }),
    ...(sampling === undefined ? {} : { sampling }),
    ...(minProduct === undefined ? {} : { minProduct }),
  };
}

interface Call {
  readonly steps: AsyncIterable<EngineStep>;
  readonly request: Request;
  readonly signal: CallOptions['signal'];
  readonly tier: string;
  readonly modelId: string;
}

async function* toEvents(call: Call): AsyncGenerator<TierEvent, void, undefined> {
  const { steps, signal } = call;
  signal?.throwIfAborted();
  const writeReceipt = startReceipt();
  const tokens = createTokenJoiner();
  const finish = (reason: FinishReason, usage: Partial<EngineUsage>): TierFinish => {
    const { request, tier, modelId } = call;
    return toFinish(reason, writeReceipt({ task: request.task, tier, modelId, ...usage }));
  };

  try {
    for await (const step of steps) {
      if (signal?.aborted === true) break;
      if (step.type === 'end') {
        yield* tokens.rest();
        yield finish(step.reason, step.usage);
        return;
      }
      if (step.type === 'token') yield* tokens.join(step.text, step.evidence);
    }
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
  // Aborted: before anything was said it is the caller's own reason, afterwards an ending.
  if (!tokens.hasSpoken()) throw signal?.reason;
  yield finish('abort', { outputTokens: tokens.count() });
}

interface TokenJoiner {
  /** The event of this token, unless it has no text of its own yet. */
  join(text: string, evidence: TokenEvidence): TierEvent[];
  /** Evidence that never got a text. */
  rest(): TierEvent[];
  hasSpoken(): boolean;
  count(): number;
}

/** A token may be half a character: its evidence goes with the text that completes it. */
function createTokenJoiner(): TokenJoiner {
  let waiting: TokenEvidence[] = [];
  let count = 0;
  let hasSpoken = false;

  function speak(text: string): TierEvent[] {
    const evidence = waiting;
    waiting = [];
    hasSpoken = true;
    return [{ type: 'text-delta', text, evidence }];
  }

  return {
    join(text, evidence) {
      count += 1;
      waiting.push(evidence);
      return text === '' ? [] : speak(text);
    },
    rest: () => (waiting.length === 0 ? [] : speak('')),
    hasSpoken: () => hasSpoken,
    count: () => count,
  };
}

function toFinish(reason: FinishReason, receipt: Receipt): TierFinish {
  return {
    type: 'finish',
    reason,
    tier: receipt.tier,
    confidence: { value: null, calibrationId: 'uncalibrated' },
    decision: null,
    receipt,
  };
}
