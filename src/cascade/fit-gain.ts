import { NO_GAIN_LABELS, type GainItem, type GainModel } from './gain.ts';
import { countLabels, readTopic, type GainLabel, type GainTable } from './gain-table.ts';
import {
  createWordReader,
  fitTextGain,
  predictTextGain,
  readTextRow,
  type TextGain,
  type TextRow,
  type WordReader,
} from './gain-text.ts';

/** One request of which both tiers' answers are known. */
export interface GainRow extends GainItem {
  readonly isBelowRight: boolean;
  readonly isAboveRight: boolean;
}

export interface FitGainOptions {
  /** Default: a new one. Give one that remembers where many models read the same texts. */
  readonly readWords?: WordReader;
}

/** What a gain model consists of. */
export interface GainParts {
  readonly table: GainTable;
  /** `null`: topics alone predicted at least as well. */
  readonly text: TextGain | null;
}

/** A fitted model with what it consists of. */
export interface FittedGain extends GainModel {
  readonly parts: GainParts;
}

const FOLDS = 5;
/** Ridge penalties tried, from strong to weak. */
const PENALTIES = [100, 30, 10, 3] as const;
/** With fewer labels the folds are too small to choose anything. */
const FEWEST_TEXT_LABELS = 50;
/** Words are learnt from the first so many labels; the table counts all. */
const MOST_TEXT_LABELS = 20_000;

/**
 * Learns from labels how often the tier above helps: a table by topic, shrunk to the mean of all, and
 * where text or numbers are there a small ridge model of what the table leaves. Whether that model is
 * used, and how strongly it is held back, is chosen by 5-fold cross-validation on these labels alone.
 * Rows come in any order; a few hundred are enough. No rows: `labels` is 0, and confidence decides.
 */
export function fitGain(rows: readonly GainRow[], options: FitGainOptions = {}): FittedGain {
  const readWords = options.readWords ?? createWordReader();
  const samples = rows.map((row): Sample => ({
    label: { ...row, topic: row.topic ?? '' },
    gain: Number(row.isAboveRight) - Number(row.isBelowRight),
    row: null,
  }));
  const table = countLabels(samples.map(({ label }) => label));
  const readable = samples
    .slice(0, MOST_TEXT_LABELS)
    .map((sample, index) => ({ ...sample, row: readTextRow(rows[index] ?? {}, readWords) }));
  const penalty = choosePenalty(readable);
  const text = penalty === null ? null : fitResiduals(readable, { table, penalty });
  return createGainModel({ table, text }, readWords);
}

/** A model from its parts. */
export function createGainModel(
  parts: GainParts,
  readWords: WordReader = createWordReader(),
): FittedGain {
  const { table, text } = parts;
  const { labels } = table.total;
  return {
    labels,
    parts,
    estimate(item) {
      if (labels === 0) return NO_GAIN_LABELS;
      const shares = readTopic(table, item.topic ?? '');
      const more = text === null ? 0 : predictTextGain(text, readTextRow(item, readWords));
      return { ...shares, gain: Math.max(-1, Math.min(1, shares.gain + more)), labels };
    },
  };
}

interface Sample {
  readonly label: GainLabel;
  /** −1, 0 or 1. */
  readonly gain: number;
  readonly row: TextRow | null;
}

type ReadSample = Sample & { readonly row: TextRow };

/** The penalty with the least squared error on folds it was not fitted on; `null`: no text at all. */
function choosePenalty(samples: readonly ReadSample[]): number | null {
  if (samples.length < FEWEST_TEXT_LABELS || !samples.some(({ row }) => tellsAnything(row))) {
    return null;
  }
  const choices = [null, ...PENALTIES];
  const errors = choices.map(() => 0);
  for (let fold = 0; fold < FOLDS; fold += 1) {
    const training = samples.filter((_, index) => index % FOLDS !== fold);
    const held = samples.filter((_, index) => index % FOLDS === fold);
    const table = countLabels(training.map(({ label }) => label));
    for (const [index, penalty] of choices.entries()) {
      const text = penalty === null ? null : fitResiduals(training, { table, penalty });
      errors[index] = (errors[index] ?? 0) + squaredError(held, { table, text });
    }
  }
  return choices[errors.indexOf(Math.min(...errors))] ?? null;
}

function tellsAnything({ words, numbers }: TextRow): boolean {
  return words.buckets.length > 0 || Object.values(numbers).some((value) => value !== null);
}

function fitResiduals(
  samples: readonly ReadSample[],
  { table, penalty }: { readonly table: GainTable; readonly penalty: number },
): TextGain {
  return fitTextGain(
    samples.map(({ row, gain, label }) => ({
      row,
      residual: gain - readTopic(table, label.topic).gain,
    })),
    penalty,
  );
}

function squaredError(samples: readonly ReadSample[], { table, text }: GainParts): number {
  return samples.reduce((sum, { label, gain, row }) => {
    const predicted =
      readTopic(table, label.topic).gain + (text === null ? 0 : predictTextGain(text, row));
    return sum + (predicted - gain) ** 2;
  }, 0);
}
