import type { Decision, Mode, ReasonCode, Request, Tier } from '../types.ts';
import { decideEarly, type LowConfidenceAction } from './judge.ts';
import { mayLeave, type EgressRule } from './egress.ts';
import type { Rule, RuleSet } from './rules.ts';

/** What planning needs to know of a tier. */
export type PlannedTier = Pick<Tier, 'id' | 'place' | 'modelId'>;

/** The device answers first, or alone. */
export interface DevicePlan {
  readonly start: 'device';
  readonly device: string;
  /** The one tier that may be asked above it in this turn. */
  readonly above: string | null;
  readonly rule: Rule;
  readonly onLow: LowConfidenceAction;
  /** Told before anything runs; `null` when the evidence has to decide. */
  readonly opening: Decision | null;
}

/** A tier above the device answers; the device only if that one fails. */
export interface RemotePlan {
  readonly start: 'remote';
  readonly remote: string;
  readonly fallback: string | null;
  readonly rule: Rule;
  readonly opening: Decision;
}

/** Nobody may answer. */
export interface EmptyPlan {
  readonly start: 'nowhere';
  readonly opening: Decision;
  readonly code: 'no-tier' | 'egress-forbidden' | 'refused';
  readonly message: string;
}

export type Plan = DevicePlan | RemotePlan | EmptyPlan;

export interface PlanInput {
  readonly mode: Mode;
  readonly request: Pick<Request, 'task' | 'field'>;
  /** Lowest rung first. */
  readonly tiers: readonly PlannedTier[];
  readonly rules: RuleSet;
  readonly egress: readonly EgressRule[];
  /** What is known before asking; a tier that may be able to answer counts as available. */
  readonly isAvailable: (tierId: string) => boolean;
  /** What keeps a remote tier from being asked now, whatever it could say. Default: nothing. */
  readonly findBarrier?: (tierId: string) => Barrier | null;
  /** A device that had better rest; it still answers where nobody else may. Default: none. */
  readonly isStrained?: (tierId: string) => boolean;
}

export type Barrier = Extract<ReasonCode, 'offline' | 'cap-reached'>;

/** Who may be asked above the device, and why nobody else. */
export interface RemoteSurvey {
  /** Lowest rung first. */
  readonly usable: readonly PlannedTier[];
  /** What limits `usable` when it is empty. */
  readonly limit: ReasonCode;
}

/**
 * Says which tier answers first and which may follow. The owner's rules come before any confidence,
 * and at most one tier above the device is ever named.
 */
export function planTurn(input: PlanInput): Plan {
  const turn = surveyTurn(input);
  if (input.mode === 'observe') return planWatching(turn);
  if (input.request.task === 'complete') return planCompletion(input.mode, turn);
  if (input.mode === 'only-on-device') return planDeviceOnly(turn);
  if (input.mode === 'only-in-cloud') return planCloudOnly(turn);
  if (turn.remote === null) return planWithoutCloud(turn);
  return planLadder(input, turn, turn.remote);
}

/** What every branch below looks at. */
interface TurnSurvey {
  readonly device: string | null;
  readonly isDeviceAvailable: boolean;
  readonly isDeviceStrained: boolean;
  readonly rule: Rule;
  readonly startsAbove: boolean;
  /** The tier above the device that this turn may use. */
  readonly remote: string | null;
  /** Why there is none. */
  readonly limit: ReasonCode;
}

const ON_DEVICE = 'device';

function surveyTurn(input: PlanInput): TurnSurvey {
  const { tiers, request, rules, isAvailable } = input;
  const devices = tiers.filter((tier) => tier.place === 'device');
  const anyRule = rules.find(devices[0]?.modelId ?? null, request.task);
  const device = devices.find((tier) => tier.id === anyRule.startTier) ?? devices[0];
  const rule = device === undefined ? anyRule : rules.find(device.modelId, request.task);
  const startsAbove =
    rule.startTier !== ON_DEVICE && !devices.some((tier) => tier.id === rule.startTier);
  const { usable, limit } = surveyRemotes(input);
  const named = usable.find((tier) => tier.id === rule.startTier);
  const remote = named ?? (startsAbove ? usable.at(-1) : usable[0]);
  return {
    device: device?.id ?? null,
    isDeviceAvailable: device !== undefined && isAvailable(device.id),
    isDeviceStrained: device !== undefined && (input.isStrained?.(device.id) ?? false),
    rule,
    startsAbove,
    remote: remote?.id ?? null,
    limit,
  };
}

/** The remote tiers that the owner's rules, the network and the caps leave. */
export function surveyRemotes(input: PlanInput): RemoteSurvey {
  const { tiers, request, egress, isAvailable } = input;
  const remotes = tiers.filter((tier) => tier.place === 'remote');
  if (remotes.length === 0) return { usable: [], limit: 'no-higher-tier' };
  const permitted = remotes.filter((tier) => mayLeave(egress, request, tier.id));
  if (permitted.length === 0) return { usable: [], limit: 'rule-local-only' };
  const open = permitted.filter((tier) => (input.findBarrier?.(tier.id) ?? null) === null);
  const barrier = input.findBarrier?.(permitted[0]?.id ?? '') ?? null;
  if (open.length === 0) return { usable: [], limit: barrier ?? 'remote-unavailable' };
  return { usable: open.filter((tier) => isAvailable(tier.id)), limit: 'remote-unavailable' };
}

