import { EdgewiseError } from '../errors.ts';
import type {
  Decision,
  Mode,
  Request,
  Suggestion,
  SuggestionRequest,
  SuggestionSource,
  Tier,
} from '../types.ts';
import { pickCompletion, runningProduct, splitDelta, type CompletionPiece } from './completion.ts';
import { labelConfidence } from './judge.ts';
import { openRun } from './open-run.ts';
import { planTurn, type DevicePlan, type Plan } from './plan.ts';
import type { RuleSet } from './rules.ts';
import { isTierFailure } from './turn.ts';

export interface SuggestionSourceOptions {
  /** Only tiers on the device are ever asked. */
  readonly tiers: readonly Tier[];
  readonly mode: () => Mode;
  readonly rules: RuleSet;
  /** Whether a tier can answer at once. A tier that is not ready suggests nothing and is not woken. */
  readonly isReady: (tierId: string) => boolean;
  /** Told when the mode refuses suggestions. */
  readonly onRefusal?: (decision: Decision) => void;
}

/**
 * Tokens computed at most for one suggestion. In simulated typing 82 % of useful accepts are one word;
 * generation stops earlier as soon as the product falls below the threshold.
 */
const MAX_SUGGESTION_TOKENS = 12;
/** A suggestion stays on the line it is offered on. */
const STOP = ['\n'] as const;
const EXAMPLE = "suggest({ before: 'See you tom', after: '', field: 'message' })";

/**
 * Completes the text at the caret on the device. Gives `null` when nothing is sure enough, when the
 * model is not ready, when the mode refuses, or when a newer request of the same field took over.
 * Throws the signal's reason after an abort, and a typed error when the device fails. `prepare`
 * computes the prompt, at most once for each text.
 */
export function createSuggestionSource(options: SuggestionSourceOptions): SuggestionSource {
  return {
    async suggest(request) {
      checkRequest(request);
      request.signal?.throwIfAborted();
      const plan = planSuggestion(options);
      if (plan.start === 'nowhere') options.onRefusal?.(plan.opening);
      if (plan.start !== 'device') return null;
      const tier = findReady(plan, options);
      return tier === null ? null : await completeOn(tier, plan, request);
    },
    async prepare(request) {
      checkRequest(request);
      const { signal } = request;
      const plan = planSuggestion(options);
      const tier = plan.start === 'device' ? findReady(plan, options) : null;
      if (tier?.prepare === undefined || signal?.aborted === true) return;
      // Nothing was promised: an abort or the request itself ends it, and what fails fails again then.
      await tier.prepare(toCompletion(request), signal && { signal }).catch(() => undefined);
    },
  };
}

function checkRequest(request: SuggestionRequest): void {
  const { before, after, field } = request;
  if ([before, after, field].every((text) => typeof text === 'string')) return;
  throw new TypeError(`before, after and field must be strings, as in ${EXAMPLE}.`);
}

function planSuggestion(options: SuggestionSourceOptions): Plan {
  return planTurn({
    mode: options.mode(),
    request: { task: 'complete' },
    tiers: options.tiers,
    rules: options.rules,
    egress: [],
    isAvailable: options.isReady,
  });
}

/** The tier that completes, if it can at once. */
function findReady(plan: DevicePlan, { tiers, isReady }: SuggestionSourceOptions): Tier | null {
  if (!isReady(plan.device)) return null;
  return tiers.find((each) => each.id === plan.device) ?? null;
}

function toCompletion({ before, after, field }: SuggestionRequest): Request {
  return {
    task: 'complete',
    input: { kind: 'prefix', before, after },
    sessionId: field,
    field,
    maxTokens: MAX_SUGGESTION_TOKENS,
    stop: STOP,
  };
}

async function completeOn(
  tier: Tier,
  plan: DevicePlan,
  request: SuggestionRequest,
): Promise<Suggestion | null> {
  const { before, after, signal } = request;
  const threshold = plan.rule.threshold ?? Number.POSITIVE_INFINITY;
  let generated: Generated;
  try {
    generated = await generatePieces(tier, request, threshold);
  } catch (error) {
    signal?.throwIfAborted();
    if (EdgewiseError.is(error) && !isTierFailure(error, signal)) return null;
    throw error;
  }
  const completion = pickCompletion({ before, after, threshold, ...generated });
  if (completion === null) return null;
  const confidence = labelConfidence(plan.rule, completion.product);
  return { text: completion.text, confidence, tier: tier.id };
}

interface Generated {
  readonly pieces: readonly CompletionPiece[];
  readonly isEnded: boolean;
}

/** Reads tokens until the text ends or the next one is no longer sure; the run then stops. */
async function generatePieces(
  tier: Tier,
  request: SuggestionRequest,
  threshold: number,
): Promise<Generated> {
  const { signal } = request;
  const pieces: CompletionPiece[] = [];
  const run = openRun(tier, toCompletion(request), signal);
  try {
    for (;;) {
      const event = await run.next();
      if (event.type === 'finish') {
        if (event.reason === 'abort') signal?.throwIfAborted();
        return { pieces, isEnded: event.reason === 'stop' };
      }
      if (event.type !== 'text-delta') continue;
      pieces.push(...splitDelta(event));
      // The token that broke the rule is kept: it shows whether the word before it is whole.
      if ((runningProduct(pieces) ?? 0) < threshold) return { pieces, isEnded: false };
    }
  } finally {
    run.stop();
  }
}
