import { showFacts } from '../../playground/parts/model-card.ts';
import { element } from '../../playground/parts/page.ts';
import { timeLeft } from '../../playground/parts/figures.ts';

export type RunState = 'starting' | 'idle' | 'downloading' | 'measuring' | 'done' | 'failed';

/** Below it a guess of the time left is worth nothing. */
const LEAST_SHARE = 0.05;

/** Where a run stands; `note` stays until the next one. */
export function showState(state: RunState, note = ''): void {
  element('run', HTMLElement).dataset['state'] = state;
  element('run-progress', HTMLElement).hidden = state !== 'measuring' && note === '';
  if (state !== 'measuring') element('run-bar', HTMLProgressElement).value = 0;
  element('run-step', HTMLElement).textContent = note;
  element('run-left', HTMLElement).textContent = '';
}

/** `share` of the run is done, 0 to 1, after so many milliseconds. */
export function showStep(name: string, share: number, elapsedMs: number): void {
  const leftSeconds = ((elapsedMs / share) * (1 - share)) / 1000;
  element('run-bar', HTMLProgressElement).value = share;
  element('run-step', HTMLElement).textContent = name;
  element('run-left', HTMLElement).textContent = share < LEAST_SHARE ? '' : timeLeft(leftSeconds);
}

/** A run is under way: it can be cancelled and not be started. */
export function showRunning(): void {
  element('run-problem', HTMLElement).hidden = true;
  element('start', HTMLButtonElement).hidden = true;
  element('cancel', HTMLButtonElement).hidden = false;
  element('cancel', HTMLButtonElement).focus();
}

/** After a run, however it ended. */
export function showStartable(label: string): void {
  const cancel = element('cancel', HTMLButtonElement);
  const start = element('start', HTMLButtonElement);
  const hadFocus = document.activeElement === cancel;
  cancel.hidden = true;
  start.hidden = false;
  start.disabled = false;
  start.textContent = label;
  element('download-progress', HTMLElement).hidden = true;
  if (hadFocus) start.focus();
}

/** The model is on this device: nothing of its card has to be decided any more. */
export function hideModel(): void {
  showFacts(false);
  element('model-purpose', HTMLElement).hidden = true;
  element('model-terms', HTMLElement).hidden = true;
  element('download-progress', HTMLElement).hidden = true;
}

export function showProblem(error: unknown): void {
  const problem = element('run-problem', HTMLElement);
  problem.textContent = error instanceof Error ? error.message : String(error);
  problem.hidden = false;
  showState('failed');
}
