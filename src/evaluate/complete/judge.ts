import { applyMap, fitMap } from '../../cascade/calibration-map.ts';
import type { ChosenCompletion } from '../../cascade/choose-completion.ts';
import { shuffled, type Random } from '../draws.ts';
import { fitChooser, type Chooser, type SourceOffers } from './sources.ts';
import { replayTyping, sumTyping, type Typing } from './typing.ts';
import type { WritingTurn } from './turns.ts';

export interface JudgedWriting {
  /** One per turn, each written with a threshold and maps that the turn had no part in. */
  readonly typings: readonly Typing[];
  /** Confidence of every ghost shown anew, and whether it was right. */
  readonly shown: readonly { readonly score: number; readonly isCorrect: boolean }[];
  /** Of the two halves. */
  readonly thresholds: readonly number[];
}

/** Confidences that may become the threshold: from certain to a coin's toss and below. */
const THRESHOLDS = Array.from({ length: 80 }, (_, step) => (99 - step) / 100);

/**
 * Splits the turns in two at random; the threshold and the maps for each half come from the other
 * half: the threshold that saves most keys with at most `flashBudget` new wrong ghosts per 100 keys.
 */
export function judgeWriting(
  turns: readonly WritingTurn[],
  sources: readonly SourceOffers[],
  { flashBudget, random }: { readonly flashBudget: number; readonly random: Random },
): JudgedWriting {
  const order = shuffled([...turns.keys()], random);
  const half = Math.ceil(order.length / 2);
  const halves = [order.slice(0, half), order.slice(half)] as const;
  const typings: Typing[] = Array.from({ length: turns.length });
  const shown: { score: number; isCorrect: boolean }[] = [];
  const thresholds = halves.map((judged, index) => {
    const training = halves[1 - index] ?? [];
    const choose = fitChooser(turns, sources, training);
    const threshold = fitThreshold(turns, choose, { training, flashBudget });
    const seen: Shown[] = [];
    for (const turn of judged)
      typings[turn] = write(turns, choose, { turn, threshold, shown: seen });
    shown.push(...recalibrated(turns, choose, { training, threshold, seen }));
    return threshold;
  });
  return { typings, shown, thresholds };
}

/**
 * The sources' maps are of every caret position, at which a right ghost counts many times that a
 * writer takes at once. What a shown ghost is worth is fitted on those that the other half was shown.
 */
function recalibrated(
  turns: readonly WritingTurn[],
  choose: Chooser,
  { training, threshold, seen }: { training: readonly number[]; threshold: number; seen: Shown[] },
): Shown[] {
  const shown: Shown[] = [];
  for (const turn of training) write(turns, choose, { turn, threshold, shown });
  if (shown.length === 0) return seen;
  const map = fitMap('logistic', shown);
  return seen.map(({ score, isCorrect }) => ({ score: applyMap(map, score) ?? score, isCorrect }));
}

/** The strictest threshold stands where no other keeps the budget. */
function fitThreshold(
  turns: readonly WritingTurn[],
  choose: Chooser,
  { training, flashBudget }: { readonly training: readonly number[]; readonly flashBudget: number },
): number {
  let best = { threshold: 1, saved: 0 };
  for (const threshold of THRESHOLDS) {
    const typings = training.map((turn) => write(turns, choose, { turn, threshold, shown: [] }));
    const { keystrokesSaved, flashesPer100Keys } = sumTyping(typings);
    if (flashesPer100Keys <= flashBudget && keystrokesSaved > best.saved) {
      best = { threshold, saved: keystrokesSaved };
    }
  }
  return best.threshold;
}

function write(
  turns: readonly WritingTurn[],
  choose: Chooser,
  { turn, threshold, shown }: { turn: number; threshold: number; shown: Shown[] },
): Typing {
  const text = turns[turn]?.text ?? '';
  const offered = new Map<number, ChosenCompletion | null>();
  return replayTyping(
    text,
    (position) => {
      const chosen = choose(turn, position, threshold);
      offered.set(position, chosen);
      return chosen?.text ?? null;
    },
    (position, isCorrect) => {
      const chosen = offered.get(position);
      if (chosen) shown.push({ score: chosen.confidence, isCorrect });
    },
  );
}

type Shown = { score: number; isCorrect: boolean };
