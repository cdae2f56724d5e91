/// <reference lib="webworker" />
// Our engine as a page uses it: sessions, token healing, and the KV of the last key reused.
import { createGgufReader } from '../../src/engines/wasm/gguf.ts';
import { readTokenizer } from '../../src/text/tokenizer.ts';
import type { LoadedModel, Precision } from '../../src/types.ts';
import { fetchBytes, loadModel } from '../load-model.ts';
import { answerCalls } from '../worker-client.ts';

const CONTEXT_LENGTH = 512;
/** A letter and then something else: the word that was begun is complete. */
const WORD_AND_MORE = /[\p{L}\p{N}][^\p{L}\p{N}]/u;

interface Suggested {
  readonly firstMs: number;
  readonly wholeMs: number;
  /** New tokens until the first word was complete. */
  readonly firstWordTokens: number;
}

let model: LoadedModel;
let encode: (text: string) => readonly number[];

answerCalls({
  async load(url: string, precision: Precision) {
    const bytes = await fetchBytes(url);
    model = await loadModel(bytes, { precision, contextLength: CONTEXT_LENGTH, maxSlots: 1 });
    const { header } = createGgufReader(bytes.length).push(bytes)!;
    const tokenizer = readTokenizer(header.metadata);
    encode = (text) => tokenizer.encode(text);
  },
  /** For engines that have no tokenizer of their own. */
  encode: (text: string) => encode(text),
  suggest,
});

async function suggest(before: string, newTokens: number): Promise<Suggested> {
  const startedAt = performance.now();
  const input = { kind: 'prefix', before } as const;
  // Tokens that only repeat typed letters count too: some more than are wanted may be needed.
  const run = model.start({ sessionId: 'field', input, maxTokens: newTokens * 3 });
  let text = '';
  let count = 0;
  let first: { ms: number; tokens: number } | null = null;
  try {
    while (count < newTokens) {
      const step = await run.step();
      if (step.type === 'end') break;
      if (step.type === 'prefill') continue;
      text += step.text;
      if (!step.evidence.isTyped) count += 1;
      if (WORD_AND_MORE.test(text)) {
        first ??= { ms: performance.now() - startedAt, tokens: count };
      }
    }
  } finally {
    run.release();
  }
  const wholeMs = performance.now() - startedAt;
  return { firstMs: first?.ms ?? wholeMs, wholeMs, firstWordTokens: first?.tokens ?? newTokens };
}
