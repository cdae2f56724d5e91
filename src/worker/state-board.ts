import type { ModelState } from '../types.ts';
import type { HostMessage, HostWarning } from './protocol.ts';
import { decodeError } from './wire-error.ts';

export type StateListener = (state: ModelState, modelId: string) => void;

/** The last known state of each model, and who wants to know. */
export interface StateBoard {
  onState(listener: StateListener): () => void;
  onWarning(listener: (warning: HostWarning) => void): () => void;
  /** Takes in a state or warning message; others are ignored. */
  receive(message: HostMessage): void;
  /** The host is gone: models that were there or on their way are not any more. */
  lose(error: Error): void;
}

export function createStateBoard(): StateBoard {
  const states = new Map<string, ModelState>();
  const stateListeners = new Set<StateListener>();
  const warningListeners = new Set<(warning: HostWarning) => void>();

  function set(modelId: string, state: ModelState): void {
    states.set(modelId, state);
    for (const listener of stateListeners) listener(state, modelId);
  }

  return {
    onState(listener) {
      stateListeners.add(listener);
      for (const [modelId, state] of states) listener(state, modelId);
      return () => void stateListeners.delete(listener);
    },
    onWarning(listener) {
      warningListeners.add(listener);
      return () => void warningListeners.delete(listener);
    },
    receive(message) {
      if (message.type === 'warning') {
        for (const listener of warningListeners) listener(message.warning);
      } else if (message.type === 'state') set(message.modelId, decodeState(message.state));
    },
    lose(error) {
      for (const [modelId, { status }] of states) {
        const isHere = status === 'ready' || status === 'loading' || status === 'downloading';
        if (isHere) set(modelId, { status: 'error', error });
      }
    },
  };
}

function decodeState(state: Extract<HostMessage, { type: 'state' }>['state']): ModelState {
  if (state.status !== 'error') return state;
  const error = decodeError(state.error);
  return { status: 'error', error: error instanceof Error ? error : new Error(String(error)) };
}
