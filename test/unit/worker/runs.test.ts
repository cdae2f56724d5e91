import { describe, expect, it, vi } from 'vitest';
import type { EngineError } from '../../../src/errors.ts';
import type { EngineRun, EngineStep, LoadedModel } from '../../../src/types.ts';
import type { CurrentModel } from '../../../src/worker/loaded-models.ts';
import type { GenerateRequest, Priority } from '../../../src/worker/protocol.ts';
import { createRuns } from '../../../src/worker/runs.ts';
import type { Runs } from '../../../src/worker/runs.ts';
import { createFaultEngine } from '../../helpers/fault-engine.ts';

const source = { sizeBytes: 0, sha256: '', async *chunks() {} };

interface Run {
  readonly steps: EngineStep[];
  readonly errors: unknown[];
  readonly text: () => string;
  readonly isOver: () => boolean;
}

interface Setup {
  readonly runs: Runs;
  /** Sessions in the order of their steps. */
  readonly order: string[];
  readonly loads: string[];
  readonly discarded: EngineError[];
  submit(sessionId: string, text: string, options?: SubmitOptions): Run;
}

interface SubmitOptions {
  readonly priority?: Priority;
  readonly modelId?: string;
  onStep?(step: EngineStep): void;
}

/** The same run with two parts before each step. */
function inParts(run: EngineRun, onPart: () => void): EngineRun {
  let parts = 0;
  return {
    ...run,
    stepPart() {
      onPart();
      parts += 1;
      return parts % 3 === 0 ? (run.step() as EngineStep) : null;
    },
  };
}

/** `hasParts`: `order` then has a session for each part of its steps. */
async function setUp({
  maxSlots = 4,
  stepTimeoutMs = 60_000,
  hasParts = false,
} = {}): Promise<Setup> {
  const order: string[] = [];
  const loads: string[] = [];
  const discarded: EngineError[] = [];
  const engine = createFaultEngine({
    onStep: (sessionId) => hasParts || order.push(sessionId),
  });
  const load = async (): Promise<LoadedModel> => {
    const model = await engine.load(source, { maxSlots });
    if (!hasParts) return model;
    const start: LoadedModel['start'] = (request) =>
      inParts(model.start(request), () => order.push(request.sessionId));
    return { ...model, start };
  };
  let current: CurrentModel | null = { id: 'm', model: await load() };
  const runs = createRuns({
    current: () => current,
    async load(id) {
      loads.push(id);
      current = { id, model: await load() };
    },
    discard(error) {
      discarded.push(error);
      current?.model.dispose();
      current = null;
    },
    stepTimeoutMs,
  });
  let count = 0;

  return {
    runs,
    order,
    loads,
    discarded,
    submit(sessionId, text, { priority = 'interactive', modelId = 'm', onStep } = {}) {
      const steps: EngineStep[] = [];
      const errors: unknown[] = [];
      const input = { kind: 'text', text } as const;
      const request: GenerateRequest = { modelId, sessionId, priority, input, maxTokens: 50 };
      count += 1;
      runs.submit({
        key: `key ${count}`,
        sessionId,
        request,
        onStep(step) {
          steps.push(step);
          onStep?.(step);
        },
        onError: (error) => errors.push(error),
      });
      return {
        steps,
        errors,
        text: () => steps.map((step) => (step.type === 'token' ? step.text : '')).join(''),
        isOver: () => errors.length > 0 || steps.at(-1)?.type === 'end',
      };
    },
  };
}

const untilOver = (...all: Run[]): Promise<void> =>
  vi.waitFor(() => expect(all.every((run) => run.isOver())).toBe(true));

