import { applyMap, chooseMap, fitMap } from '../cascade/calibration-map.ts';
import { fitGain } from '../cascade/fit-gain.ts';
import { expectedGain, type GainItem } from '../cascade/gain.ts';
import type { WordReader } from '../cascade/gain-text.ts';
import { assignFolds, type Random } from './draws.ts';

/** A request of which both answers are known. */
export interface LabelledRequest extends GainItem {
  readonly score: number | null;
  readonly isBelowRight: boolean;
  readonly isAboveRight: boolean;
}

/** Says what asking is expected to win, learnt from labels. */
export interface Router {
  /** `labels`: topic, words and numbers; `confidence`: P(wrong) × gain given wrong. */
  readonly kind: 'labels' | 'confidence';
  predict(request: Omit<LabelledRequest, 'isBelowRight' | 'isAboveRight'>): number;
}

export interface FitRouterOptions {
  readonly random: Random;
  readonly readWords: WordReader;
}

const FOLDS = 5;

/**
 * A router from labels. Where requests carry a score there are two ways to use it (calibrated, with
 * the topic's gain given wrong; or as one more number beside words): the one with the smaller squared
 * error is taken, judged by 5-fold cross-validation on these labels.
 */
export function fitRouter(labels: readonly LabelledRequest[], options: FitRouterOptions): Router {
  if (!labels.some(({ score }) => score !== null)) return fitKind('labels', labels, options);
  const folds = assignFolds(labels.length, FOLDS, options.random);
  const errorOf = (kind: Router['kind']): number => {
    let error = 0;
    for (let fold = 0; fold < FOLDS; fold += 1) {
      const router = fitKind(
        kind,
        labels.filter((_, index) => folds[index] !== fold),
        options,
      );
      for (const [index, label] of labels.entries()) {
        if (folds[index] === fold) error += (router.predict(label) - gainOf(label)) ** 2;
      }
    }
    return error;
  };
  const kind = errorOf('confidence') <= errorOf('labels') ? 'confidence' : 'labels';
  return fitKind(kind, labels, options);
}

/** What asking changed: 1 = rescued, −1 = spoilt. */
export function gainOf({
  isBelowRight,
  isAboveRight,
}: Pick<LabelledRequest, 'isBelowRight' | 'isAboveRight'>): number {
  return Number(isAboveRight) - Number(isBelowRight);
}

function fitKind(
  kind: Router['kind'],
  labels: readonly LabelledRequest[],
  { random, readWords }: FitRouterOptions,
): Router {
  if (kind === 'labels') {
    const model = fitGain(labels.map(withScore), { readWords });
    return { kind, predict: (request) => model.estimate(withScore(request)).gain };
  }
  // Beside a confidence only the topic's rescue and harm count, so that no words need to be learnt.
  const topics = labels.map(({ topic, isBelowRight, isAboveRight }) => ({
    topic,
    isBelowRight,
    isAboveRight,
  }));
  const model = fitGain(topics, { readWords });
  const calibrate = fitConfidence(labels, random);
  return {
    kind,
    predict: ({ topic, score }) => expectedGain(model.estimate({ topic }), calibrate(score)) ?? 0,
  };
}

/** The score as one more number; unknown stays unknown. */
function withScore<Item extends GainItem & { readonly score: number | null }>(item: Item): Item {
  return item.score === null
    ? item
    : { ...item, features: { ...item.features, score: item.score } };
}

function fitConfidence(
  labels: readonly LabelledRequest[],
  random: Random,
): (score: number | null) => number | null {
  const answers = labels.flatMap(({ score, isBelowRight }) =>
    score === null || !Number.isFinite(score) ? [] : [{ score, isCorrect: isBelowRight }],
  );
  if (answers.length < FOLDS) return () => null;
  const { kind } = chooseMap(answers, assignFolds(answers.length, FOLDS, random));
  const map = fitMap(kind, answers);
  return (score) => applyMap(map, score);
}
