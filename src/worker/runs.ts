import { EdgewiseError, EngineError } from '../errors.ts';
import type { EngineRun, EngineStep } from '../types.ts';
import { createJobList } from './job-list.ts';
import type { Job, JobList, RunRequest } from './job-list.ts';
import type { CurrentModel } from './loaded-models.ts';
import { pickStart, pickTurn } from './schedule.ts';
import { createTurnLoop } from './turn-loop.ts';

/** Every run of the host: those that wait for a model or a slot, and those that take turns. */
export interface Runs {
  /** Takes a run in. An older run of the same session ends with `EngineError` `superseded`. */
  submit(run: RunRequest): void;
  /** Ends a run without a word, before its next step. `false` when there is none. */
  abort(key: string): boolean;
  /** Waits until no run computes; none starts until the returned function is called. */
  quiesce(): Promise<() => void>;
  /** Ends all runs with this error. */
  failAll(error: Error): void;
}

export interface RunsOptions {
  current(): CurrentModel | null;
  load(modelId: string): Promise<unknown>;
  /** The engine broke: its model is unusable. */
  discard(error: EngineError): void;
  /** Longest wait for a step that computes elsewhere. Default 60,000. */
  readonly stepTimeoutMs?: number | undefined;
}

/** A step is a tile or a token; the slowest phone needs seconds at most. */
const STEP_TIMEOUT_MS = 60_000;

export function createRuns(options: RunsOptions): Runs {
  const jobs = createJobList();
  const loop = createTurnLoop(takeTurn);
  let holds = 0;
  let steps = 0;

  function takeTurn(): Promise<void> | null {
    const current = options.current();
    const strangers = jobs.withStatus('waiting').filter((job) => !isServed(job, current));
    for (const job of strangers) void prepare(job);
    if (holds === 0 && current !== null) admit(jobs, current);
    const job = pickTurn(jobs.withStatus('active'));
    if (job?.run == null) return null;
    return advance(job, job.run);
  }

  /** Loads the job's model, however often another one takes its place meanwhile. */
  async function prepare(job: Job): Promise<void> {
    job.status = 'loading';
    try {
      await options.load(job.request.modelId);
      if (job.status === 'loading') job.status = 'waiting';
      loop.wake();
    } catch (error) {
      jobs.fail(job, error);
    }
  }

  /** A part of a step, where the engine has them: a key waits no longer than for one part. */
  async function advance(job: Job, run: EngineRun): Promise<void> {
    job.isStepping = true;
    const outcome = await compute(run, options.stepTimeoutMs ?? STEP_TIMEOUT_MS);
    job.isStepping = false;
    if (job.status === 'over') run.release();
    // Until its step is complete the run keeps its place: equals take turns at whole steps.
    if (outcome.status === 'begun') return;
    steps += 1;
    job.lastStep = steps;
    if (outcome.status === 'broken') breakEngine(outcome.error);
    else settleStep(jobs, job, outcome);
  }

  function breakEngine(error: EngineError): void {
    const broken = jobs.withStatus('active');
    options.discard(error);
    for (const job of broken) jobs.fail(job, error);
  }

  return {
    submit(request) {
      for (const older of jobs.ofSession(request.sessionId)) jobs.fail(older, superseded());
      jobs.add(request);
      loop.wake();
    },
    abort: jobs.abort,
    async quiesce() {
      holds += 1;
      await loop.whenIdle();
      return () => {
        holds -= 1;
        loop.wake();
      };
    },
    failAll: jobs.failAll,
  };
}

/** Starts waiting runs as long as there are slots. */
function admit(jobs: JobList, current: CurrentModel): void {
  const { model } = current;
  for (;;) {
    const waiting = jobs.withStatus('waiting').filter((job) => isServed(job, current));
    const active = jobs.withStatus('active');
    const job = pickStart(waiting, active, {
      maxSlots: model.info.maxSlots,
      canStart: (sessionId) => model.canStart(sessionId),
    });
    if (job === undefined) return;
    startJob(jobs, job, current);
  }
}

function isServed(job: Job, current: CurrentModel | null): boolean {
  return job.request.modelId === current?.id;
}

function startJob(jobs: JobList, job: Job, { model }: CurrentModel): void {
  try {
    job.run = model.start({ ...job.request, sessionId: job.sessionId });
    job.status = 'active';
  } catch (error) {
    jobs.fail(job, error);
  }
}

type StepOutcome =
  | TypedOutcome
  | { readonly status: 'begun' }
  | { readonly status: 'broken'; readonly error: EngineError };

type TypedOutcome =
  | { readonly status: 'done'; readonly step: EngineStep }
  | { readonly status: 'failed'; readonly error: Error };

function settleStep(jobs: JobList, job: Job, outcome: TypedOutcome): void {
  if (job.status === 'over') return;
  if (outcome.status === 'failed') {
    jobs.fail(job, outcome.error);
    return;
  }
  if (outcome.step.type === 'end') jobs.end(job);
  job.onStep(outcome.step);
}

async function compute(run: EngineRun, timeoutMs: number): Promise<StepOutcome> {
  try {
    const step = run.stepPart === undefined ? run.step() : run.stepPart();
    if (step === null) return { status: 'begun' };
    return { status: 'done', step: step instanceof Promise ? await inTime(step, timeoutMs) : step };
  } catch (error) {
    // A typed error concerns this run; a trap, numbers that are none, or anything else unforeseen
    // leaves the engine in doubt.
    if (EdgewiseError.is(error) && error.code !== 'internal') return { status: 'failed', error };
    return { status: 'broken', error: engineFault(error) };
  }
}

/** Our own engine's steps are ready at once; others compute elsewhere and may never answer. */
async function inTime<Value>(work: Promise<Value>, timeoutMs: number): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const error = new Error(`A step did not end within ${timeoutMs} ms.`);
    timer = setTimeout(() => reject(error), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function superseded(): EngineError {
  return new EngineError(
    'superseded',
    'A newer request of the same session took the place of this one. Give requests that must both end a sessionId each.',
  );
}

function engineFault(cause: unknown): EngineError {
  return new EngineError(
    'internal',
    'The engine failed while computing, and its model was dropped. Repeat the call: the model is loaded again first.',
    { cause, isRetryable: true },
  );
}
