import type { CompletionPiece } from '../../completion/completion.ts';
import type { EngineRun, LoadedModel } from '../../types.ts';
import type { WritingTurn } from './turns.ts';

/** What a source says at one caret position. */
export interface Pass {
  readonly pieces: readonly CompletionPiece[];
  /** Whether the text ends after the last piece. */
  readonly isEnded: boolean;
  /** Time to the last piece. */
  readonly ms: number;
}

/** One pass before each character of a turn. */
export type TurnPasses = readonly Pass[];

export interface PassOptions {
  /** The person's earlier messages, before the dialogue. */
  readonly history: readonly string[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Few suggestions are longer; generation ends earlier at `LEAST_PRODUCT`. */
const MOST_TOKENS = 8;
/** Far below any threshold that is fitted, and enough to judge the first word everywhere. */
const LEAST_PRODUCT = 0.05;

/** Asks the model at every character of every turn, as typing would, with its KV kept. */
export async function computePasses(
  model: LoadedModel,
  turns: readonly WritingTurn[],
  { history, signal, onProgress }: PassOptions,
): Promise<TurnPasses[]> {
  const all: TurnPasses[] = [];
  for (const [index, turn] of turns.entries()) {
    const lead = [...history, ...turn.context].map((line) => `${line}\n`).join('');
    const passes: Pass[] = [];
    for (let position = 0; position < turn.text.length; position++) {
      signal?.throwIfAborted();
      passes.push(await runPass(model, lead + turn.text.slice(0, position)));
    }
    all.push(passes);
    onProgress?.(index + 1, turns.length);
  }
  return all;
}

async function runPass(model: LoadedModel, before: string): Promise<Pass> {
  const startedAt = performance.now();
  const run = model.start({
    sessionId: 'writing',
    input: { kind: 'prefix', before },
    maxTokens: MOST_TOKENS,
    stop: ['\n'],
    minProduct: LEAST_PRODUCT,
  });
  try {
    const { pieces, isEnded } = await collect(run);
    return { pieces, isEnded, ms: performance.now() - startedAt };
  } finally {
    run.release();
  }
}

async function collect(run: EngineRun): Promise<Omit<Pass, 'ms'>> {
  const pieces: CompletionPiece[] = [];
  for (;;) {
    const step = await run.step();
    if (step.type === 'end') return { pieces, isEnded: step.reason === 'stop' };
    if (step.type !== 'token') continue;
    const { logProbability, isTyped } = step.evidence;
    pieces.push({ text: step.text, logProbability, isTyped });
  }
}
