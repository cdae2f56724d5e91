import type {
  Engine,
  EngineRequest,
  EngineRun,
  EngineStep,
  EngineUsage,
  LoadedModel,
  WeightSource,
} from '../../src/types.ts';
import { EngineError } from '../../src/errors.ts';

/**
 * An engine that fails as asked, by the text of the request: `throw`, `throw typed`, `trap`,
 * `hang`, `crash`, `endless`. Any other text is given back letter by letter. For faults only: the real
 * engine answers everything else.
 */
export function createFaultEngine(options: FaultEngineOptions = {}): Engine {
  return {
    kind: 'wasm',
    async load(source, { maxSlots = 4 } = {}) {
      await drain(source);
      options.onLoad?.();
      return createFaultModel(maxSlots, options);
    },
  };
}

export interface FaultEngineOptions {
  onLoad?(): void;
  /** Called at each step with the session that computes. */
  onStep?(sessionId: string): void;
}

async function drain(source: WeightSource): Promise<void> {
  let sizeBytes = 0;
  for await (const chunk of source.chunks()) sizeBytes += chunk.length;
  if (sizeBytes !== source.sizeBytes) throw new Error('The source gave too few bytes.');
}

function createFaultModel(maxSlots: number, options: FaultEngineOptions): LoadedModel {
  const open = new Set<string>();
  let isDisposed = false;
  return {
    info: {
      engine: 'wasm',
      sha256: '0'.repeat(64),
      architecture: 'fault',
      precision: 'exact',
      parameters: 1,
      vocabularySize: 256,
      contextLength: 64,
      maxSlots,
      memoryBytes: 0,
    },
    start(request) {
      if (open.has(request.sessionId)) throw new Error('Two open runs of one session.');
      if (open.size >= maxSlots) throw new Error('More runs than slots.');
      open.add(request.sessionId);
      return createFaultRun(request, {
        ...options,
        onRelease: () => open.delete(request.sessionId),
        isDisposed: () => isDisposed,
      });
    },
    canStart: (sessionId) => !open.has(sessionId) && open.size < maxSlots,
    countTokens: (text) => text.length,
    dispose() {
      isDisposed = true;
    },
  };
}

interface RunHooks extends FaultEngineOptions {
  onRelease(): void;
  isDisposed(): boolean;
}

function createFaultRun(request: EngineRequest, hooks: RunHooks): EngineRun {
  const text = textOf(request);
  let given = 0;
  const usage = (): EngineUsage => ({
    inputTokens: text.length,
    cachedTokens: 0,
    outputTokens: given,
    busyMs: given,
  });
  return {
    get usage() {
      return usage();
    },
    step() {
      if (hooks.isDisposed()) throw new EngineError('closed', 'The model was unloaded.');
      hooks.onStep?.(request.sessionId);
      const letter = text === 'endless' ? 'x' : text[given];
      if (text === 'throw') throw new WebAssembly.RuntimeError('unreachable');
      if (text === 'throw typed') throw new EngineError('out-of-memory', 'No memory is left.');
      // What our own engine makes of a trap in its kernel.
      if (text === 'trap') throw new EngineError('internal', 'The engine stopped while computing.');
      if (text === 'hang' || text === 'crash') {
        if (text === 'crash') queueMicrotask(() => reportFatal());
        return new Promise<EngineStep>(() => undefined);
      }
      if (letter === undefined || given >= request.maxTokens) {
        const reason = letter === undefined ? 'stop' : 'length';
        return { type: 'end', reason, usage: usage() };
      }
      given += 1;
      const evidence = { textLength: 1, logProbability: -0.5, margin: 1, isTyped: false };
      return { type: 'token', text: letter, evidence };
    },
    release: hooks.onRelease,
  };
}

/** An error nobody catches: browsers tell the page that started the worker. */
function reportFatal(): void {
  throw new Error('The engine pulled the worker down.');
}

function textOf({ input }: EngineRequest): string {
  if (input.kind === 'text') return input.text;
  if (input.kind === 'prefix') return input.before;
  return input.messages.at(-1)?.content ?? '';
}
