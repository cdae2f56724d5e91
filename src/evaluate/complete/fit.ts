import { applyMap, fitMap, type CalibrationMap } from '../../cascade/calibration-map.ts';
import type { CompletionCalibrationEntry } from '../../completion/completion-calibration.ts';
import type { ChosenCompletion } from '../../completion/choose-completion.ts';
import {
  chooserWith,
  fitChooser,
  type Chooser,
  type SourceMaps,
  type SourceOffers,
} from './sources.ts';
import { replayTyping, sumTyping, type Typing } from './typing.ts';
import type { WritingTurn } from './turns.ts';

/** A ghost that was new to the writer. */
export interface ShownGhost {
  readonly score: number;
  readonly isCorrect: boolean;
}

/** When to show what, learnt from some turns. */
export interface FittedWriting {
  readonly maps: SourceMaps;
  readonly threshold: number;
  /** From the surest source's probability to how often a shown ghost was right; `null` = none was shown. */
  readonly shownMap: CalibrationMap | null;
  /** Ghosts and caret positions it was fitted on. */
  readonly samples: number;
  /** Writes another turn with it; ghosts go to `shown` with the confidence that a person is told. */
  write(turn: number, shown: ShownGhost[]): Typing;
}

export interface FitOptions {
  readonly training: readonly number[];
  /** Most new wrong ghosts per 100 keys. */
  readonly flashBudget: number;
}

/** Confidences that may become the threshold: from certain to a coin's toss and below. */
const THRESHOLDS = Array.from({ length: 80 }, (_, step) => (99 - step) / 100);

/** For a source that is left out: nothing it offers passes a threshold. */
const NEVER_RIGHT: CalibrationMap = {
  kind: 'logistic',
  transform: 'logit',
  intercept: -30,
  weight: 0,
  lowest: 0,
  highest: 1,
};

/**
 * Fits maps, the threshold that saves most keys within the flash budget, and what shown ghosts are
 * worth, all on the `training` turns. Of several sources one alone is used where that saved more there:
 * a memory of a few messages was measured to cost keys.
 */
export function fitWriting(
  turns: readonly WritingTurn[],
  sources: readonly SourceOffers[],
  options: FitOptions,
): FittedWriting {
  const subsets = sources.length < 2 ? [sources] : [sources, ...sources.map((source) => [source])];
  const fits = subsets.map((subset) => fitMaps(turns, subset, options));
  const [best] = fits.toSorted((a, b) => b.saved - a.saved);
  if (best === undefined) throw new RangeError('fitWriting needs at least one source.');
  const left = sources.filter(({ id }) => best.maps[id] === undefined);
  const maps = { ...best.maps, ...Object.fromEntries(left.map(({ id }) => [id, NEVER_RIGHT])) };
  const choose = chooserWith(sources, maps);
  const { threshold } = best;
  const seen: ShownGhost[] = [];
  for (const turn of options.training) write(turns, choose, { turn, threshold, shown: seen });
  // The sources' maps are of every caret position, at which a right ghost counts many times that a
  // writer takes at once; what a shown ghost is worth is fitted on those that were shown.
  const shownMap = seen.length === 0 ? null : fitMap('logistic', seen);
  return withWriter(turns, choose, { maps, threshold, shownMap, samples: seen.length });
}

interface FittedMaps {
  readonly maps: SourceMaps;
  readonly threshold: number;
  /** On the training turns, 0 to 1. */
  readonly saved: number;
}

function fitMaps(
  turns: readonly WritingTurn[],
  sources: readonly SourceOffers[],
  options: FitOptions,
): FittedMaps {
  const { choose, maps } = fitChooser(turns, sources, options.training);
  return { maps, ...fitThreshold(turns, choose, options) };
}

/** When to show what, as a calibration says that was fitted elsewhere. */
export function calibratedWriting(
  turns: readonly WritingTurn[],
  sources: readonly SourceOffers[],
  { maps, threshold, shown, samples }: CompletionCalibrationEntry,
): FittedWriting {
  const choose = chooserWith(sources, maps);
  return withWriter(turns, choose, { maps, threshold, shownMap: shown, samples });
}

function withWriter(
  turns: readonly WritingTurn[],
  choose: Chooser,
  facts: Omit<FittedWriting, 'write'>,
): FittedWriting {
  const { threshold, shownMap } = facts;
  return {
    ...facts,
    write(turn, shown) {
      const ghosts: ShownGhost[] = [];
      const typing = write(turns, choose, { turn, threshold, shown: ghosts });
      shown.push(...ghosts.map((ghost) => ({ ...ghost, score: worth(shownMap, ghost.score) })));
      return typing;
    },
  };
}

function worth(map: CalibrationMap | null, score: number): number {
  return map === null ? score : (applyMap(map, score) ?? score);
}

/** The strictest threshold stands where no other keeps the budget. */
function fitThreshold(
  turns: readonly WritingTurn[],
  choose: Chooser,
  { training, flashBudget }: FitOptions,
): { readonly threshold: number; readonly saved: number } {
  let best = { threshold: 1, saved: 0 };
  for (const threshold of THRESHOLDS) {
    const typings = training.map((turn) => write(turns, choose, { turn, threshold, shown: [] }));
    const { keystrokesSaved, flashesPer100Keys } = sumTyping(typings);
    if (flashesPer100Keys <= flashBudget && keystrokesSaved > best.saved) {
      best = { threshold, saved: keystrokesSaved };
    }
  }
  return best;
}

function write(
  turns: readonly WritingTurn[],
  choose: Chooser,
  { turn, threshold, shown }: { turn: number; threshold: number; shown: ShownGhost[] },
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
