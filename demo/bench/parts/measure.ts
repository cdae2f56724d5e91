import { createRuntime, type Precision, type Runtime } from 'edgewise';

import { openRoofs, type Roofs } from '../../../bench/peers/roofs.ts';
import { timeAnswer } from './answer.ts';
import { PREFIX, randomPrompt, TYPED } from './prompts.ts';

/** Everything timed with one arithmetic, in milliseconds unless it says otherwise. */
export interface Samples {
  readonly readyMs: number;
  readonly tokenMs: number[];
  readonly prompt32Ms: number[];
  readonly prompt128Ms: number[];
  readonly firstWordMs: number[];
  readonly wholeMs: number[];
  /** One pass over the bytes of a token. */
  readonly readMs: number[];
  /** Billions of multiply-adds a second. */
  readonly gigaMacs: number[];
}

export interface MeasureOptions {
  readonly modelId: string;
  readonly modelsUrl: string;
  readonly precision: Precision;
  readonly bytesPerToken: number;
  readonly signal: AbortSignal;
  /** Called before each step: its name, and how much of this arithmetic's run is done, 0 to 1. */
  onStep(name: string, doneShare: number): void;
}

/** Round 0 warms up and does not count. */
const ROUNDS = 5;
const TOKENS_PER_ROUND = 16;
const SUGGESTION_TOKENS = 8;
const PROBE_WORDS = 16;
/** What typing takes of a run, roughly: for the progress only. */
const TYPING_SHARE = 0.35;

/** Measures one arithmetic of the engine through the package, and what one thread can do beside it. */
export async function measure(options: MeasureOptions): Promise<Samples> {
  const { modelId, modelsUrl, precision, signal, onStep } = options;
  const runtime = createRuntime({
    model: modelId,
    models: { baseUrl: modelsUrl },
    mode: 'only-on-device',
    precision,
  });
  // Calls to the roofs end with their worker.
  const opening = openRoofs(options.bytesPerToken);
  try {
    onStep('loading the model', 0);
    const startedAt = performance.now();
    await runtime.models.load(modelId, { signal });
    const samples = emptySamples(performance.now() - startedAt);
    const roofs = await untilAborted(opening, signal);
    await measureRounds({ ...options, runtime, roofs }, samples);
    await measureTyping({ ...options, runtime }, samples);
    return samples;
  } finally {
    runtime.close();
    void opening.then(
      (roofs) => roofs.close(),
      () => undefined,
    );
  }
}

function emptySamples(readyMs: number): Samples {
  return {
    readyMs,
    tokenMs: [],
    prompt32Ms: [],
    prompt128Ms: [],
    firstWordMs: [],
    wholeMs: [],
    readMs: [],
    gigaMacs: [],
  };
}

type Bench = MeasureOptions & { readonly runtime: Runtime };

/** Roofs and engine take turns, so that what else runs slows them alike. */
async function measureRounds(bench: Bench & { readonly roofs: Roofs }, samples: Samples) {
  const { roofs, precision, signal, onStep } = bench;
  const tokensPerWord = await countTokensPerWord(bench);
  for (let round = 0; round <= ROUNDS; round++) {
    const name = round === 0 ? 'warming up' : `round ${round} of ${ROUNDS}`;
    onStep(name, ((1 - TYPING_SHARE) * (round + 1)) / (ROUNDS + 2));
    const readMs = await untilAborted(roofs.readMs(), signal);
    const gigaMacs = await untilAborted(roofs.gigaMacs(precision), signal);
    const short = await timePrompt(bench, { tokens: 32, tokensPerWord, maxTokens: 1 });
    const long = await timePrompt(bench, {
      tokens: 128,
      tokensPerWord,
      maxTokens: TOKENS_PER_ROUND + 1,
    });
    if (round === 0) continue;
    samples.readMs.push(...readMs);
    samples.gigaMacs.push(...gigaMacs);
    samples.prompt32Ms.push(short.promptMs);
    samples.prompt128Ms.push(long.promptMs);
    samples.tokenMs.push(...long.tokenMs);
  }
}

interface PromptPlan {
  readonly tokens: number;
  readonly tokensPerWord: number;
  readonly maxTokens: number;
}

async function timePrompt({ runtime, signal }: Bench, plan: PromptPlan) {
  const { tokens, tokensPerWord, maxTokens } = plan;
  const prompt = randomPrompt(Math.max(1, Math.round(tokens / tokensPerWord)));
  const { firstMs, tokenMs, inputTokens } = await timeAnswer(runtime, prompt, {
    maxTokens,
    signal,
  });
  // Where a word is not always a token the prompt misses its length by a few of them.
  return { promptMs: (firstMs * tokens) / inputTokens, tokenMs };
}

/** The page has no tokenizer: the engine's own count tells. */
async function countTokensPerWord({ runtime, signal }: Bench): Promise<number> {
  const { inputTokens } = await timeAnswer(runtime, randomPrompt(PROBE_WORDS), {
    maxTokens: 1,
    signal,
  });
  return inputTokens / PROBE_WORDS;
}

/** One session, as a text field has: what was computed for the last key is reused. */
async function measureTyping({ runtime, signal, onStep }: Bench, samples: Samples): Promise<void> {
  for (let count = 0; count <= TYPED.length; count++) {
    const doneShare = 1 - TYPING_SHARE + (TYPING_SHARE * count) / (TYPED.length + 1);
    if (count % 8 === 0) onStep('typing', doneShare);
    const text = PREFIX + TYPED.slice(0, count);
    const { firstWordMs, wholeMs } = await timeAnswer(runtime, text, {
      maxTokens: SUGGESTION_TOKENS,
      signal,
      sessionId: 'typing',
    });
    // The prefix alone is where typing begins: nothing is there to be reused yet.
    if (count === 0) continue;
    samples.firstWordMs.push(firstWordMs ?? wholeMs);
    samples.wholeMs.push(wholeMs);
  }
}

/** `work` itself cannot be cancelled; its worker is ended afterwards. */
function untilAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}