describe('createRuns', () => {
  it('takes turns between runs of the same priority', async () => {
    const { submit, order } = await setUp();
    await untilOver(submit('a', 'aaa'), submit('b', 'bbb'));
    expect(order.slice(0, 6)).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
  });

  it('lets a keystroke in at the next step and goes on afterwards', async () => {
    const { submit, order } = await setUp();
    let key: Run | null = null;
    const answer = submit('answer', 'abcdef', {
      onStep: () => (key ??= submit('key', 'xy', { priority: 'keystroke' })),
    });
    await untilOver(answer);
    expect(order.slice(0, 5)).toEqual(['answer', 'key', 'key', 'key', 'answer']);
    expect(answer.text()).toBe('abcdef');
    expect((key as Run | null)?.text()).toBe('xy');
  });

  it('queues runs until there is a slot, and loses none', async () => {
    const { submit } = await setUp({ maxSlots: 2 });
    const runs = ['a', 'b', 'c', 'd', 'e'].map((id) => submit(id, `${id}${id}`));
    await untilOver(...runs);
    expect(runs.map((run) => run.text())).toEqual(['aa', 'bb', 'cc', 'dd', 'ee']);
  });

  it('ends the older run of a session, whether it waits or computes', async () => {
    const { submit } = await setUp();
    const first = submit('s', 'endless');
    const second = submit('s', 'endless');
    const other = submit('t', 'ok');
    const third = submit('s', 'last');
    await untilOver(first, second, third, other);
    for (const run of [first, second]) {
      expect(run.errors).toMatchObject([{ code: 'superseded', isRetryable: false }]);
    }
    expect(third.text()).toBe('last');
    expect(other.text()).toBe('ok');
  });

  it('is silent about a run that was aborted, and frees its slot', async () => {
    const { submit, runs } = await setUp({ maxSlots: 1 });
    const aborted = submit('a', 'endless', { onStep: () => runs.abort('key 1') });
    const next = submit('b', 'b');
    await untilOver(next);
    expect(aborted.errors).toEqual([]);
    expect(aborted.steps).toHaveLength(1);
    expect(runs.abort('key 1')).toBe(false);
  });

  it('fails only the run whose engine error is typed', async () => {
    const { submit, discarded } = await setUp();
    const bad = submit('a', 'throw typed');
    const good = submit('b', 'good');
    await untilOver(bad, good);
    expect(bad.errors).toMatchObject([{ code: 'out-of-memory' }]);
    expect(good.text()).toBe('good');
    expect(discarded).toEqual([]);
  });

  it('drops a model whose engine broke, fails its runs, and loads it for the next', async () => {
    const { submit, discarded, loads } = await setUp();
    const bystander = submit('b', 'endless');
    const bad = submit('a', 'throw');
    await untilOver(bad, bystander);
    expect(discarded).toHaveLength(1);
    for (const run of [bad, bystander]) {
      expect(run.errors).toMatchObject([{ code: 'internal', isRetryable: true }]);
    }
    const next = submit('c', 'c');
    await untilOver(next);
    expect(next.text()).toBe('c');
    expect(loads).toEqual(['m']);
  });

  it('drops a model whose kernel trapped, and loads it for the next', async () => {
    const { submit, discarded, loads } = await setUp();
    const bad = submit('a', 'trap');
    await untilOver(bad);
    expect(bad.errors).toMatchObject([{ code: 'internal', isRetryable: true }]);
    expect(discarded).toHaveLength(1);
    const next = submit('b', 'b');
    await untilOver(next);
    expect(next.text()).toBe('b');
    expect(loads).toEqual(['m']);
  });

  it('gives up an engine whose step never ends', async () => {
    const { submit, discarded } = await setUp({ stepTimeoutMs: 20 });
    const hanging = submit('a', 'hang');
    await untilOver(hanging);
    expect(hanging.errors).toMatchObject([
      { code: 'internal', cause: { message: expect.stringContaining('20 ms') } },
    ]);
    expect(discarded).toHaveLength(1);
  });

  it('loads another model when a run asks for it', async () => {
    const { submit, loads } = await setUp();
    const other = submit('a', 'x', { modelId: 'other' });
    await untilOver(other);
    expect(other.text()).toBe('x');
    expect(loads).toEqual(['other']);
  });

  it('keeps new runs back while it is held, and lets the running ones end', async () => {
    const { submit, runs } = await setUp();
    const running = submit('a', 'abc');
    const resume = await runs.quiesce();
    expect(running.text()).toBe('abc');
    const kept = submit('b', 'b');
    const second = await runs.quiesce();
    expect(kept.steps).toEqual([]);
    second();
    resume();
    await untilOver(kept);
    expect(kept.text()).toBe('b');
  });

  it('ends all runs when it is closed', async () => {
    const { submit, runs } = await setUp({ maxSlots: 1 });
    const all = [submit('a', 'endless'), submit('b', 'b'), submit('c', 'c')];
    const error = new Error('closed');
    runs.failAll(error);
    expect(all.flatMap((run) => run.errors)).toEqual([error, error, error]);
  });

  it('lets a keystroke in between two parts of a step', async () => {
    const { submit, order, runs } = await setUp({ hasParts: true });
    const answer = submit('answer', 'abc');
    await vi.waitFor(() => expect(order).toEqual(['answer']));
    const key = submit('key', 'x', { priority: 'keystroke' });
    await untilOver(answer, key);
    // One letter and the end of the key, of three parts each, before the answer's first step goes on.
    const keys = ['key', 'key', 'key', 'key', 'key', 'key'];
    expect(order.slice(0, 8)).toEqual(['answer', ...keys, 'answer']);
    expect(answer.text()).toBe('abc');
    expect(key.text()).toBe('x');
    expect(runs.abort('key 1')).toBe(false);
  });

  it('takes turns between equals at whole steps', async () => {
    const { submit, order } = await setUp({ hasParts: true });
    await untilOver(submit('a', 'aa'), submit('b', 'bb'));
    expect(order.slice(0, 9).join('')).toBe('aaabbbaaa');
  });

  it('computes no further part of a step whose run was aborted', async () => {
    const { submit, order, runs } = await setUp({ hasParts: true });
    const aborted = submit('a', 'endless');
    await vi.waitFor(() => expect(order).toEqual(['a']));
    runs.abort('key 1');
    const next = submit('b', 'b');
    await untilOver(next);
    expect(order.filter((session) => session === 'a')).toHaveLength(1);
    expect(aborted.steps).toEqual([]);
  });
});
