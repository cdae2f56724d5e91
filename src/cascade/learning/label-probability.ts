import { CANARY_SHARE } from './settings.ts';
import type { LearningState } from './state.ts';

/** With which a request gets a label of its own: canaries test the judge instead. */
export function labelProbability({ settings }: Pick<LearningState, 'settings'>): number {
  return settings.shadowRate * (1 - CANARY_SHARE);
}

/** Of requests that go up anyway: all but those that test the judge. */
export function freeLabelProbability({ settings }: Pick<LearningState, 'settings'>): number {
  return 1 - settings.shadowRate * CANARY_SHARE;
}

/** While nothing is kept every request is labelled, and the bets can be bolder. */
export function leastLabelProbability(state: Pick<LearningState, 'settings' | 'rung'>): number {
  const isAllFree = state.rung < 0 && state.settings.escalatedLabels === 'always';
  return isAllFree ? freeLabelProbability(state) : labelProbability(state);
}