/** The app keeps its own calls; nothing of ours may stand in for them. */
function planWatching(turn: TurnSurvey): EmptyPlan {
  return planNothing(turn, {
    reason: 'mode-observe',
    code: 'refused',
    message:
      'The mode is observe: Edgewise answers nothing and only watches. Pass the answers of your own calls to observe(), or choose another mode.',
  });
}

/** Typing never calls the cloud by itself: what is not sure enough is simply not offered. */
function planCompletion(mode: Mode, turn: TurnSurvey): Plan {
  if (mode === 'only-in-cloud') {
    return planNothing(turn, {
      reason: 'mode-only-in-cloud',
      code: 'refused',
      message:
        'Completion while typing never calls the cloud, and the mode is only-in-cloud. Choose another mode to get suggestions.',
    });
  }
  if (turn.device === null) return planNoDevice('device-unavailable', turn);
  const { device, rule } = turn;
  return { start: 'device', device, above: null, rule, onLow: { action: 'refuse' }, opening: null };
}

function planDeviceOnly(turn: TurnSurvey): Plan {
  if (turn.device === null) return planNoDevice('mode-only-on-device', turn);
  return planDeviceAlone(turn, turn.device, 'mode-only-on-device');
}

function planDeviceAlone({ rule }: TurnSurvey, device: string, reason: ReasonCode): DevicePlan {
  return {
    start: 'device',
    device,
    above: null,
    rule,
    onLow: { action: 'accept', reason },
    opening: decideEarly({ action: 'accept', reason, tier: device, threshold: rule.threshold }),
  };
}

function planCloudOnly(turn: TurnSurvey): Plan {
  const { remote, rule, limit } = turn;
  if (remote === null && limit === 'rule-local-only') return planForbidden(turn);
  if (remote === null) {
    return planNothing(turn, {
      reason: limit === 'offline' || limit === 'cap-reached' ? limit : 'mode-only-in-cloud',
      code: 'no-tier',
      message:
        'The mode is only-in-cloud and no endpoint can be used. Pass remote: { baseUrl } to createRuntime, or choose another mode.',
    });
  }
  const opening = openRemote('mode-only-in-cloud', turn, remote);
  return { start: 'remote', remote, fallback: null, rule, opening };
}

function planWithoutCloud(turn: TurnSurvey): Plan {
  if (turn.device !== null) return planDeviceAlone(turn, turn.device, turn.limit);
  return turn.limit === 'rule-local-only' ? planForbidden(turn) : planNoDevice(turn.limit, turn);
}

function planLadder(input: PlanInput, turn: TurnSurvey, remote: string): Plan {
  const { device, rule } = turn;
  const reason = skipReason(input.mode, turn);
  if (device !== null && reason === null) {
    const onLow = { action: 'escalate' } as const;
    return { start: 'device', device, above: remote, rule, onLow, opening: null };
  }
  const fallback = turn.isDeviceAvailable ? device : null;
  const opening = openRemote(reason ?? 'highest-tier', turn, remote);
  return { start: 'remote', remote, fallback, rule, opening };
}

/** Why the device is not asked first; `null` when it is. */
function skipReason(mode: Mode, turn: TurnSurvey): ReasonCode | null {
  if (mode === 'prefer-in-cloud') return 'mode-prefer-in-cloud';
  if (turn.startsAbove) return 'starts-at-frontier';
  if (turn.rule.signal === 'none') return 'no-usable-signal';
  if (!turn.isDeviceAvailable) return 'device-unavailable';
  return turn.isDeviceStrained ? 'device-strained' : null;
}

/** Without a device nothing was skipped: the remote is simply the highest there is. */
function openRemote(reason: ReasonCode, turn: TurnSurvey, remote: string): Decision {
  const { device, rule } = turn;
  if (device === null) {
    return decideEarly({ action: 'accept', reason: 'highest-tier', tier: remote, threshold: null });
  }
  return decideEarly({ action: 'escalate', reason, tier: device, threshold: rule.threshold });
}

function planForbidden(turn: TurnSurvey): EmptyPlan {
  return planNothing(turn, {
    reason: 'rule-local-only',
    code: 'egress-forbidden',
    message:
      'A rule keeps this text on the device, and the device may not or cannot answer. Change the mode or the egress rule.',
  });
}

function planNoDevice(reason: ReasonCode, turn: TurnSurvey): EmptyPlan {
  return planNothing(turn, {
    reason,
    code: 'no-tier',
    message:
      'No tier on the device can answer. Configure a model, or choose a mode that allows the cloud.',
  });
}

function planNothing(
  { device, rule }: TurnSurvey,
  { reason, code, message }: Pick<EmptyPlan, 'code' | 'message'> & { readonly reason: ReasonCode },
): EmptyPlan {
  const tier = device ?? ON_DEVICE;
  const opening = decideEarly({ action: 'refuse', reason, tier, threshold: rule.threshold });
  return { start: 'nowhere', opening, code, message };
}
