import type { Decision, ReasonCode } from '../types.ts';
import { planTurn, surveyRemotes, type Plan } from './plan.ts';
import {
  askOptions,
  checkSituation,
  isNonEmpty,
  planInput,
  ruleOf,
  type RungAnswer,
  type Situation,
} from './situation.ts';
import { weigh, type AskOption, type Weighed } from './weigh.ts';

/** A text for people is made from these elsewhere, in their language. */
export interface DecisionMessage {
  readonly id: `${Decision['action']}/${ReasonCode}`;
  readonly values: Readonly<Record<string, string | number | null>>;
}

export interface RouteDecision extends Decision {
  /** Whose answer counts: the tier that has answered, or the one to ask now; `null` after a refusal. */
  readonly route: string | null;
  readonly message: DecisionMessage;
}

/**
 * Decides who answers: first by the owner's rules (mode, egress, caps, network, state of the device),
 * then by expected gain. Without an `answer` it names the tier to ask first; with one it keeps the
 * answer or names the tier to ask instead. Pure: no clock, no randomness, nothing is sent.
 *
 * Asking pays when P(wrong) × P(above right | wrong) − P(right) × P(above wrong | right) is more than
 * the price of asking (docs/decisions.md). A certified threshold comes before that: below it the tier
 * above is always asked. `numbers.gainLabels` is 0 where no labels were there to learn from.
 *
 * A confidence or score that is no finite number counts as unknown.
 *
 * @throws TypeError when the situation itself is malformed.
 */
export function decide(situation: Situation): RouteDecision {
  checkSituation(situation);
  const { answer } = situation;
  return answer === undefined ? decideStart(situation) : decideAnswer(situation, answer);
}

// ---------------------------------------------------------------- nobody has answered yet

function decideStart(situation: Situation): RouteDecision {
  const plan = planTurn(planInput(situation));
  if (plan.start === 'nowhere') return conclude(plan.opening, null);
  if (plan.start === 'device') {
    const { threshold } = plan.rule;
    return conclude(plan.opening ?? openOn(plan.device, 'lowest-first', threshold), plan.device);
  }
  return weighBlindly(situation, plan) ?? conclude(plan.opening, plan.remote);
}

/**
 * Where the device's evidence would tell nothing, labels may still tell how often asking helps on this
 * topic. `null`: there are none, or no price.
 */
function weighBlindly(
  situation: Situation,
  plan: Extract<Plan, { start: 'remote' }>,
): RouteDecision | null {
  const { tier, reason, threshold } = plan.opening;
  if (reason !== 'no-usable-signal') return null;
  const options = askOptions(situation, tier);
  if (!isNonEmpty(options)) return null;
  const known = { score: null, threshold: null, isCertified: false, confidence: null };
  const weighed = weigh({ ...known, options });
  if (weighed.reason === 'no-usable-signal') return null;
  const decision: Decision = {
    ...openOn(tier, weighed.reason, threshold),
    action: weighed.keeps ? 'accept' : 'escalate',
    numbers: listNumbers(situation, weighed, options),
  };
  return conclude(decision, weighed.keeps ? tier : weighed.tier);
}

function openOn(tier: string, reason: ReasonCode, threshold: number | null): Decision {
  return { action: 'accept', reason, tier, threshold, confidence: null, numbers: {} };
}

// ---------------------------------------------------------------- there is an answer

function decideAnswer(situation: Situation, answer: RungAnswer): RouteDecision {
  const ruled = applyRules(situation, answer);
  if (ruled !== null) return ruled;
  const judged = readAnswer(situation, answer);
  if (situation.task === 'complete') return decideCompletion(judged);
  const options = askOptions(situation, answer.tier);
  const { tier, confidence, threshold } = judged;
  if (!isNonEmpty(options)) {
    const reason = findLimit(situation, answer.tier);
    return conclude({ ...openOn(tier, reason, threshold), confidence }, tier);
  }
  const weighed = weigh({ ...judged, confidence: judged.probability, options });
  const numbers = { score: judged.score, ...listNumbers(situation, weighed, options) };
  const facts = { reason: weighed.reason, tier, confidence, threshold, numbers };
  if (weighed.keeps) return conclude({ action: 'accept', ...facts }, tier);
  return conclude({ action: 'escalate', ...facts }, weighed.tier);
}

