import type { Runtime } from 'edgewise';

/** The rule for tasks nobody has a rule for: it shows every token as it comes. */
const TASK = 'benchmark';
/** A letter and then something else: the word that was begun is complete. */
const WORD_AND_MORE = /[\p{L}\p{N}][^\p{L}\p{N}]/u;

export interface AskOptions {
  readonly maxTokens: number;
  readonly signal: AbortSignal;
  /** Default: a session of its own, of which nothing is reused. */
  readonly sessionId?: string;
}

/** When the parts of an answer arrived, in milliseconds after the call. */
export interface TimedAnswer {
  readonly firstMs: number;
  /** `null` when no word was complete. */
  readonly firstWordMs: number | null;
  readonly wholeMs: number;
  /** From each token to the next. */
  readonly tokenMs: readonly number[];
  readonly inputTokens: number;
}

/** Continues a text as a page would, and looks at the clock at each event. */
export async function timeAnswer(
  runtime: Runtime,
  before: string,
  { signal, ...options }: AskOptions,
): Promise<TimedAnswer> {
  const startedAt = performance.now();
  const request = { task: TASK, input: { kind: 'prefix', before }, ...options } as const;
  const arrivals: { readonly ms: number; readonly tokens: number }[] = [];
  let text = '';
  let firstWordMs: number | null = null;
  for await (const event of runtime.stream(request, { signal })) {
    const ms = performance.now() - startedAt;
    if (event.type === 'text-delta') {
      text += event.text;
      arrivals.push({ ms, tokens: event.evidence.length });
      if (WORD_AND_MORE.test(text)) firstWordMs ??= ms;
    }
    if (event.type !== 'finish') continue;
    signal.throwIfAborted();
    const inputTokens = event.receipt.inputTokens ?? 0;
    const firstMs = arrivals[0]?.ms ?? ms;
    return { firstMs, firstWordMs, wholeMs: ms, tokenMs: gapsOf(arrivals), inputTokens };
  }
  throw new Error('The engine ended without a finish.');
}

/** Tokens that came together (parts of one character) share their time. */
function gapsOf(arrivals: readonly { readonly ms: number; readonly tokens: number }[]): number[] {
  return arrivals.slice(1).flatMap(({ ms, tokens }, index) => {
    const gap = (ms - (arrivals[index]?.ms ?? 0)) / Math.max(1, tokens);
    return Array.from({ length: Math.max(1, tokens) }, () => gap);
  });
}
