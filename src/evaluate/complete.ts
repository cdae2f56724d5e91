import { auroc, expectedCalibrationError } from '../cascade/reliability.ts';
import { DataError } from '../errors.ts';
import type { CompletionCalibrationEntry } from '../completion/completion-calibration.ts';
import { judgeCalibrated, judgeWriting, type JudgedWriting } from './complete/judge.ts';
import type { TurnPasses } from './complete/passes.ts';
import { firstWordAnswers, type SourceOffers } from './complete/sources.ts';
import { sumTyping, type Typing } from './complete/typing.ts';
import type { WritingTurn } from './complete/turns.ts';
import { createRandom, quantileOfSorted, runDraws, summariseDraws } from './draws.ts';
import { atLeast, atMost, createReport, type Bar, type EvaluationReport } from './report.ts';

export interface CompleteOptions {
  readonly turns: readonly WritingTurn[];
  /** One, or two to be switched between. */
  readonly sources: readonly SourceOffers[];
  /** Passes of the model, for their times; `null` without a model. */
  readonly passes: readonly TurnPasses[] | null;
  /** New wrong ghosts per 100 keys that the threshold is fitted for. Default 5. */
  readonly flashBudget?: number;
  readonly seed: number;
  /** Judges this calibration, fitted on other turns, in place of one fitted on half of these. */
  readonly entry?: CompletionCalibrationEntry;
  readonly bars?: CompleteBars;
  /** What else the figures rest on: model, data, messages. */
  readonly context: EvaluationReport['context'];
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** What must hold, where it is given. */
export interface CompleteBars {
  readonly leastSaved?: number;
  readonly leastPrecision?: number;
  readonly mostFlashes?: number;
}

/** Halving the turns is a draw; the figures are means over so many. */
const SPLITS = 10;
const BOOTSTRAP_DRAWS = 1000;
const FLASH_BUDGET = 5;
const FEWEST_TURNS = 20;

/**
 * Writes every turn again with suggestions at every character: keys saved, ghosts right and wrong.
 * Thresholds and maps come from other turns than they are judged on; intervals are 95 % of bootstrap
 * draws over turns.
 *
 * @throws DataError `too-few-rows` below 20 turns.
 */
export async function evaluateComplete(options: CompleteOptions): Promise<EvaluationReport> {
  const { turns, sources, flashBudget = FLASH_BUDGET, seed } = options;
  if (turns.length < FEWEST_TURNS) {
    throw new DataError(
      'too-few-rows',
      `Only ${turns.length} turns: give at least ${FEWEST_TURNS}, one per dialogue.`,
    );
  }
  const settings = { draws: SPLITS, seed, ...control(options) };
  const judge = (chosen: readonly SourceOffers[]): Promise<JudgedWriting[]> =>
    runDraws((random) => judgeWriting(turns, chosen, { flashBudget, random }), settings);
  const { entry } = options;
  const judged =
    entry === undefined ? await judge(sources) : [judgeCalibrated(turns, sources, entry)];
  const alone = sources.length < 2 ? [] : await judgeAlone(sources, judge);
  const figures = {
    ...describeWriting(judged, seed),
    ...describeSources(options),
    ...compareWithBetter(judged, alone, seed),
    ...describeTimes(options.passes),
  };
  return createReport({
    name: 'evaluate complete',
    figures,
    bars: barsOf(options.bars ?? {}, figures),
    context: {
      ...options.context,
      turns: turns.length,
      characters: turns.reduce((sum, { text }) => sum + text.length, 0),
      flashBudget,
      method:
        entry === undefined
          ? `threshold and maps from one half of the turns, judged on the other, both ways, ${SPLITS} random halvings; one turn per dialogue`
          : 'threshold and maps of the calibration, judged on all turns; one turn per dialogue',
      intervals: `95 % of ${BOOTSTRAP_DRAWS} bootstrap draws over turns`,
      seed,
    },
  });
}

function control({ signal, onProgress }: CompleteOptions) {
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  };
}

async function judgeAlone(
  sources: readonly SourceOffers[],
  judge: (chosen: readonly SourceOffers[]) => Promise<JudgedWriting[]>,
): Promise<{ id: SourceOffers['id']; judged: JudgedWriting[] }[]> {
  const all: { id: SourceOffers['id']; judged: JudgedWriting[] }[] = [];
  for (const source of sources) all.push({ id: source.id, judged: await judge([source]) });
  return all;
}

function describeWriting(judged: readonly JudgedWriting[], seed: number) {
  const sums = judged.map(({ typings }) => sumTyping(typings));
  const mean = (pick: (sum: (typeof sums)[number]) => number | null): number | null =>
    meanOf(sums.map((sum) => pick(sum)));
  const saved = bootstrap(judged, seed, (typings) => sumTyping(typings).keystrokesSaved);
  return {
    keystrokesSaved: mean((sum) => sum.keystrokesSaved),
    keystrokesSavedLow: saved.low,
    keystrokesSavedHigh: saved.high,
    precision: mean((sum) => sum.precision),
    flashesPer100Keys: mean((sum) => sum.flashesPer100Keys),
    shownPer100Characters: meanOf(
      judged.map(({ typings }) => (100 * sumTyping(typings).shown) / charactersOf(typings)),
    ),
    threshold: meanOf(judged.flatMap(({ thresholds }) => thresholds)),
    // Of ghosts that a person saw, by maps that had not seen them.
    ece: meanOf(judged.map(({ shown }) => expectedCalibrationError(shown))),
  };
}

