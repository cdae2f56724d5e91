import type { Mode, Request, Tier } from '../types.ts';
import type { EgressRule } from './egress.ts';
import type { GainItem, GainModel } from './gain.ts';
import { DEFAULT_MODE, parseMode } from './modes.ts';
import { surveyRemotes, type PlanInput } from './plan.ts';
import { priceAsking, type AskingCost, type OwnerPrices } from './price.ts';
import { createRuleSet, type Rule, type RuleSet } from './rules.ts';
import type { AskOption } from './weigh.ts';

/** One tier that can answer, as far as a decision needs to know it. */
export interface Rung {
  readonly id: string;
  readonly place: Tier['place'];
  /** Default `null`: rules for any model hold. */
  readonly modelId?: string | null;
  /**
   * Default `ready`. A `strained` device (hot, busy, low on battery) answers only where nobody else
   * may; an `unavailable` tier is passed by.
   */
  readonly state?: 'ready' | 'strained' | 'unavailable';
  /** What asking it once uses. Default: unknown. */
  readonly cost?: AskingCost;
}

/** What a tier answered with, as far as a decision needs to know it. */
export interface RungAnswer {
  readonly tier: string;
  /** What its threshold is compared with, higher = surer; `null` = unknown. */
  readonly score: number | null;
  /** Calibrated probability that the answer is right, 0 to 1. Default `null` = unknown. */
  readonly confidence?: number | null;
  /** Keep at or above. Default: the one of the rule for this model and task, not certified. */
  readonly threshold?: { readonly value: number; readonly isCertified: boolean };
}

/** How often asking `to` helps where `from` fails. */
export interface RungGain {
  readonly from: string;
  readonly to: string;
  readonly model: GainModel;
}

/** Everything a decision is made from. Two equal situations get equal decisions. */
export interface Situation extends Pick<Request, 'task' | 'field'>, GainItem {
  /** Default `prefer-on-device`. */
  readonly mode?: Mode;
  /** Lowest first, any number. */
  readonly rungs: readonly Rung[];
  /** Absent: nobody has answered yet. */
  readonly answer?: RungAnswer;
  readonly egress?: readonly EgressRule[];
  /** Default: the rules that come with Edgewise. */
  readonly rules?: RuleSet;
  /** Default: none, so that calibrated confidence alone decides. */
  readonly gains?: readonly RungGain[];
  /** Absent: gain has no price to be weighed against, and the threshold decides. */
  readonly prices?: OwnerPrices;
  /** No remote tier that would push `spentUsd` over `capUsd` is asked. */
  readonly spending?: { readonly spentUsd: number; readonly capUsd: number };
  readonly isOffline?: boolean;
}

const EXAMPLE =
  "decide({ task: 'classify', rungs: [{ id: 'student', place: 'device' }, { id: 'slm', place: 'remote' }], answer: { tier: 'student', score: 0.7 } })";
/** Never changes: building it for each decision would take most of the time. */
const SHIPPED_RULES: RuleSet = /* @__PURE__ */ createRuleSet();

/** Throws `TypeError` that shows the right call. */
export function checkSituation({ rungs, answer, spending }: Situation): void {
  if (!Array.isArray(rungs) || rungs.length === 0) fail('rungs must list at least one tier');
  const ids = new Set(rungs.map((rung) => rung.id));
  if (ids.size < rungs.length) fail('rungs must have different ids');
  if (rungs.some(({ place }) => place !== 'device' && place !== 'remote')) {
    fail("each rung needs a place, 'device' or 'remote'");
  }
  if (answer !== undefined && !ids.has(answer.tier)) fail('answer.tier must be one of the rungs');
  if (answer?.threshold !== undefined && Number.isNaN(answer.threshold.value)) {
    fail('answer.threshold.value must be a number');
  }
  if (spending !== undefined && !(spending.spentUsd >= 0 && spending.capUsd >= 0)) {
    fail('spending needs spentUsd and capUsd, 0 or more');
  }
}

function fail(problem: string): never {
  throw new TypeError(`${problem}, as in ${EXAMPLE}.`);
}

/** The situation as planning sees it. */
export function planInput(situation: Situation): PlanInput {
  const { rungs, spending, isOffline } = situation;
  const stateOf = (tierId: string): Rung['state'] => rungs.find(({ id }) => id === tierId)?.state;
  return {
    mode: parseMode(situation.mode ?? DEFAULT_MODE),
    request: situation,
    tiers: rungs.map(({ id, place, modelId }) => ({ id, place, modelId: modelId ?? null })),
    rules: situation.rules ?? SHIPPED_RULES,
    egress: situation.egress ?? [],
    isAvailable: (tierId) => stateOf(tierId) !== 'unavailable',
    isStrained: (tierId) => stateOf(tierId) === 'strained',
    findBarrier(tierId) {
      if (isOffline === true) return 'offline';
      if (spending === undefined) return null;
      const moneyUsd = rungs.find(({ id }) => id === tierId)?.cost?.moneyUsd ?? 0;
      return spending.spentUsd + moneyUsd > spending.capUsd ? 'cap-reached' : null;
    },
  };
}

/** Who may be asked instead of this tier: the remote rungs above it that rules and network leave. */
export function askOptions(situation: Situation, from: string): readonly AskOption[] {
  const { rungs, prices, gains = [], task, topic = task, text, features } = situation;
  const item: GainItem = { topic, text, features };
  const above = rungs.slice(rungs.findIndex(({ id }) => id === from) + 1);
  const usable = new Set(surveyRemotes(planInput(situation)).usable.map(({ id }) => id));
  return above
    .filter(({ id }) => usable.has(id))
    .map((rung) => {
      const gain = gains.find((each) => each.from === from && each.to === rung.id);
      return {
        tier: rung.id,
        price: prices === undefined ? null : priceAsking(rung.cost ?? UNKNOWN_COST, prices),
        gain: gain?.model.estimate(item) ?? null,
      };
    });
}

const UNKNOWN_COST: AskingCost = { moneyUsd: null, carbonGrams: null, latencyMs: null };

export function isNonEmpty<Item>(items: readonly Item[]): items is readonly [Item, ...Item[]] {
  return items.length > 0;
}

export function ruleOf({ rungs, rules, task }: Situation, tier: string): Rule {
  const modelId = rungs.find(({ id }) => id === tier)?.modelId ?? null;
  return (rules ?? SHIPPED_RULES).find(modelId, task);
}
