import { DataError } from '../../errors.ts';
import { readSettings } from './settings.ts';
import { type LearningState, startLearning } from './state.ts';

/**
 * A state read from storage or a file.
 *
 * @throws DataError `bad-state` when it is none: start anew then, from the certificate.
 */
export function parseLearningState(value: unknown): LearningState {
  const problem = findProblem(value);
  if (problem === null) return structuredClone(value) as LearningState;
  throw new DataError(
    'bad-state',
    `The stored learning state is damaged (${problem}): start again from the certificate with startLearning().`,
    { details: { problem } },
  );
}

function findProblem(value: unknown): string | null {
  // Settings have a check of their own; an entry of the history is only ever shown.
  const template = {
    ...startLearning({ key: '', source: '', nowMs: 0 }),
    settings: {},
    history: [],
    open: [{ id: 0, atMs: 0, kind: 'check', probability: 1, leastProbability: 1 }],
  };
  const misfit = findMisfit(value, template, 'state');
  if (misfit !== null) return misfit;
  const state = value as LearningState;
  if (state.version !== template.version) return 'version';
  const size = state.ladder.length;
  const sizes = [
    state.keptShares.length,
    state.bets.length,
    state.reach.rungs.length,
    state.drift.bag.length / 2 - 1,
  ];
  if (sizes.some((each) => each !== size)) return 'lengths';
  if (!Number.isInteger(state.rung) || state.rung < -1 || state.rung >= size) return 'rung';
  const isWeighable = state.open.every(
    ({ probability, leastProbability }) => Math.min(probability, leastProbability) > 0,
  );
  if (!isWeighable) return 'open';
  try {
    readSettings(state.settings);
  } catch {
    // Which setting is wrong is no news: the state as a whole cannot be trusted.
    return 'settings';
  }
  return null;
}

/** The first field that is not like the example; a list's items are like the example's first one. */
function findMisfit(value: unknown, example: unknown, name: string): string | null {
  if (typeof example === 'number') return Number.isFinite(value) ? null : name;
  if (Array.isArray(example)) {
    if (!Array.isArray(value)) return name;
    if (example.length === 0) return null;
    return firstOf(value, (item) => findMisfit(item, example[0], name));
  }
  if (!isRecord(example)) return typeof value === typeof example ? null : name;
  if (!isRecord(value)) return name;
  return firstOf(Object.entries(example), ([key, each]) => findMisfit(value[key], each, key));
}

function firstOf<Item>(items: readonly Item[], find: (item: Item) => string | null): string | null {
  for (const item of items) {
    const found = find(item);
    if (found !== null) return found;
  }
  return null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