/** What the first source's products are worth, before any threshold. */
function describeSources({ turns, sources }: CompleteOptions) {
  const [first] = sources;
  if (first === undefined) return {};
  const all = [...turns.keys()];
  const answers = firstWordAnswers(turns, first, all);
  return {
    exact1: exactShare(turns, first, 1),
    exact2: exactShare(turns, first, 2),
    exact3: exactShare(turns, first, 3),
    auroc: auroc(answers),
    eceUncalibrated: expectedCalibrationError(answers),
  };
}

/** Of word starts that have so many words ahead: how often the source's next words are right. */
function exactShare(
  turns: readonly WritingTurn[],
  { completions }: SourceOffers,
  words: number,
): number | null {
  let count = 0;
  let right = 0;
  const ahead = new RegExp(String.raw`^\S+(?:\s+\S+){${words - 1}}`, 'u');
  for (const [index, { text }] of turns.entries()) {
    for (let position = 0; position < text.length; position++) {
      if (position > 0 && text[position - 1] !== ' ') continue;
      const wanted = ahead.exec(text.slice(position))?.[0];
      if (wanted === undefined) continue;
      count += 1;
      const offered = completions[index]?.[position]?.[0]?.text ?? '';
      const said = ahead.exec(offered)?.[0];
      if (said !== undefined && isSame(said, wanted)) right += 1;
    }
  }
  return count === 0 ? null : right / count;
}

/** Punctuation after the last word is not the word. */
function isSame(said: string, wanted: string): boolean {
  const bare = (text: string): string => text.replace(/[\p{P}]+$/u, '');
  return bare(said) === bare(wanted);
}

/** Both sources against the better one alone, turn by turn. */
function compareWithBetter(
  judged: readonly JudgedWriting[],
  alone: readonly { readonly id: string; readonly judged: readonly JudgedWriting[] }[],
  seed: number,
) {
  if (alone.length === 0) return {};
  const savedBy = (runs: readonly JudgedWriting[]): number =>
    meanOf(runs.map(({ typings }) => sumTyping(typings).keystrokesSaved)) ?? 0;
  const better = alone.toSorted((a, b) => savedBy(b.judged) - savedBy(a.judged))[0];
  const figures = Object.fromEntries(
    alone.map(({ id, judged: runs }) => [`${id}AloneSaved`, savedBy(runs)]),
  );
  const difference = bootstrapPairs(judged, better?.judged ?? [], seed);
  return {
    ...figures,
    bothMinusBetter: difference.mean,
    bothMinusBetterLow: difference.low,
    bothMinusBetterHigh: difference.high,
  };
}

function bootstrap(
  judged: readonly JudgedWriting[],
  seed: number,
  measure: (typings: readonly Typing[]) => number,
): { readonly low: number; readonly high: number } {
  const random = createRandom(seed);
  const values = Array.from({ length: BOOTSTRAP_DRAWS }, (_, draw) => {
    const { typings } = judged[draw % judged.length] as JudgedWriting;
    return measure(typings.map(() => typings[Math.floor(random() * typings.length)] as Typing));
  });
  return summariseDraws(values);
}

function bootstrapPairs(
  judged: readonly JudgedWriting[],
  other: readonly JudgedWriting[],
  seed: number,
): { readonly mean: number; readonly low: number; readonly high: number } {
  const random = createRandom(seed);
  const values = Array.from({ length: BOOTSTRAP_DRAWS }, (_, draw) => {
    const ours = judged[draw % judged.length]?.typings ?? [];
    const theirs = other[draw % judged.length]?.typings ?? [];
    const drawn = ours.map(() => Math.floor(random() * ours.length));
    const savedIn = (typings: readonly Typing[]): number =>
      sumTyping(drawn.map((index) => typings[index] as Typing)).keystrokesSaved;
    return savedIn(ours) - savedIn(theirs);
  });
  return summariseDraws(values);
}

function describeTimes(passes: readonly TurnPasses[] | null) {
  if (passes === null) return {};
  const times = passes.flatMap((turn) => turn.map(({ ms }) => ms)).toSorted((a, b) => a - b);
  return { msP50: quantileOfSorted(times, 0.5), msP95: quantileOfSorted(times, 0.95) };
}

function barsOf(
  { leastSaved, leastPrecision, mostFlashes }: CompleteBars,
  figures: ReturnType<typeof describeWriting>,
): Bar[] {
  const bars: Bar[] = [];
  const { keystrokesSaved, precision, flashesPer100Keys } = figures;
  if (leastSaved !== undefined)
    bars.push(atLeast('keystrokes saved', keystrokesSaved, { bar: leastSaved }));
  if (leastPrecision !== undefined)
    bars.push(atLeast('precision', precision, { bar: leastPrecision }));
  if (mostFlashes !== undefined)
    bars.push(atMost('wrong ghosts per 100 keys', flashesPer100Keys, { bar: mostFlashes }));
  return bars;
}

function charactersOf(typings: readonly Typing[]): number {
  return typings.reduce((sum, { characters }) => sum + characters, 0);
}

function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
