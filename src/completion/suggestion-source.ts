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
import { findCompletionEntry, type CompletionCalibration } from './completion-calibration.ts';
import { runningProduct, splitDelta, type CompletionPiece } from './completion.ts';
import {
  leastModelProductOf,
  offerCompletion,
  type Continuation,
  type OfferRule,
} from './offer-completion.ts';
import { openRun } from '../cascade/open-run.ts';
import { planTurn, type DevicePlan, type Plan } from '../cascade/plan.ts';
import type { Rule, RuleSet } from '../cascade/rules.ts';
import { isTierFailure } from '../cascade/turn.ts';

export interface SuggestionSourceOptions {
  /** Only tiers on the device are ever asked. */
  readonly tiers: readonly Tier[];
  readonly mode: () => Mode;
  readonly rules: RuleSet;
  /** Whether a tier can answer at once. A tier that is not ready suggests nothing and is not woken. */
  readonly isReady: (tierId: string) => boolean;
  /** Told when the mode refuses suggestions. */
  readonly onRefusal?: (decision: Decision) => void;
  /** What the person wrote before, once it is loaded; `null` = unknown or switched off. */
  readonly personal?: () => PersonalText | null;
  /** What products are worth, for this model; without it the rule's threshold stands alone. */
  readonly calibration?: () => CompletionCalibration | null;
}

/** A person's own words, as completion uses them. */
export interface PersonalText {
  /** Messages known. */
  readonly size: number;
  /** Earlier messages for the model's prompt; the same ones while a text is being written. */
  recent(): readonly string[];
  predict(before: string): {
    readonly pieces: readonly { readonly text: string; readonly probability: number }[];
  };
}

/**
 * Tokens computed at most for one suggestion. In simulated typing 82 % of useful accepts are one word;
 * generation stops earlier as soon as the product falls below the threshold.
 */
const MAX_SUGGESTION_TOKENS = 12;
/** Shown with a memory alone where nothing says what its products are worth: nearly certain ones. */
const UNCALIBRATED_MEMORY_PRODUCT = 0.85;
/** Tier of a suggestion that no model made. */
const MEMORY_TIER = 'memory';
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
      return await complete(findReady(plan, options), plan, { request, options });
    },
    async prepare(request) {
      checkRequest(request);
      const { signal } = request;
      const plan = planSuggestion(options);
      if (plan.start !== 'device') return;
      const tier = findReady(plan, options);
      const rule = ruleFor(plan.rule, tier !== null, options);
      if (tier?.prepare === undefined || rule === null || signal?.aborted === true) return;
      // Nothing was promised: an abort or the request itself ends it, and what fails fails again then.
      await tier
        .prepare(toCompletion({ request, options, rule }), signal && { signal })
        .catch(() => undefined);
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

interface Call {
  readonly request: SuggestionRequest;
  readonly options: SuggestionSourceOptions;
  readonly rule: OfferRule;
}

/** The same for `prepare` and `suggest`, or the one would not serve the other. */
function toCompletion({ request, options, rule }: Call): Request {
  const { before, after, field } = request;
  const minProduct = leastModelProductOf(rule);
  return {
    task: 'complete',
    input: { kind: 'prefix', before: leadOf(options) + before, after },
    sessionId: field,
    field,
    maxTokens: MAX_SUGGESTION_TOKENS,
    stop: STOP,
    // A rule that nothing passes ends the run with its first token.
    minProduct: Math.min(1, minProduct),
  };
}

/** What stands before the field's own text in the prompt: a line for each earlier message. */
function leadOf({ personal, calibration }: SuggestionSourceOptions): string {
  const lines = (calibration?.()?.promptHistory ?? 0) > 0 ? (personal?.()?.recent() ?? []) : [];
  return lines.map((line) => `${line}\n`).join('');
}

async function complete(
  tier: Tier | null,
  plan: DevicePlan,
  { request, options }: Omit<Call, 'rule'>,
): Promise<Suggestion | null> {
  const { before, after, signal } = request;
  const rule = ruleFor(plan.rule, tier !== null, options);
  if (rule === null) return null;
  const personal = options.personal?.() ?? null;
  const usesMemory =
    rule.type === 'calibrated' ? rule.entry.maps.memory !== undefined : tier === null;
  const memory = usesMemory && personal !== null ? remember(personal, before) : null;
  let model: Continuation | null = null;
  try {
    model = tier === null ? null : await generate(tier, { request, options, rule });
  } catch (error) {
    signal?.throwIfAborted();
    if (EdgewiseError.is(error) && !isTierFailure(error, signal)) return null;
    throw error;
  }
  const offer = offerCompletion({ before, after, model, memory, rule });
  if (offer === null) return null;
  const tierId = offer.source === 'memory' ? MEMORY_TIER : (tier?.id ?? MEMORY_TIER);
  return { text: offer.text, confidence: offer.confidence, tier: tierId };
}

/** How the sources that can answer now are judged; `null` = there is none. */
function ruleFor(
  { threshold, calibrationId }: Rule,
  hasModel: boolean,
  options: SuggestionSourceOptions,
): OfferRule | null {
  const messages = options.personal?.()?.size ?? 0;
  if (!hasModel && messages === 0) return null;
  const calibration = options.calibration?.() ?? null;
  const sources = [
    ...(hasModel ? ['model' as const] : []),
    ...(messages > 0 ? ['memory' as const] : []),
  ];
  const entry = calibration === null ? null : findCompletionEntry(calibration, sources, messages);
  if (calibration !== null && entry !== null) {
    return { type: 'calibrated', entry, calibrationId: calibration.id };
  }
  const least = hasModel ? (threshold ?? Number.POSITIVE_INFINITY) : UNCALIBRATED_MEMORY_PRODUCT;
  return {
    type: 'product',
    threshold: least,
    calibrationId: hasModel ? (calibrationId ?? 'uncalibrated') : 'uncalibrated',
  };
}

/** The memory knows whole words only, so its text is whole wherever it ends. */
function remember(personal: PersonalText, before: string): Continuation {
  const pieces = personal.predict(before).pieces.map(({ text, probability }): CompletionPiece => ({
    text,
    logProbability: Math.log(probability),
    isTyped: false,
  }));
  return { pieces, isEnded: true };
}

/** Reads tokens until the text ends or the next one is no longer sure; the run then stops. */
async function generate(tier: Tier, call: Call): Promise<Continuation> {
  const { signal } = call.request;
  const threshold = leastModelProductOf(call.rule);
  const pieces: CompletionPiece[] = [];
  const run = openRun(tier, toCompletion(call), signal);
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
