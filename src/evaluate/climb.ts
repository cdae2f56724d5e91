import { applyMap, chooseMap, fitMap } from '../cascade/calibration-map.ts';
import type { GainEstimate } from '../cascade/gain.ts';
import { countLabels, readTopic } from '../cascade/gain-table.ts';
import type { OutcomeTier } from '../cascade/outcome.ts';
import { weigh, type AskOption } from '../cascade/weigh.ts';
import { assignFolds, type Random } from './draws.ts';

/** One request with the answer of every rung, lowest first. */
export interface RungRequest {
  readonly topic: string;
  readonly tiers: readonly OutcomeTier[];
}

/** Where a climb ended. */
export interface ClimbResult {
  /** Place of the rung whose answer was kept. */
  readonly rung: number;
  readonly isRight: boolean;
  /** Of all rungs asked, US dollars. */
  readonly costUsd: number;
}

/** A policy over some of the rungs. */
export interface Climb {
  run(request: RungRequest): ClimbResult;
}

export interface FitClimbOptions {
  /** Places of the rungs that may be used, ascending; the first always answers. */
  readonly ladder: readonly [number, ...number[]];
  readonly rightAnswerUsd: number;
  readonly confidences: readonly Confidence[];
}

/** Calibrated probability that a rung's answer is right; `null` = unknown. */
export type Confidence = (tier: OutcomeTier) => number | null;

const FOLDS = 5;
const FEWEST_SCORES = 20;

/** The confidence of each rung, calibrated on labels. */
export function fitConfidences(labels: readonly RungRequest[], random: Random): Confidence[] {
  const rungs = labels[0]?.tiers.length ?? 0;
  return Array.from({ length: rungs }, (_, rung) => {
    const answers = labels.flatMap(({ tiers }) => {
      const { score = null, correct } = tiers[rung] ?? { correct: false };
      return score === null || !Number.isFinite(score) ? [] : [{ score, isCorrect: correct }];
    });
    if (answers.length < FEWEST_SCORES) return () => null;
    const { kind } = chooseMap(answers, assignFolds(answers.length, FOLDS, random));
    const map = fitMap(kind, answers);
    return remember(({ score = null }: OutcomeTier) => applyMap(map, score));
  });
}

/** The same few thousand answers are looked at by every policy of a draw. */
function remember<Key extends object, Value>(read: (key: Key) => Value): (key: Key) => Value {
  const known = new Map<Key, Value>();
  return (key) => {
    const value = known.get(key);
    if (value !== undefined) return value;
    const fresh = read(key);
    known.set(key, fresh);
    return fresh;
  };
}

/**
 * Fits a policy on labels, from the highest rung down: what asking a rung wins is measured with what
 * follows it, and so is what it costs. Each step is the one that `decide` takes (`weigh`).
 */
export function fitClimb(labels: readonly RungRequest[], options: FitClimbOptions): Climb {
  const steps = new Map<number, readonly Step[]>();
  const climbFrom = (start: number, request: RungRequest): ClimbResult =>
    walk({ start, request, steps, options });
  for (const rung of options.ladder.toReversed()) {
    const above = options.ladder.filter((each) => each > rung);
    steps.set(
      rung,
      above.map((to) => fitStep(labels, { rung, to, climbFrom })),
    );
  }
  return { run: (request) => climbFrom(options.ladder[0], request) };
}

/** What asking `to` wins and costs, with all that follows. */
interface Step {
  readonly to: number;
  readonly estimate: (topic: string) => GainEstimate;
  /** Share of labels on which the rung below is right. */
  readonly rightBelow: number;
  /** Mean cost where the rung below is right, and where it is wrong. */
  readonly costUsd: { readonly ifRight: number; readonly ifWrong: number };
}

function fitStep(
  labels: readonly RungRequest[],
  {
    rung,
    to,
    climbFrom,
  }: {
    readonly rung: number;
    readonly to: number;
    readonly climbFrom: (start: number, request: RungRequest) => ClimbResult;
  },
): Step {
  const results = labels.map((request) => {
    const isBelowRight = request.tiers[rung]?.correct ?? false;
    return { ...climbFrom(to, request), topic: request.topic, isBelowRight };
  });
  const table = countLabels(
    results.map(({ topic, isBelowRight, isRight }) => ({
      topic,
      isBelowRight,
      isAboveRight: isRight,
    })),
  );
  const meanCost = (isBelowRight: boolean): number => {
    const some = results.filter((result) => result.isBelowRight === isBelowRight);
    const all = some.length > 0 ? some : results;
    return all.reduce((sum, { costUsd }) => sum + costUsd, 0) / Math.max(1, all.length);
  };
  const { labels: count, wrong } = table.total;
  const known = new Map<string, GainEstimate>();
  return {
    to,
    estimate(topic) {
      const estimate = known.get(topic) ?? { ...readTopic(table, topic), labels: count };
      known.set(topic, estimate);
      return estimate;
    },
    rightBelow: 1 - wrong / Math.max(1, count),
    costUsd: { ifRight: meanCost(true), ifWrong: meanCost(false) },
  };
}

function walk({
  start,
  request,
  steps,
  options,
}: {
  readonly start: number;
  readonly request: RungRequest;
  readonly steps: ReadonlyMap<number, readonly Step[]>;
  readonly options: FitClimbOptions;
}): ClimbResult {
  let rung = start;
  let costUsd = request.tiers[start]?.cost ?? 0;
  for (;;) {
    const next = chooseStep(rung, { request, steps: steps.get(rung) ?? [], options });
    const isRight = request.tiers[rung]?.correct ?? false;
    if (next === null) return { rung, isRight, costUsd };
    rung = next;
    costUsd += request.tiers[rung]?.cost ?? 0;
  }
}

/** The rung to ask instead of this one; `null`: its answer is kept. */
function chooseStep(
  rung: number,
  {
    request,
    steps,
    options,
  }: {
    readonly request: RungRequest;
    readonly steps: readonly Step[];
    readonly options: FitClimbOptions;
  },
): number | null {
  const tier = request.tiers[rung];
  if (tier === undefined || steps.length === 0) return null;
  const confidence = options.confidences[rung]?.(tier) ?? null;
  const asked = steps.map((step) => toOption(step, { request, confidence, options }));
  const [first, ...others] = asked;
  if (first === undefined) return null;
  const known = { score: confidence, threshold: null, isCertified: false, confidence };
  const { keeps, tier: chosen } = weigh({ ...known, options: [first, ...others] });
  return keeps ? null : Number(chosen);
}

function toOption(
  { to, estimate, rightBelow, costUsd }: Step,
  {
    request,
    confidence,
    options,
  }: {
    readonly request: RungRequest;
    readonly confidence: number | null;
    readonly options: FitClimbOptions;
  },
): AskOption {
  const right = confidence ?? rightBelow;
  const moneyUsd = right * costUsd.ifRight + (1 - right) * costUsd.ifWrong;
  // Money alone is priced here, millions of times.
  const price = { usd: moneyUsd, answers: moneyUsd / options.rightAnswerUsd, isComplete: true };
  return { tier: String(to), price, gain: estimate(request.topic) };
}
