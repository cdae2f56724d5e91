import { readFile } from 'node:fs/promises';
import {
  findCompletionEntry,
  type CompletionCalibration,
  type CompletionCalibrationEntry,
} from '../../completion/completion-calibration.ts';
import { calibrateCompletion, withEntry } from '../../evaluate/complete/calibrate.ts';
import type { SourceName, SourceOffers } from '../../evaluate/complete/sources.ts';
import type { WritingTurn } from '../../evaluate/complete/turns.ts';
import type { CatalogueEntry, Precision } from '../../types.ts';
import { writeOutputFile } from '../evaluation-command.ts';
import { UsageError } from '../usage-error.ts';

export interface CalibrationRun {
  readonly turns: readonly WritingTurn[];
  readonly sources: readonly SourceOffers[];
  /** Messages in the word memory. */
  readonly known: number;
  readonly model: CatalogueEntry;
  readonly precision: Precision;
  readonly promptHistory: number;
  readonly flashBudget: number;
  readonly turnsSha256: string;
}

/**
 * Fits maps and threshold on all turns and adds them to the file's, as long as those are of the same
 * model, arithmetic and turns. Without a file nothing is fitted.
 */
export async function writeCalibration(
  file: string | undefined,
  run: CalibrationRun,
): Promise<void> {
  if (file === undefined) return;
  const { turns, sources, flashBudget, known } = run;
  const entry = calibrateCompletion({ turns, sources, flashBudget, messages: known });
  const fresh = emptyCalibration(run);
  const present = await readCalibration(file);
  const base = present?.id === fresh.id ? { ...present, date: fresh.date } : fresh;
  // Entries without a history leave the prompt's length as others said it.
  const promptHistory = Math.max(run.promptHistory, base.promptHistory);
  const calibration = withEntry({ ...base, promptHistory }, entry);
  await writeOutputFile(file, `${JSON.stringify(calibration, null, 2)}\n`);
}

/** The entry of a calibration file for these sources and this much history; `null` without a file. */
export async function entryToJudge(
  file: string | undefined,
  names: readonly SourceName[],
  messages: number,
): Promise<CompletionCalibrationEntry | null> {
  if (file === undefined) return null;
  const calibration = await readCalibration(file);
  const entry = calibration === null ? null : findCompletionEntry(calibration, names, messages);
  if (entry !== null) return entry;
  throw new UsageError(
    `${file} has no entry for ${names.join(' and ')} with ${messages} messages.`,
  );
}

function emptyCalibration(run: CalibrationRun): CompletionCalibration {
  const { model, precision, promptHistory, flashBudget, turns, turnsSha256 } = run;
  return {
    version: 1,
    id: `complete-${model.id}-${precision}-${turnsSha256.slice(0, 8)}`,
    modelId: model.id,
    modelSha256: model.sha256,
    precision,
    promptHistory,
    flashBudget,
    turns: turns.length,
    date: new Date().toISOString().slice(0, 10),
    dataSha256: turnsSha256,
    entries: [],
  };
}

async function readCalibration(file: string): Promise<CompletionCalibration | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as CompletionCalibration;
  } catch {
    // None yet: it is begun.
    return null;
  }
}
