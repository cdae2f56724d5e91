import type { Confidence } from '../types.ts';
import { applyMap } from '../cascade/calibration-map.ts';
import { chooseCompletion, type CompletionSource } from './choose-completion.ts';
import { leastProduct, type CompletionCalibrationEntry } from './completion-calibration.ts';
import { listCompletions, pickCompletion, type CompletionPiece } from './completion.ts';

/** What one source would write next. */
export interface Continuation {
  readonly pieces: readonly CompletionPiece[];
  /** Whether the text ends after the last piece. */
  readonly isEnded: boolean;
}

/** How the sources that are there now are judged. */
export type OfferRule =
  | {
      readonly type: 'calibrated';
      readonly entry: CompletionCalibrationEntry;
      readonly calibrationId: string;
    }
  /** One source, its product as it is. */
  | { readonly type: 'product'; readonly threshold: number; readonly calibrationId: string };

export interface OfferInput {
  readonly before: string;
  readonly after: string;
  /** `null` = this source is not there. */
  readonly model: Continuation | null;
  readonly memory: Continuation | null;
  readonly rule: OfferRule;
}

export interface Offer {
  readonly text: string;
  readonly source: 'model' | 'memory';
  readonly confidence: Confidence;
}

/** The text to show, if any source is sure enough of one. */
export function offerCompletion(input: OfferInput): Offer | null {
  return input.rule.type === 'calibrated'
    ? offerCalibrated(input, input.rule)
    : offerByProduct(input, input.rule);
}

/** Below this product the model's text cannot be shown, so it need not be computed. */
export function leastModelProductOf(rule: OfferRule): number {
  if (rule.type === 'product') return rule.threshold;
  const { maps, threshold } = rule.entry;
  return maps.model === undefined ? Number.POSITIVE_INFINITY : leastProduct(maps.model, threshold);
}

function offerCalibrated(
  { before, after, model, memory }: OfferInput,
  { entry, calibrationId }: Extract<OfferRule, { type: 'calibrated' }>,
): Offer | null {
  const sources = Object.entries({ model, memory }).flatMap(([id, continuation]) =>
    continuation === null
      ? []
      : [
          {
            id: id as Offer['source'],
            completions: listCompletions({ before, after, ...continuation }),
            map: entry.maps[id as Offer['source']] ?? null,
          } satisfies CompletionSource,
        ],
  );
  const chosen = chooseCompletion(sources, entry.threshold);
  if (chosen === null) return null;
  const value = applyMap(entry.shown, chosen.confidence);
  return {
    text: chosen.text,
    source: chosen.source as Offer['source'],
    confidence: { value, calibrationId },
  };
}

function offerByProduct(
  { before, after, model, memory }: OfferInput,
  { threshold, calibrationId }: Extract<OfferRule, { type: 'product' }>,
): Offer | null {
  const source = model === null ? 'memory' : 'model';
  const continuation = model ?? memory;
  if (continuation === null) return null;
  const completion = pickCompletion({ before, after, threshold, ...continuation });
  if (completion === null) return null;
  return {
    text: completion.text,
    source,
    confidence: { value: completion.product, calibrationId },
  };
}
