import type { ModelInfo, ModelState } from '../types.ts';
import type { HostConnection } from '../worker/connect.ts';
import type { EventBus } from './events.ts';

/** What a calibration depends on. */
export type ModelBuild = Pick<ModelInfo, 'precision' | 'sha256'>;

/** What is known of the runtime's own model. */
export interface ModelWatch {
  state(): ModelState;
  /** Whether a suggestion may be asked for now. */
  isReady(): boolean;
  /** The loaded model's file and the arithmetic it runs on; `null` before it is loaded. */
  build(): ModelBuild | null;
  stop(): void;
}

export interface ModelWatchOptions {
  readonly connection: Pick<HostConnection, 'onState' | 'onWarning'>;
  /** The runtime's own model. */
  readonly modelId: string;
  readonly bus: Pick<EventBus, 'send'>;
  /** The own model can answer from now on. */
  onReady(): void;
}

/** Follows the state of the own model, and tells the bus of every model and warning. */
export function watchModel({
  connection,
  modelId: own,
  bus,
  onReady,
}: ModelWatchOptions): ModelWatch {
  let state: ModelState = { status: 'absent' };
  // After a crash typing may bring the model back; when that load fails it does not try again.
  let mayRevive = false;
  const stopState = connection.onState((next, modelId) => {
    if (modelId === own) {
      state = next;
      if (next.status === 'ready') {
        mayRevive = true;
        onReady();
      }
      if (next.status === 'loading') mayRevive = false;
    }
    if (next.status === 'downloading') bus.send('progress', { modelId, progress: next.progress });
    bus.send('model', { modelId, state: next });
  });
  const stopWarning = connection.onWarning((warning) =>
    bus.send('fallback', { kind: 'storage', ...warning }),
  );
  return {
    state: () => state,
    isReady: () => state.status === 'ready' || (state.status === 'error' && mayRevive),
    build: () => (state.status === 'ready' ? state.info : null),
    stop() {
      stopState();
      stopWarning();
    },
  };
}