/** Typing never calls the cloud by itself: what is not sure enough is simply not offered. */
function decideCompletion({ tier, score, confidence, threshold }: JudgedAnswer): RouteDecision {
  const facts = { tier, confidence, threshold, numbers: { score } };
  if (score !== null && threshold !== null && score >= threshold) {
    return conclude({ action: 'accept', reason: 'confident', ...facts }, tier);
  }
  const reason = score === null ? 'no-usable-signal' : 'low-confidence';
  return conclude({ action: 'refuse', reason, ...facts }, null);
}

interface JudgedAnswer {
  readonly tier: string;
  readonly score: number | null;
  /** What people are told: the probability where it is known, else the raw score. */
  readonly confidence: number | null;
  readonly probability: number | null;
  readonly threshold: number | null;
  readonly isCertified: boolean;
}

function readAnswer(situation: Situation, answer: RungAnswer): JudgedAnswer {
  const score = Number.isFinite(answer.score) ? answer.score : null;
  const probability = readProbability(answer.confidence ?? null);
  return {
    tier: answer.tier,
    score,
    confidence: probability ?? score,
    probability,
    threshold: answer.threshold?.value ?? ruleOf(situation, answer.tier).threshold,
    isCertified: answer.threshold?.isCertified ?? false,
  };
}

/** A mode may settle an answer before any confidence is looked at; `null` when none does. */
function applyRules(situation: Situation, answer: RungAnswer): RouteDecision | null {
  const rung = situation.rungs.find(({ id }) => id === answer.tier);
  if (rung?.place !== 'device' && situation.mode !== 'observe') return null;
  const plan = planTurn(planInput(situation));
  const { opening } = plan;
  if (opening === null || WEIGHED_REASONS.has(opening.reason)) return null;
  const facts = { ...opening, tier: answer.tier };
  if (plan.start === 'nowhere') return conclude(facts, null);
  return conclude(facts, plan.start === 'device' ? answer.tier : plan.remote);
}

/** Why a device would not be asked first. Once it has answered, its answer is worth a look. */
const WEIGHED_REASONS: ReadonlySet<ReasonCode> = new Set([
  'no-usable-signal',
  'device-unavailable',
  'device-strained',
]);

function findLimit(situation: Situation, tier: string): ReasonCode {
  const rung = situation.rungs.find(({ id }) => id === tier);
  if (rung?.place === 'remote') return 'highest-tier';
  return surveyRemotes(planInput(situation)).limit;
}

// ---------------------------------------------------------------- shared

function readProbability(value: number | null): number | null {
  return value !== null && value >= 0 && value <= 1 ? value : null;
}

/** The numbers of the tier that is worth most to ask, and the net worth of each. */
function listNumbers(
  situation: Situation,
  { tier, options }: Weighed,
  asked: readonly AskOption[],
): Decision['numbers'] {
  const best = options.find((option) => option.tier === tier);
  const { gain, price } = asked.find((option) => option.tier === tier) ?? {};
  const cost = situation.rungs.find(({ id }) => id === tier)?.cost;
  return {
    expectedGain: best?.expectedGain ?? null,
    gainGivenWrong: gain?.rescue ?? null,
    harmGivenRight: gain?.harm ?? null,
    gainLabels: gain?.labels ?? 0,
    topicLabels: gain?.topicLabels ?? 0,
    price: best?.price ?? null,
    priceUsd: price?.usd ?? null,
    moneyUsd: cost?.moneyUsd ?? null,
    carbonGrams: cost?.carbonGrams ?? null,
    latencyMs: cost?.latencyMs ?? null,
    ...Object.fromEntries(options.map((option) => [`net/${option.tier}`, option.net])),
  };
}

function conclude(decision: Decision, route: string | null): RouteDecision {
  const { action, reason, tier, confidence, threshold, numbers } = decision;
  return {
    ...decision,
    route,
    message: {
      id: `${action}/${reason}`,
      values: {
        tier,
        route,
        confidence,
        threshold,
        expectedGain: numbers['expectedGain'] ?? null,
        price: numbers['price'] ?? null,
      },
    },
  };
}
