import { createLoader } from '../tiers/load-code.ts';
import type { SuggestionSource } from '../types.ts';
import type { Completing, CompletingOptions } from './completing.ts';
import type { RuntimeEvents } from './events.ts';
import type { RuntimeOptions } from './options.ts';

/** What the runtime knows of the person's own words. They never leave the device. */
export interface RuntimeMemory {
  /**
   * Whether texts are remembered and used. Off: nothing is learnt and nothing is offered from it;
   * what is stored stays until `forget`. Default: the option `memory`.
   */
  isOn: boolean;
  /** Messages remembered. */
  count(): Promise<number>;
  /** Deletes everything that was remembered. Rejects with `StorageError` when the browser does not let it. */
  forget(): Promise<void>;
}

export interface Complete {
  readonly source: SuggestionSource;
  readonly memory: RuntimeMemory;
  /** Gets the code ready, so that the first key need not wait. */
  warmUp(): void;
  close(): void;
}

/** What the page's entry knows of completing: how to get the rest when the first key is pressed. */
export function createComplete(
  options: Omit<CompletingOptions, 'isMemoryOn'>,
  isMemoryOnAtFirst: boolean,
): Complete {
  let isOn = isMemoryOnAtFirst;
  let opened: Completing | null = null;
  let isClosed = false;
  const open = createLoader('completes texts', async () => {
    const { openCompleting } = await import('./completing.ts');
    opened = openCompleting({ ...options, isMemoryOn: () => isOn });
    if (isClosed) opened.close();
    return opened;
  });
  return {
    source: {
      suggest: async (request) => (await open()).source.suggest(request),
      prepare: async (request) => (await open()).source.prepare?.(request),
      learn: (written) => {
        if (isOn) open().then((completing) => completing.source.learn?.(written), options.onError);
      },
    },
    memory: {
      get isOn() {
        return isOn;
      },
      set isOn(value) {
        if (typeof value !== 'boolean') throw new TypeError('memory.isOn is true or false.');
        isOn = value;
      },
      count: async () => (await open()).count(),
      forget: async () => (await open()).forget(),
    },
    warmUp: () => void open().catch(options.onError),
    close() {
      isClosed = true;
      opened?.close();
    },
  };
}

/** Whether one of these rules says when a completion is shown. */
export function hasCompletionRule({ rules = [] }: Pick<RuntimeOptions, 'rules'>): boolean {
  return rules.some(({ task }) => task === 'complete' || task === '*');
}

/** What listeners hear when the memory cannot be stored. */
export function memoryWarning(error: unknown): RuntimeEvents['fallback'] {
  const reason = error instanceof Error ? error.message : String(error);
  return {
    kind: 'storage',
    code: 'storage-unavailable',
    message: `What was typed is remembered until this page closes: ${reason}`,
  };
}
