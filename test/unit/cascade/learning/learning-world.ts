import {
  createLearningLoop,
  type LearningLoop,
} from '../../../../src/cascade/learning/learning-loop.ts';
import type { Observation } from '../../../../src/cascade/learning/observation.ts';
import type { LearningSettings } from '../../../../src/cascade/learning/settings.ts';
import { type LearningChange, startLearning } from '../../../../src/cascade/learning/state.ts';
import { createRandom } from '../../../../src/evaluate/draws.ts';

export const OPTED_IN: Partial<LearningSettings> = { shadowRate: 0.1, maxShadowUsdPerDay: null };

/** Rows whose loss rate is `height` × (1 − score): 1,000 of them, from the surest down. */
function certificateRows(height: number): { score: number; isLoss: boolean }[] {
  const random = createRandom(99);
  return Array.from({ length: 1_000 }, (_, index) => {
    const score = 1 - index / 1_000;
    return { score, isLoss: random() < height * (1 - score) };
  });
}

export interface World {
  readonly loop: LearningLoop;
  readonly changes: LearningChange[];
  /** Sends requests through the loop. */
  run(requests: number, options?: Partial<Course>): void;
}

export interface Course {
  readonly height: number;
  /** Loss rate at a score; default: `height` × (1 − score). */
  lossRate(score: number): number;
  /** What the judge says of an answer that is right or not; default: the truth. */
  judge(isRight: boolean): boolean;
}

export const honest = (isRight: boolean): boolean => isRight;

export function createWorld(settings: Partial<LearningSettings> = OPTED_IN, seed = 1): World {
  const random = createRandom(seed);
  let nowMs = 0;
  const changes: LearningChange[] = [];
  const state = startLearning({
    key: 'model/classify',
    source: 'here',
    labels: certificateRows(0.1),
    settings,
    nowMs,
  });
  const loop = createLearningLoop({
    state,
    now: () => nowMs,
    random,
    onChange: (change) => changes.push(change),
  });
  return {
    loop,
    changes,
    run(requests, { height = 0.1, judge = honest, lossRate } = {}) {
      for (let index = 0; index < requests; index += 1) {
        nowMs += 1_000;
        const score = random();
        const isLoss = random() < (lossRate?.(score) ?? height * (1 - score));
        loop.observe(observe(loop, { score, isLoss, judge }));
      }
    },
  };
}

export function observe(
  loop: LearningLoop,
  { score, isLoss, judge }: { score: number; isLoss: boolean; judge: Course['judge'] },
): Observation {
  const isKept = loop.threshold !== null && score >= loop.threshold;
  const plan = loop.plan({
    isKept,
    mode: 'prefer-on-device',
    mayLeave: true,
    checkCostUsd: 0.001,
  });
  const isLabelled = plan.kind === 'check' || plan.kind === 'free';
  return {
    score,
    isKept,
    plan,
    isLoss: isLabelled ? !judge(!isLoss) : null,
    isCanaryPassed: plan.kind === 'canary' ? judge(false) : null,
  };
}
