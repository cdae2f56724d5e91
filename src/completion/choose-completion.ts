import { applyMap, type CalibrationMap } from '../cascade/calibration-map.ts';
import type { Completion } from './completion.ts';

/** What one source would complete, and what its products are worth. */
export interface CompletionSource {
  readonly id: string;
  /** Longest first, as `listCompletions` gives them. */
  readonly completions: readonly Completion[];
  /** From a product to the probability that the text is right; `null` takes the product as it is. */
  readonly map: CalibrationMap | null;
}

export interface ChosenCompletion {
  readonly source: string;
  readonly text: string;
  /** Probability that the whole text is right, by the source's own map. */
  readonly confidence: number;
}

/**
 * Each source offers its longest completion at or above the threshold; the surest offer wins, and of
 * equals the earlier source. Products of different sources mean different things (a word memory's 0.8
 * after 100 messages is not a model's 0.8), so they are compared only after calibration: uncalibrated,
 * two sources were measured to save less than the better one alone.
 */
export function chooseCompletion(
  sources: readonly CompletionSource[],
  threshold: number,
): ChosenCompletion | null {
  let chosen: ChosenCompletion | null = null;
  for (const source of sources) {
    const offer = longestSure(source, threshold);
    if (offer !== null && (chosen === null || offer.confidence > chosen.confidence)) chosen = offer;
  }
  return chosen;
}

function longestSure(
  { id, completions, map }: CompletionSource,
  threshold: number,
): ChosenCompletion | null {
  for (const { text, product } of completions) {
    const confidence = map === null ? product : applyMap(map, product);
    if (confidence !== null && confidence >= threshold) return { source: id, text, confidence };
  }
  return null;
}
