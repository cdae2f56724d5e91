import type { CompletionCalibrationEntry } from '../../completion/completion-calibration.ts';
import { shuffled, type Random } from '../draws.ts';
import { calibratedWriting, fitWriting, type ShownGhost } from './fit.ts';
import type { SourceOffers } from './sources.ts';
import type { Typing } from './typing.ts';
import type { WritingTurn } from './turns.ts';

export interface JudgedWriting {
  /** One per turn, each written with a threshold and maps that the turn had no part in. */
  readonly typings: readonly Typing[];
  /** Confidence of every ghost shown anew, and whether it was right. */
  readonly shown: readonly ShownGhost[];
  /** Of the two halves. */
  readonly thresholds: readonly number[];
}

/**
 * Splits the turns in two at random; the threshold and the maps for each half come from the other
 * half.
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
  const shown: ShownGhost[] = [];
  const thresholds = halves.map((judged, index) => {
    const training = halves[1 - index] ?? [];
    const fitted = fitWriting(turns, sources, { training, flashBudget });
    for (const turn of judged) typings[turn] = fitted.write(turn, shown);
    return fitted.threshold;
  });
  return { typings, shown, thresholds };
}

/** Writes every turn with a calibration that was fitted on others. */
export function judgeCalibrated(
  turns: readonly WritingTurn[],
  sources: readonly SourceOffers[],
  entry: CompletionCalibrationEntry,
): JudgedWriting {
  const fitted = calibratedWriting(turns, sources, entry);
  const shown: ShownGhost[] = [];
  const typings = turns.map((_, turn) => fitted.write(turn, shown));
  return { typings, shown, thresholds: [entry.threshold] };
}
