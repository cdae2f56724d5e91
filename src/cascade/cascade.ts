import { PolicyError } from '../errors.ts';
import type { Decision, Mode, Receipt, Request, Tier, TierEvent } from '../types.ts';
import { askAbove } from './ask-above.ts';
import { askDevice } from './ask-device.ts';
import { decideEarly } from './judge.ts';
import type { EgressRule } from './egress.ts';
import { parseMode } from './modes.ts';
import { planTurn, type DevicePlan, type Plan, type RemotePlan } from './plan.ts';
import { parseRequest } from './request.ts';
import { createRuleSet, type RuleSet } from './rules.ts';
import {
  decisionEvent,
  isTierFailure,
  type CollapseChoice,
  type FallbackNotice,
  type Turn,
} from './turn.ts';

export interface CascadeOptions {
  /** Lowest rung first. */
  readonly tiers: readonly Tier[];
  /** Read anew for each request. */
  readonly mode: () => Mode;
  /** Starts the clock of a turn; what it gives back writes a receipt in which all else is unknown. */
  readonly startReceipt: () => (facts: Pick<Receipt, 'task' | 'tier' | 'modelId'>) => Receipt;
  /** Default: the rules that come with Edgewise. */
  readonly rules?: RuleSet;
  readonly egress?: readonly EgressRule[];
  /** Default `stop`. `replace` withdraws text already shown and sends `text-reset`. */
  readonly onCollapse?: CollapseChoice;
  /** Instead of the rules' own numbers. */
  readonly holdBackTokens?: number;
  /** Whether a tier may be able to answer now. Default: yes, until it fails. */
  readonly isAvailable?: (tierId: string) => boolean;
  readonly onFallback?: (notice: FallbackNotice) => void;
}

/**
 * A tier made of tiers: plans who may answer, judges the device's draft while it grows, and goes
 * above at most once per turn. Text that was shown is never followed by a silent restart.
 * Throws `PolicyError` after a `refuse` decision, and whatever the last tier asked failed with.
 */
export function createCascade(options: CascadeOptions): Tier {
  const rules = options.rules ?? createRuleSet();
  const device = options.tiers.find((tier) => tier.place === 'device');
  return {
    id: 'cascade',
    place: options.tiers.some((tier) => tier.place === 'remote') ? 'remote' : 'device',
    modelId: device?.modelId ?? null,
    generate(value, { signal } = {}) {
      const request = parseRequest(value);
      return runTurn({ ...options, rules }, request, signal);
    },
  };
}

/** Turns an abort into the stream's end, once something was sent. */
async function* runTurn(
  options: CascadeOptions & { readonly rules: RuleSet },
  request: Request,
  signal: AbortSignal | undefined,
): AsyncGenerator<TierEvent> {
  signal?.throwIfAborted();
  const standing: Standing = { asked: null, textTier: null, decision: null };
  const turn = openTurn({ ...options, onAsk: (tier) => (standing.asked = tier) }, request, signal);
  const plan = planTurn({
    mode: parseMode(request.mode ?? options.mode()),
    request,
    tiers: options.tiers,
    rules: options.rules,
    egress: options.egress ?? [],
    isAvailable: options.isAvailable ?? (() => true),
  });
  let hasSent = false;
  try {
    for await (const event of followPlan(turn, plan)) {
      hasSent = true;
      note(standing, event);
      yield event;
    }
  } catch (error) {
    if (signal?.aborted !== true) throw error;
    if (!hasSent) throw signal.reason;
    yield abortedFinish(turn, standing);
  }
}

/** Where a turn stands, for a finish that no tier writes. */
interface Standing {
  /** The tier asked last. */
  asked: string | null;
  /** Whose text the caller has. */
  textTier: string | null;
  /** The one that fell last. */
  decision: Decision | null;
}

function note(standing: Standing, event: TierEvent): void {
  if (event.type === 'decision') standing.decision = event.decision;
  else if (event.type === 'text-delta') standing.textTier = standing.asked;
  else if (event.type === 'text-reset') standing.textTier = null;
}

function openTurn(
  options: CascadeOptions & Pick<Turn, 'onAsk'>,
  request: Request,
  signal: AbortSignal | undefined,
): Turn {
  const writeReceipt = options.startReceipt();
  return {
    request,
    signal,
    onCollapse: options.onCollapse ?? 'stop',
    holdBackTokens: options.holdBackTokens,
    findTier(id) {
      const tier = options.tiers.find((each) => each.id === id);
      if (tier === undefined) throw new TypeError(`The cascade has no tier "${id}".`);
      return tier;
    },
    onAsk: options.onAsk,
    onFallback: (notice) => options.onFallback?.(notice),
    emptyReceipt: (tier) => writeReceipt({ task: request.task, tier, modelId: null }),
  };
}

async function* followPlan(turn: Turn, plan: Plan): AsyncGenerator<TierEvent> {
  switch (plan.start) {
    case 'nowhere':
      yield decisionEvent(plan.opening);
      throw new PolicyError(plan.code, plan.message, { details: { reason: plan.opening.reason } });
    case 'device':
      yield* askDevice(turn, plan);
      return;
    case 'remote':
      yield* askRemote(turn, plan);
  }
}

async function* askRemote(turn: Turn, plan: RemotePlan): AsyncGenerator<TierEvent> {
  const { remote, fallback, opening: decision } = plan;
  if (decision.reason === 'device-unavailable') {
    turn.onFallback({ from: decision.tier, to: remote, reason: decision.reason, error: null });
  }
  const ask = { tier: remote, request: turn.request, decision };
  if (fallback === null) {
    yield* askAbove(turn, ask);
    return;
  }
  const onFailure = (error: Error): AsyncIterable<TierEvent> => {
    turn.onFallback({ from: remote, to: fallback, reason: 'remote-unavailable', error });
    return standIn(turn, devicePlan(plan, fallback), error);
  };
  yield* askAbove(turn, { ...ask, onFailure });
}

/** Where the device cannot stand in either, what the remote failed with is what people need to know. */
async function* standIn(
  turn: Turn,
  plan: DevicePlan,
  remoteError: Error,
): AsyncGenerator<TierEvent> {
  let hasText = false;
  try {
    for await (const event of askDevice(turn, plan)) {
      hasText ||= event.type === 'text-delta';
      yield event;
    }
  } catch (error) {
    throw !hasText && isTierFailure(error, turn.signal) ? remoteError : error;
  }
}

/** The device stands in for a remote that failed: kept however sure it is, and marked so. */
function devicePlan({ rule }: RemotePlan, device: string): DevicePlan {
  const reason = 'remote-unavailable';
  return {
    start: 'device',
    device,
    above: null,
    rule,
    onLow: { action: 'accept', reason },
    opening: decideEarly({ action: 'accept', reason, tier: device, threshold: rule.threshold }),
  };
}

function abortedFinish(turn: Turn, { asked, textTier, decision }: Standing): TierEvent {
  const tier = asked ?? decision?.tier ?? 'cascade';
  return {
    type: 'finish',
    reason: 'abort',
    tier: textTier ?? tier,
    confidence: { value: null, calibrationId: 'uncalibrated' },
    decision,
    receipt: turn.emptyReceipt(tier),
  };
}
