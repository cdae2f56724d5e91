import type { Decision, TierEvent, TierFinish } from '../types.ts';
import { askAbove } from './ask-above.ts';
import { decideEarly, labelConfidence, type LowConfidenceAction } from './judge.ts';
import { withDraft } from './draft.ts';
import { createHoldBack, type HoldBack } from './hold-back.ts';
import { openRun, type TierRun } from './open-run.ts';
import type { DevicePlan } from './plan.ts';
import { decisionEvent, isTierFailure, type Turn } from './turn.ts';

/** The device's answer on its way: what it said, what was shown, and whether it is over. */
interface Draft {
  readonly turn: Turn;
  readonly plan: DevicePlan;
  readonly run: TierRun;
  readonly gate: HoldBack;
  /** The device's own finish, once it has come. */
  readonly finish: TierFinish | null;
}

/** Lets the device answer, judges it on the way, and goes above when that is what the evidence says. */
export async function* askDevice(turn: Turn, plan: DevicePlan): AsyncGenerator<TierEvent> {
  turn.onAsk(plan.device);
  if (plan.opening !== null) yield decisionEvent(plan.opening);
  const run = openRun(turn.findTier(plan.device), turn.request, turn.signal);
  const { rule, onLow } = plan;
  const holdBackTokens =
    onLow.action === 'refuse' ? 0 : (turn.holdBackTokens ?? rule.holdBackTokens);
  const gate = createHoldBack({ tier: plan.device, rule, onLow, holdBackTokens });
  try {
    yield* followDraft({ turn, plan, run, gate, finish: null });
  } finally {
    run.stop();
  }
}

async function* followDraft(draft: Draft): AsyncGenerator<TierEvent> {
  const { turn, plan, run, gate } = draft;
  for (;;) {
    const step = await takeStep(draft);
    if (step instanceof Error) {
      yield* replaceFailedDevice(draft, plan.above, step);
      return;
    }
    if (step.type === 'decision' || step.type === 'text-reset') continue;
    const finish = step.type === 'finish' ? step : null;
    if (finish?.reason === 'abort') return yield closeDraft(draft, finish, gate.judge());
    const verdict = step.type === 'finish' ? gate.end() : gate.push(step);
    if (verdict.type === 'low') {
      yield* leaveDraft({ turn, plan, run, gate, finish }, verdict.decision);
      return;
    }
    if (verdict.type === 'show') {
      if (verdict.decision !== null) yield decisionEvent(verdict.decision);
      yield* verdict.deltas;
    }
    if (finish !== null) return yield closeDraft(draft, finish, gate.judge());
  }
}

/** The device's next event, or the failure that lets a tier above answer instead. */
async function takeStep({ turn, plan, run, gate }: Draft): Promise<TierEvent | Error> {
  try {
    return await run.next();
  } catch (error) {
    if (gate.isShown || plan.above === null || !isTierFailure(error, turn.signal)) throw error;
    return error;
  }
}

/** The device failed before anything was shown. */
async function* replaceFailedDevice(
  { turn, plan }: Draft,
  above: string | null,
  error: Error,
): AsyncGenerator<TierEvent> {
  if (above === null) throw error;
  const reason = 'device-unavailable';
  turn.onFallback({ from: plan.device, to: above, reason, error });
  const { device, rule } = plan;
  const decision = decideEarly({
    action: 'escalate',
    reason,
    tier: device,
    threshold: rule.threshold,
  });
  yield* askAbove(turn, { tier: above, request: turn.request, decision });
}

/** The draft is not sure enough: go above where that is possible and wanted, else end here. */
async function* leaveDraft(draft: Draft, decision: Decision): AsyncGenerator<TierEvent> {
  const { turn, plan, gate } = draft;
  const isCollapse = gate.isShown;
  if (plan.above === null || (isCollapse && turn.onCollapse === 'stop')) {
    yield* endDraft(draft, { ...decision, action: 'refuse' });
    return;
  }
  const isAppended = isCollapse && turn.onCollapse === 'append';
  yield* askAbove(turn, {
    tier: plan.above,
    request: isAppended ? withDraft(turn.request, gate.shownText) : turn.request,
    decision,
    onAnswer() {
      draft.run.stop();
      return isCollapse && !isAppended ? { type: 'text-reset' } : null;
    },
    onFailure: (error) => keepDraft(draft, error),
  });
}

/** Ends with what was shown so far; the reason tells that more was there but not sure enough. */
async function* endDraft(draft: Draft, decision: Decision): AsyncGenerator<TierEvent> {
  yield decisionEvent(decision);
  const finish = draft.finish ?? (await draft.run.settle());
  draft.turn.signal?.throwIfAborted();
  yield {
    type: 'finish',
    reason: 'low-confidence',
    tier: draft.plan.device,
    confidence: labelConfidence(draft.plan.rule, decision.confidence),
    decision,
    receipt: finish?.receipt ?? draft.turn.emptyReceipt(draft.plan.device),
  };
}

/** The tier above failed before its first word: the device's answer stands, marked with the reason. */
async function* keepDraft(draft: Draft, error: Error): AsyncGenerator<TierEvent> {
  const { turn, plan, run, gate } = draft;
  const reason = 'remote-unavailable';
  const onLow: LowConfidenceAction = { action: 'accept', reason };
  turn.onFallback({ from: plan.above ?? '', to: plan.device, reason, error });
  turn.onAsk(plan.device);
  yield decisionEvent(gate.judge(onLow));
  yield* gate.takeHeld();
  let finish = draft.finish;
  while (finish === null) {
    const event = await run.next();
    if (event.type === 'finish') finish = event;
    if (event.type !== 'text-delta') continue;
    gate.push(event);
    yield* gate.takeHeld();
  }
  yield closeDraft(draft, finish, gate.judge(onLow));
}

function closeDraft({ plan }: Draft, finish: TierFinish, decision: Decision): TierFinish {
  return {
    ...finish,
    tier: plan.device,
    confidence: labelConfidence(plan.rule, decision.confidence),
    decision,
  };
}
