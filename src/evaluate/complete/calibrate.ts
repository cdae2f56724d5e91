import { historyBucket } from '../../cascade/calibration.ts';
import type {
  CompletionCalibration,
  CompletionCalibrationEntry,
} from '../../completion/completion-calibration.ts';
import { DataError } from '../../errors.ts';
import { fitWriting } from './fit.ts';
import type { SourceOffers } from './sources.ts';
import type { WritingTurn } from './turns.ts';

export interface CalibrateCompletionOptions {
  readonly turns: readonly WritingTurn[];
  readonly sources: readonly SourceOffers[];
  readonly flashBudget: number;
  /** Messages in the word memory. */
  readonly messages: number;
}

/**
 * Maps and threshold from all turns, for a page to use. What they are worth is measured on other
 * turns.
 *
 * @throws DataError `too-few-rows` when nothing was shown within the budget.
 */
export function calibrateCompletion({
  turns,
  sources,
  flashBudget,
  messages,
}: CalibrateCompletionOptions): CompletionCalibrationEntry {
  const training = [...turns.keys()];
  const { maps, threshold, shownMap, samples } = fitWriting(turns, sources, {
    training,
    flashBudget,
  });
  if (shownMap === null) {
    throw new DataError(
      'too-few-rows',
      'No ghost could be shown within the budget of wrong ones: give more turns.',
    );
  }
  return { history: historyBucket(messages), maps, threshold, shown: shownMap, samples };
}

/** The calibration with this entry in it, in place of one for the same sources and history. */
export function withEntry(
  calibration: CompletionCalibration,
  entry: CompletionCalibrationEntry,
): CompletionCalibration {
  const others = calibration.entries.filter((other) => !isSamePlace(other, entry));
  return { ...calibration, entries: [...others, entry] };
}

function isSamePlace(a: CompletionCalibrationEntry, b: CompletionCalibrationEntry): boolean {
  const sourcesOf = ({ maps }: CompletionCalibrationEntry): string =>
    Object.keys(maps).toSorted().join(' ');
  return a.history === b.history && sourcesOf(a) === sourcesOf(b);
}
