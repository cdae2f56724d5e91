import { fitMap, type CalibrationMap } from '../../cascade/calibration-map.ts';
import {
  chooseCompletion,
  type ChosenCompletion,
  type CompletionSource,
} from '../../completion/choose-completion.ts';
import type { CompletionSourceId } from '../../completion/completion-calibration.ts';
import { listCompletions, type Completion } from '../../completion/completion.ts';
import type { ScoredAnswer } from '../../cascade/reliability.ts';
import type { WordMemory } from '../../completion/word-memory.ts';
import type { Pass, TurnPasses } from './passes.ts';
import { rightLength } from './typing.ts';
import type { WritingTurn } from './turns.ts';

export type SourceName = CompletionSourceId;

/** Everything a source would offer at every caret position of every turn. */
export interface SourceOffers {
  readonly id: SourceName;
  /** By turn, then by position; longest completion first. */
  readonly completions: readonly (readonly (readonly Completion[])[])[];
}

/** Every completion's trailing space left out, as for languages that want none. */
export interface OfferOptions {
  readonly withSpace: boolean;
}

export function offersOfPasses(
  turns: readonly WritingTurn[],
  passes: readonly TurnPasses[],
  options: OfferOptions,
): SourceOffers {
  const completions = turns.map(({ text }, index) =>
    (passes[index] ?? []).map((pass, position) => offers(text.slice(0, position), pass, options)),
  );
  return { id: 'model', completions };
}

export function offersOfMemory(
  turns: readonly WritingTurn[],
  memory: WordMemory,
  options: OfferOptions,
): SourceOffers {
  const completions = turns.map(({ text }) =>
    Array.from({ length: text.length }, (_, position) => {
      const before = text.slice(0, position);
      return offers(before, passOfMemory(memory, before), options);
    }),
  );
  return { id: 'memory', completions };
}

/** The surest offer at a caret position. */
export type Chooser = (
  turn: number,
  position: number,
  threshold: number,
) => ChosenCompletion | null;

export type SourceMaps = Readonly<Partial<Record<SourceName, CalibrationMap>>>;

/** Fits each source's map on the first word it offers at every position of the `training` turns. */
export function fitChooser(
  turns: readonly WritingTurn[],
  sources: readonly SourceOffers[],
  training: readonly number[],
): { readonly choose: Chooser; readonly maps: SourceMaps } {
  const maps: Partial<Record<SourceName, CalibrationMap>> = {};
  for (const source of sources) {
    const answers = firstWordAnswers(turns, source, training);
    if (answers.length > 0) maps[source.id] = fitMap('logistic', answers);
  }
  return { choose: chooserWith(sources, maps), maps };
}

/** The surest offer by these maps. */
export function chooserWith(sources: readonly SourceOffers[], maps: SourceMaps): Chooser {
  return (turn, position, threshold) => {
    const offered = sources.map(({ id, completions }): CompletionSource => ({
      id,
      completions: completions[turn]?.[position] ?? [],
      map: maps[id] ?? null,
    }));
    return chooseCompletion(offered, threshold);
  };
}

/** First words and whether they were right: what calibration, AUROC and ECE are made of. */
export function firstWordAnswers(
  turns: readonly WritingTurn[],
  { completions }: SourceOffers,
  training: readonly number[],
): ScoredAnswer[] {
  return training.flatMap((turn) =>
    (completions[turn] ?? []).flatMap((offered, position) => {
      const first = offered.at(-1);
      if (first === undefined) return [];
      const isCorrect = rightLength(first.text, turns[turn]?.text.slice(position) ?? '') > 0;
      return [{ score: first.product, isCorrect }];
    }),
  );
}

function offers(before: string, pass: Pass, { withSpace }: OfferOptions): readonly Completion[] {
  const completions = listCompletions({ before, after: '', ...pass });
  if (withSpace) return completions;
  return completions.map(({ text, product }) => ({ text: text.trimEnd(), product }));
}

/** The memory knows whole words only, so every word it gives is whole. */
function passOfMemory(memory: WordMemory, before: string): Pass {
  const startedAt = performance.now();
  const { pieces } = memory.predict(before);
  return {
    pieces: pieces.map(({ text, probability }) => ({
      text,
      logProbability: Math.log(probability),
      isTyped: false,
    })),
    isEnded: true,
    ms: performance.now() - startedAt,
  };
}
