import { createLearningLoop, type LearningLoop } from '../cascade/learning/learning-loop.ts';
import { startLearning } from '../cascade/learning/state.ts';
import { isLoss, type Outcome } from '../cascade/outcome.ts';
import type { Random } from './draws.ts';

/** Who looks at the checks: the labels themselves, or a judge that lies in a known way. */
export type ReplayJudge = 'honest' | 'always-yes' | 'always-no' | 'random';

export interface ReplayOptions {
  /** Labelled requests of the certificate. */
  readonly labels: readonly Outcome[];
  readonly stream: readonly Outcome[];
  readonly alpha: number;
  readonly delta: number;
  readonly shadowRate: number;
  readonly windowRequests: number;
  readonly judge: ReplayJudge;
  /** Baseline: the certificate's threshold, never moved. */
  readonly isFrozen: boolean;
  readonly random: Random;
}

export interface ReplayTrace {
  /** Of each request: 1 = yes. */
  readonly kept: Uint8Array;
  readonly lost: Uint8Array;
  /** The threshold each request met; `Infinity` keeps nothing. */
  readonly thresholds: Float64Array;
  readonly checks: number;
  /** Positions at which an alarm or threatening losses tightened it. */
  readonly alarms: readonly number[];
  readonly loosenings: number;
}

/** Without times in the file requests come a second apart. */
const REQUEST_INTERVAL_MS = 1_000;

/** Runs one stream through a loop as an app would: decide, check some, tell what came out. */
export function replayLoop(options: ReplayOptions): ReplayTrace {
  const { stream, random, isFrozen } = options;
  const requests = stream.filter(({ canary }) => canary !== true);
  const verdicts = stream
    .filter(({ canary }) => canary === true)
    .map(({ judge }) => judge === true);
  const alarms: number[] = [];
  let [position, loosenings, checks] = [0, 0, 0];
  const loop = startLoop(
    options,
    () => requests[position]?.timeMs ?? position * REQUEST_INTERVAL_MS,
  );
  if (isFrozen) loop.freeze();
  const trace = {
    kept: new Uint8Array(requests.length),
    lost: new Uint8Array(requests.length),
    thresholds: new Float64Array(requests.length),
  };
  for (; position < requests.length; position += 1) {
    const outcome = requests[position] as Outcome;
    const threshold = loop.threshold ?? Infinity;
    const isKept = (outcome.score ?? -Infinity) >= threshold;
    trace.thresholds[position] = threshold;
    trace.kept[position] = Number(isKept);
    trace.lost[position] = Number(isKept && isLoss(outcome));
    const step = tell(loop, { outcome, isKept, judge: options.judge, random, verdicts });
    checks += step.checks;
    loosenings += step.loosenings;
    if (step.isAlarm) alarms.push(position);
  }
  return { ...trace, checks, alarms, loosenings };
}

function startLoop(options: ReplayOptions, now: () => number): LearningLoop {
  const { alpha, delta, shadowRate, windowRequests, labels, random } = options;
  const state = startLearning({
    key: 'replay',
    source: 'replay',
    labels: labels.map((outcome) => ({ score: outcome.score ?? null, isLoss: isLoss(outcome) })),
    settings: { alpha, delta, shadowRate, windowRequests, maxShadowUsdPerDay: null },
    nowMs: now(),
  });
  return createLearningLoop({ state, now, random });
}

interface Told {
  readonly outcome: Outcome;
  readonly isKept: boolean;
  readonly judge: ReplayJudge;
  readonly random: Random;
  /** What the file's own judge said to canaries. */
  readonly verdicts: readonly boolean[];
}

function tell(loop: LearningLoop, { outcome, isKept, judge, random, verdicts }: Told) {
  const checkCostUsd = outcome.cloudCost ?? null;
  const plan = loop.plan({ isKept, mode: 'prefer-on-device', mayLeave: true, checkCostUsd });
  const isLabelled = plan.kind === 'check' || plan.kind === 'free';
  const passes = { judge, random };
  const fileSays = outcome.judge === undefined || outcome.judge === null ? null : !outcome.judge;
  const canaryPassed = verdicts[Math.floor(random() * verdicts.length)] ?? false;
  const changes = loop.observe({
    score: outcome.score ?? null,
    isKept,
    plan,
    isLoss: isLabelled ? !verdict(passes, !(fileSays ?? isLoss(outcome))) : null,
    isCanaryPassed: plan.kind === 'canary' ? verdict(passes, canaryPassed) : null,
    ...costOf(outcome, isKept),
  });
  return {
    checks: Number(plan.kind === 'check' || plan.kind === 'canary'),
    loosenings: changes.filter(({ kind }) => kind === 'loosen').length,
    isAlarm: changes.some(({ reason }) => reason === 'drift' || reason === 'loss-evidence'),
  };
}

/** Whether the judge passes an answer that an honest one would pass or not. */
function verdict({ judge, random }: Pick<Told, 'judge' | 'random'>, honest: boolean): boolean {
  if (judge === 'always-yes') return true;
  if (judge === 'always-no') return false;
  return judge === 'random' ? random() < 0.5 : honest;
}

function costOf(outcome: Outcome, isKept: boolean): { costUsd?: number } {
  const costUsd = isKept ? outcome.deviceCost : outcome.cloudCost;
  return costUsd === undefined ? {} : { costUsd };
}
