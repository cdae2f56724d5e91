import type { LearningStore } from '../storage/learning-store.ts';
import {
  createWordMemory,
  type MemoryPrediction,
  type WordMemory,
} from '../completion/word-memory.ts';
import type { WrittenText } from '../types.ts';
import { MEMORY_KEY, MemorySaver, readMemoryState } from './memory-saver.ts';

/** What a person wrote in fields with autocomplete, on this device and nowhere else. */
export interface PersonalMemory {
  /** Messages remembered. */
  readonly size: number;
  predict(before: string): MemoryPrediction;
  /** The last messages, oldest first: the same ones until `refresh`, so that the model's prompt stays. */
  recent(): readonly string[];
  /** Takes messages learnt since into `recent`. */
  refresh(): void;
  learn(written: WrittenText): void;
  /** Deletes everything, also from the disk. */
  forget(): Promise<void>;
  /** Resolves when what was learnt is stored. */
  flush(): Promise<void>;
  close(): void;
}

export interface PersonalMemoryOptions {
  readonly store: LearningStore;
  /** Told of a full disk and the like; the memory goes on without it. */
  readonly onError: (error: unknown) => void;
  /** Reaches the other tabs of this origin, so that all of them forget. Closed with the memory. */
  readonly channel?: Pick<BroadcastChannel, 'postMessage' | 'close' | 'addEventListener'>;
}

/** Earlier messages in the model's prompt: 12 were measured to double the first words it gets right. */
const RECENT_MESSAGES = 12;
/** Longer lines are rarely what is written again. */
const RECENT_LINE_UNITS = 160;
/** Of all of them: about 200 tokens of the prompt, of 512 that a session has. */
const RECENT_UNITS = 900;
/** What one tab tells the others. */
const FORGOTTEN = 'forgotten';
/** A line of one word says nothing of what follows it. */
const FEWEST_WORDS = 2;

/** Reads what was remembered. Damaged or foreign state counts as none. */
export async function openPersonalMemory({
  store,
  onError,
  channel,
}: PersonalMemoryOptions): Promise<PersonalMemory> {
  const stored = await store.load(MEMORY_KEY);
  const memory = createWordMemory(readMemoryState(stored?.state));
  const saver = new MemorySaver(memory, { store, onError, revision: stored?.revision ?? 0 });
  let recent = recentOf(memory);
  channel?.addEventListener('message', ({ data }) => {
    if (data !== FORGOTTEN) return;
    memory.forget();
    recent = [];
  });
  return {
    get size() {
      return memory.size;
    },
    predict: (before) => memory.predict(before),
    recent: () => recent,
    refresh() {
      recent = recentOf(memory);
    },
    learn({ text, previous }) {
      const before = linesOf(previous);
      const after = linesOf(text);
      const gone = before.filter((line) => !after.includes(line));
      const come = after.filter((line) => !before.includes(line));
      for (const line of gone) if (memory.unlearn(line)) saver.changed(line, false);
      for (const line of come) {
        memory.learn(line);
        saver.changed(line, true);
      }
    },
    async forget() {
      memory.forget();
      recent = [];
      await saver.forget();
      recent = [];
      channel?.postMessage(FORGOTTEN);
    },
    flush: () => saver.flush(),
    close() {
      saver.stop();
      channel?.close();
      store.close();
    },
  };
}

function recentOf(memory: WordMemory): readonly string[] {
  const recent: string[] = [];
  let units = 0;
  for (const message of memory.recent(RECENT_MESSAGES).toReversed()) {
    const line = message.slice(0, RECENT_LINE_UNITS);
    units += line.length;
    if (units > RECENT_UNITS) break;
    recent.unshift(line);
  }
  return recent;
}

function linesOf(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line.split(/\s+/u).length >= FEWEST_WORDS);
}
