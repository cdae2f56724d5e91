import { setImmediate } from 'node:timers/promises';

import type {
  Receipt,
  Request,
  Tier,
  TierEvent,
  TierFinish,
  TokenEvidence,
} from '../../src/types.ts';

/** One step of a scripted answer: a word with its probability, a fault, or a wait for the abort. */
export type ScriptStep =
  | { readonly text: string; readonly probability: number | null; readonly isTyped?: boolean }
  | { readonly fail: Error }
  | { readonly wait: true }
  | { readonly end: TierFinish['reason'] };

export interface ScriptedTier extends Tier {
  /** Requests this tier was called with. */
  readonly calls: readonly Request[];
  /** Requests it was to get ready for. */
  readonly prepared: readonly Request[];
  /** Whether the signal of the last call has fired. */
  readonly isStopped: boolean;
}

export interface ScriptedTierOptions {
  readonly id: string;
  readonly place: Tier['place'];
  readonly modelId?: string | null;
  readonly steps: readonly ScriptStep[] | ((request: Request) => readonly ScriptStep[]);
}

/** A tier that says what the test wants, so that faults and doubts come exactly where needed. */
export function createScriptedTier(options: ScriptedTierOptions): ScriptedTier {
  const calls: Request[] = [];
  const prepared: Request[] = [];
  let last: AbortSignal | undefined;
  const { id, place, modelId = null } = options;
  return {
    id,
    place,
    modelId,
    calls,
    prepared,
    get isStopped() {
      return last?.aborted ?? false;
    },
    async prepare(request, { signal } = {}) {
      prepared.push(request);
      last = signal;
      const steps = typeof options.steps === 'function' ? options.steps(request) : options.steps;
      const [first] = steps;
      if (first !== undefined && 'fail' in first) throw first.fail;
      if (first !== undefined && 'wait' in first) await aborted(signal);
      signal?.throwIfAborted();
    },
    generate(request, { signal } = {}) {
      calls.push(request);
      last = signal;
      const steps = typeof options.steps === 'function' ? options.steps(request) : options.steps;
      return play({ id, modelId, request, signal, steps });
    },
  };
}

interface Play {
  readonly id: string;
  readonly modelId: string | null;
  readonly request: Request;
  readonly signal: AbortSignal | undefined;
  readonly steps: readonly ScriptStep[];
}

async function* play(run: Play): AsyncGenerator<TierEvent> {
  const { signal, steps } = run;
  signal?.throwIfAborted();
  let hasSent = false;
  for (const step of steps) {
    await setImmediate();
    if ('wait' in step) await aborted(signal);
    if (signal?.aborted === true) {
      if (!hasSent) throw signal.reason;
      return yield finish(run, 'abort');
    }
    if ('fail' in step) throw step.fail;
    if ('end' in step) return yield finish(run, step.end);
    if (!('text' in step)) continue;
    hasSent = true;
    yield { type: 'text-delta', text: step.text, evidence: [evidenceOf(step)] };
  }
  yield finish(run, 'stop');
}

function evidenceOf(step: Extract<ScriptStep, { text: string }>): TokenEvidence {
  const { text, probability, isTyped = false } = step;
  const logProbability = probability === null ? null : Math.log(probability);
  return { textLength: text.length, logProbability, margin: null, isTyped };
}

function finish({ id, modelId, request }: Play, reason: TierFinish['reason']): TierFinish {
  const receipt: Receipt = {
    id: crypto.randomUUID(),
    startedAtMs: Date.now(),
    task: request.task,
    tier: id,
    modelId,
    inputTokens: null,
    cachedTokens: null,
    outputTokens: null,
    durationMs: 0,
    busyMs: null,
    costUsd: null,
    energyWh: null,
    carbonGrams: null,
  };
  const confidence = { value: null, calibrationId: 'uncalibrated' } as const;
  return { type: 'finish', reason, tier: id, confidence, decision: null, receipt };
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve();
    else signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}
