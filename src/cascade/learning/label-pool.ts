import { DataError } from '../../errors.ts';
import { CANARIES_REMEMBERED, MOST_CANARIES_PASSED, settleForeignCanary } from './canaries.ts';
import { addForeignLoss } from './loss-evidence.ts';
import { labelProbability } from './label-probability.ts';
import { type LearningState, type LoggedLoss, LOSSES_LOGGED } from './state.ts';

/** A count above this would keep a page busy for seconds: few browsers collect so many. */
const MOST_REQUESTS = 1_000_000;

/** Weights are quotients. */
const ROUNDING = 1e-9;

/** The checks of one browser, to be pooled with others'. Holds scores and counts, no text. */
export interface LabelExport {
  readonly format: 'edgewise-labels';
  readonly version: 1;
  readonly key: string;
  readonly source: string;
  readonly era: number;
  readonly eraStartedAtMs: number;
  readonly losses: readonly LoggedLoss[];
  /** Requests without a loss after the last one of the list. */
  readonly gap: number;
  /** Requests before the first one of the list. */
  readonly skipped: number;
  readonly canaries: readonly boolean[];
}

export function exportLabels(state: LearningState): LabelExport {
  const { key, source, era, eraStartedAtMs, log, canaries } = state;
  const { losses, gap, skipped } = structuredClone(log);
  return {
    format: 'edgewise-labels',
    version: 1,
    key,
    source,
    era,
    eraStartedAtMs,
    losses,
    gap,
    skipped,
    canaries: [...canaries],
  };
}

/**
 * Adds another browser's checks to the evidence, each request once, however often the same export or
 * a longer one of the same browser comes. Gives how many requests were new.
 *
 * @throws DataError `bad-row` when it is no export; `calibration-mismatch` for another model or task;
 *   `data-changed` when it began before this state's last alarm, so that it may describe requests of
 *   another kind, or when its judge passed too many canaries.
 */
export function importLabels(state: LearningState, value: unknown): number {
  const labels = parseExport(value);
  refuseUnfit(state, labels);
  const known = state.imported[labels.source];
  const seen = known !== undefined && known.era === labels.era ? known.sequence : 0;
  let position = labels.skipped;
  let added = 0;
  const add = (loss: LoggedLoss | null): void => {
    position += 1;
    if (position <= seen) return;
    addForeignLoss(state, { score: loss?.score ?? null, loss: loss?.weight ?? 0 });
    added += 1;
  };
  for (const loss of labels.losses) {
    for (let index = 0; index < loss.gap; index += 1) add(null);
    add(loss);
  }
  for (let index = 0; index < labels.gap; index += 1) add(null);
  if (added > 0 && seen === 0)
    for (const isPassed of labels.canaries) settleForeignCanary(state, isPassed);
  state.imported[labels.source] = { era: labels.era, sequence: Math.max(seen, position) };
  return added;
}

function refuseUnfit(state: LearningState, labels: LabelExport): void {
  const { key, source, eraStartedAtMs, canaries, losses } = labels;
  if (key !== state.key || source === state.source) {
    throw new DataError(
      'calibration-mismatch',
      'These labels belong to another model or task, or to this browser itself: import those of other browsers with the same key.',
    );
  }
  // A weight above the largest that the bets allow for would let one request lose everything.
  const most = (1 + ROUNDING) / labelProbability(state);
  if (losses.some(({ weight }) => weight > most)) {
    throw new DataError(
      'calibration-mismatch',
      'These labels were drawn more rarely than here: give the pool the smallest shadowRate of its browsers.',
    );
  }
  const isOutdated = state.era > 1 && eraStartedAtMs < state.eraStartedAtMs;
  const passed = canaries.filter(Boolean).length;
  if (!isOutdated && passed <= MOST_CANARIES_PASSED * canaries.length) return;
  throw new DataError(
    'data-changed',
    isOutdated
      ? 'These labels are older than the last alarm: import newer ones.'
      : 'The judge behind these labels passed too many known-wrong answers: its labels are void.',
    { details: { isOutdated } },
  );
}

function parseExport(value: unknown): LabelExport {
  const labels = value as Partial<LabelExport> | null;
  const isValid =
    typeof labels === 'object' &&
    labels !== null &&
    labels.format === 'edgewise-labels' &&
    labels.version === 1 &&
    typeof labels.key === 'string' &&
    typeof labels.source === 'string' &&
    [labels.era, labels.gap, labels.skipped].every((each) => isCount(each)) &&
    Number.isFinite(labels.eraStartedAtMs) &&
    Array.isArray(labels.losses) &&
    labels.losses.every((each) => isLoggedLoss(each)) &&
    Array.isArray(labels.canaries) &&
    labels.canaries.every((each) => typeof each === 'boolean') &&
    labels.canaries.length <= CANARIES_REMEMBERED &&
    isReadable(labels as LabelExport);
  if (isValid) return labels as LabelExport;
  throw new DataError('bad-row', 'This is no export of labels: give what exportLabels() returned.');
}

/** Whether a page can read all of it without standing still. */
function isReadable({ losses, gap }: LabelExport): boolean {
  const requests = losses.reduce((sum, loss) => sum + loss.gap + 1, gap);
  return losses.length <= LOSSES_LOGGED && requests <= MOST_REQUESTS;
}

function isLoggedLoss(value: unknown): boolean {
  const loss = value as Partial<LoggedLoss> | null;
  return (
    typeof loss === 'object' &&
    loss !== null &&
    isCount(loss.gap) &&
    Number.isFinite(loss.score) &&
    Number.isFinite(loss.weight) &&
    (loss.weight as number) >= 1
  );
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST_REQUESTS;
}
