import { EdgewiseError, StorageError } from '../errors.ts';
import type { LearningStore } from '../storage/learning-store.ts';
import type { WordMemory, WordMemoryState } from '../completion/word-memory.ts';

export interface MemorySaverOptions {
  readonly store: LearningStore;
  /** Revision that the memory was read at; 0 for a new one. */
  readonly revision: number;
  /** Told of a full disk and the like; the memory goes on without being stored. */
  readonly onError: (error: unknown) => void;
}

interface Change {
  readonly line: string;
  readonly isAdded: boolean;
}

export const MEMORY_KEY = 'words';
/** Typing must not write to the disk with each text. */
const SAVE_AFTER_MS = 2000;
/** Another tab may save in between; more often than this in a row it is no coincidence. */
const SAVE_TRIES = 4;

/** Stores a word memory some time after it changed, and takes in what another tab learnt meanwhile. */
export class MemorySaver {
  readonly #memory: WordMemory;
  readonly #store: LearningStore;
  readonly #onError: (error: unknown) => void;
  #revision: number;
  /** One more with each `forget`: what was read before it must not come back. */
  #era = 0;
  #changes: Change[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(memory: WordMemory, { store, revision, onError }: MemorySaverOptions) {
    this.#memory = memory;
    this.#store = store;
    this.#revision = revision;
    this.#onError = onError;
  }

  /** The memory learnt this line, or lost it. */
  changed(line: string, isAdded: boolean): void {
    this.#changes.push({ line, isAdded });
    this.#timer ??= setTimeout(() => void this.flush(), SAVE_AFTER_MS);
  }

  /** Resolves when every change so far is stored, or `onError` was told why not. */
  flush(): Promise<void> {
    this.stop();
    this.#saving = this.#saving.then(() => this.#save()).catch(this.#onError);
    return this.#saving;
  }

  /**
   * Leaves nothing of what was stored. An empty state takes its place: a revision that came again would
   * let another tab write back what it still holds. Rejects with `StorageError` when the browser does
   * not let it.
   */
  async forget(): Promise<void> {
    this.stop();
    this.#changes = [];
    this.#era += 1;
    await this.#saving;
    // A save that was under way may have read the old messages again.
    this.#memory.forget();
    for (let tries = 0; tries < SAVE_TRIES; tries++) {
      try {
        await this.#write();
        return;
      } catch (error) {
        if (!isConflict(error)) throw error;
        this.#revision = (await this.#store.load(MEMORY_KEY))?.revision ?? 0;
      }
    }
    throw keptBusy();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #save(): Promise<void> {
    const pending = this.#changes;
    this.#changes = [];
    if (pending.length === 0) return;
    for (let tries = 0; tries < SAVE_TRIES; tries++) {
      try {
        await this.#write();
        return;
      } catch (error) {
        if (!isConflict(error)) throw error;
        await this.#takeOver(pending);
      }
    }
    throw keptBusy();
  }

  async #write(): Promise<void> {
    const stored = { state: this.#memory.save(), revision: this.#revision };
    this.#revision = await this.#store.save(MEMORY_KEY, stored);
  }

  /** Another tab saved: its messages, and then our own changes on top. */
  async #takeOver(pending: readonly Change[]): Promise<void> {
    const era = this.#era;
    const stored = await this.#store.load(MEMORY_KEY);
    this.#revision = stored?.revision ?? 0;
    if (era !== this.#era) return;
    this.#memory.forget();
    for (const message of readMemoryState(stored?.state)?.messages ?? []) {
      this.#memory.learn(message);
    }
    for (const { line, isAdded } of [...pending, ...this.#changes]) {
      if (isAdded) this.#memory.learn(line);
      else this.#memory.unlearn(line);
    }
  }
}

function isConflict(error: unknown): boolean {
  return EdgewiseError.is(error) && error.code === 'conflict';
}

function keptBusy(): StorageError {
  return new StorageError(
    'conflict',
    'Other tabs kept saving what was typed: the next text tries again.',
    { isRetryable: true },
  );
}

/** `null` for what no version of this page has stored. */
export function readMemoryState(value: unknown): WordMemoryState | null {
  if (typeof value !== 'object' || value === null) return null;
  const { version, messages } = value as Partial<Record<keyof WordMemoryState, unknown>>;
  if (version !== 1 || !Array.isArray(messages)) return null;
  return { version, messages: messages.filter((message) => typeof message === 'string') };
}
