import type { EngineRun, EngineStep } from '../types.ts';
import type { GenerateRequest, Priority } from './protocol.ts';

export interface RunRequest {
  /** Unique among all runs of this host. */
  readonly key: string;
  /** Session of the client, made unique among clients. */
  readonly sessionId: string;
  readonly request: GenerateRequest;
  onStep(step: EngineStep): void;
  /** Called at most once, and never after the `end` step. */
  onError(error: unknown): void;
}

/** `loading`: its model is on the way. `waiting`: for a slot. `active`: takes turns. */
export type JobStatus = 'loading' | 'waiting' | 'active' | 'over';

/** A run from its arrival to its end. */
export interface Job extends RunRequest {
  readonly priority: Priority;
  readonly arrival: number;
  lastStep: number;
  status: JobStatus;
  run: EngineRun | null;
  /** In the middle of a step, when its slot cannot be given back yet. */
  isStepping: boolean;
}

export interface JobList {
  /** Takes a request in as `waiting`. */
  add(request: RunRequest): Job;
  withStatus(status: JobStatus): Job[];
  ofSession(sessionId: string): Job[];
  /** Takes the job out and gives its slot back. Idempotent. */
  end(job: Job): void;
  /** Ends the job of this key without a word. `false` when there is none. */
  abort(key: string): boolean;
  /** Ends the job and tells its owner, unless it is over. */
  fail(job: Job, error: unknown): void;
  failAll(error: unknown): void;
}

export function createJobList(): JobList {
  const jobs = new Map<string, Job>();
  let arrivals = 0;

  const where = (isWanted: (job: Job) => boolean): Job[] => [...jobs.values()].filter(isWanted);

  function end(job: Job): void {
    if (job.status === 'over') return;
    job.status = 'over';
    jobs.delete(job.key);
    if (!job.isStepping) job.run?.release();
  }

  function fail(job: Job, error: unknown): void {
    if (job.status === 'over') return;
    end(job);
    job.onError(error);
  }

  return {
    add(request) {
      arrivals += 1;
      const job: Job = {
        ...request,
        priority: request.request.priority,
        arrival: arrivals,
        lastStep: 0,
        status: 'waiting',
        run: null,
        isStepping: false,
      };
      jobs.set(job.key, job);
      return job;
    },
    withStatus: (status) => where((job) => job.status === status),
    ofSession: (sessionId) => where((job) => job.sessionId === sessionId),
    end,
    fail,
    abort(key) {
      const job = jobs.get(key);
      if (job !== undefined) end(job);
      return job !== undefined;
    },
    failAll(error) {
      for (const job of jobs.values()) fail(job, error);
    },
  };
}
