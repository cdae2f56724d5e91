import type { CompletionCalibration } from '../completion/completion-calibration.ts';
import { findShippedCalibration } from '../completion/shipped-calibrations.ts';
import { createSuggestionSource } from '../completion/suggestion-source.ts';
import { createMemoryLearningStore, openLearningStore } from '../storage/learning-store.ts';
import type { Decision, SuggestionSource, Tier, WrittenText } from '../types.ts';
import type { ModelBuild } from './model-watch.ts';
import { openPersonalMemory, type PersonalMemory } from './personal-memory.ts';
import type { OwnerPolicy } from './policy.ts';

export interface CompletingOptions {
  readonly policy: OwnerPolicy;
  readonly device: Tier;
  readonly modelId: string;
  readonly isReady: () => boolean;
  /** Of the loaded model; `null` before it is loaded. */
  readonly build: () => ModelBuild | null;
  /** Whether the owner's own rules say when to show a completion. */
  readonly hasOwnRule: boolean;
  readonly isMemoryOn: () => boolean;
  readonly onRefusal: (decision: Decision) => void;
  /** Told when the memory cannot be stored: it then lasts as long as the page. */
  readonly onError: (error: unknown) => void;
}

export interface Completing {
  readonly source: SuggestionSource;
  count(): Promise<number>;
  forget(): Promise<void>;
  close(): void;
}

const MEMORY_DATABASE = 'edgewise-memory';

/** Completes from the model and from the person's own words, which it keeps. */
export function openCompleting(options: CompletingOptions): Completing {
  const { policy, device, isReady, isMemoryOn, onRefusal } = options;
  let personal: PersonalMemory | null = null;
  let isClosed = false;
  const opening = openMemory(options).then((memory) => {
    personal = memory;
    if (isClosed) memory.close();
    return memory;
  });
  const source = createSuggestionSource({
    ...policy,
    tiers: [device],
    isReady,
    onRefusal,
    personal: () => (isMemoryOn() ? personal : null),
    calibration: () => calibrationOf(options),
  });
  const stopLeaving = onLeave(() => void personal?.flush());
  return {
    source: {
      ...source,
      suggest(request) {
        // A new text begins: the model may now read what was written last.
        if (request.before === '' && request.after === '') personal?.refresh();
        return source.suggest(request);
      },
      learn: (written: WrittenText) =>
        void opening.then((memory) => (isMemoryOn() ? memory.learn(written) : undefined)),
    },
    count: async () => (await opening).size,
    forget: async () => (await opening).forget(),
    close() {
      isClosed = true;
      stopLeaving();
      const memory = personal;
      // What was learnt last is stored before the store is closed.
      if (memory !== null) void memory.flush().then(() => memory.close());
    },
  };
}

function calibrationOf({
  modelId,
  build,
  hasOwnRule,
}: CompletingOptions): CompletionCalibration | null {
  return hasOwnRule ? null : findShippedCalibration(modelId, build());
}

async function openMemory({ onError }: CompletingOptions): Promise<PersonalMemory> {
  try {
    return await openPersonalMemory({
      store: await openLearningStore({ databaseName: MEMORY_DATABASE }),
      onError,
      channel: new BroadcastChannel(MEMORY_DATABASE),
    });
  } catch (error) {
    onError(error);
    return openPersonalMemory({ store: createMemoryLearningStore(), onError });
  }
}

/** A page that is left may never run again. */
function onLeave(listener: () => void): () => void {
  if (typeof document === 'undefined') return () => undefined;
  const onHidden = (): void => {
    if (document.visibilityState === 'hidden') listener();
  };
  document.addEventListener('visibilitychange', onHidden);
  return () => document.removeEventListener('visibilitychange', onHidden);
}
