import type { LoadedModel, Precision } from '../../src/types.ts';
import { fetchBytes, loadDecoder, loadModel } from '../load-model.ts';

const CONTEXT_LENGTH = 512;
const GENERATED_TOKENS = 4;
/** Beginnings of texts, so that prompts differ and sessions are both new and resumed. */
const WORDS = ['The harbour', 'Dear Anna', 'Our meeting', 'In the morning', 'Thank you for'];
const SESSIONS = 8;
/** Slots while generating: fewer than sessions, so that slots are taken over too. */
const SLOTS = 4;

interface Heap {
  /** Bytes of JavaScript objects after a collection; `null` where the browser does not say. */
  readonly heapBytes: number | null;
  readonly memoryBytes: number;
}

let bytes: Uint8Array = new Uint8Array();

/** Each in the worker, or in the page where the heap is to be looked at: workers cannot see theirs. */
export const measures = {
  async fetch(url: string) {
    bytes = await fetchBytes(url);
  },
  async engineReadyMs(precision: Precision): Promise<number> {
    const startedAt = performance.now();
    await loadDecoder(bytes, { precision, contextLength: CONTEXT_LENGTH });
    return performance.now() - startedAt;
  },
  async modelReadyMs(precision: Precision): Promise<number> {
    const startedAt = performance.now();
    await loadModel(bytes, { precision, contextLength: CONTEXT_LENGTH, maxSlots: 1 });
    return performance.now() - startedAt;
  },
  async slots(precision: Precision, count: number): Promise<number[]> {
    const options = { precision, contextLength: CONTEXT_LENGTH, maxSlots: count };
    const model = await loadModel(bytes, options);
    const memoryBytes: number[] = [];
    for (let index = 0; index < count; index++) {
      await generate(model, `session-${index}`, WORDS[0]!);
      memoryBytes.push(model.info.memoryBytes);
    }
    model.dispose();
    return memoryBytes;
  },
  async generate(precision: Precision, count: number, sampleEvery: number): Promise<Heap[]> {
    const options = { precision, contextLength: CONTEXT_LENGTH, maxSlots: SLOTS };
    const model = await loadModel(bytes, options);
    const samples: Heap[] = [];
    for (let index = 0; index <= count; index++) {
      if (index % sampleEvery === 0) samples.push(await measureHeap(model));
      const text = `${WORDS[index % WORDS.length]} number ${index}`;
      await generate(model, `session-${index % SESSIONS}`, text);
    }
    model.dispose();
    return samples;
  },
  async cycles(precision: Precision, count: number): Promise<Heap[]> {
    const samples: Heap[] = [];
    for (let index = 0; index < count; index++) {
      const model = await loadModel(bytes, { precision, contextLength: CONTEXT_LENGTH });
      await generate(model, 'session', WORDS[0]!);
      const { memoryBytes } = model.info;
      model.dispose();
      samples.push({ ...(await measureHeap(model)), memoryBytes });
    }
    return samples;
  },
};

async function generate(model: LoadedModel, sessionId: string, before: string): Promise<void> {
  const input = { kind: 'prefix', before } as const;
  const run = model.start({ sessionId, input, maxTokens: GENERATED_TOKENS });
  try {
    while ((await run.step()).type !== 'end');
  } finally {
    run.release();
  }
}

/** The bench starts Chromium so that a page has both; elsewhere the heap stays unknown. */
interface HeapTools {
  readonly gc?: () => void;
  readonly performance: { readonly memory?: { readonly usedJSHeapSize: number } };
}

async function measureHeap(model: LoadedModel): Promise<Heap> {
  const { gc, performance: tools } = globalThis as HeapTools;
  // Twice, with a turn between: what finalisers let go of is collected the second time.
  gc?.();
  await new Promise((resolve) => setTimeout(resolve, 0));
  gc?.();
  const heapBytes = gc === undefined ? null : (tools.memory?.usedJSHeapSize ?? null);
  return { heapBytes, memoryBytes: model.info.memoryBytes };
}
