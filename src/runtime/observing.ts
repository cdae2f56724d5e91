import {
  reportObservations,
  toObservation,
  type Observation,
  type ObservationReport,
} from '../cascade/observe.ts';
import type { LossBudget } from '../cascade/certificate.ts';
import { parseRequest } from '../cascade/request.ts';
import { createId } from '../tiers/receipt.ts';
import type { CallOptions, Classification, Request } from '../types.ts';

/** What the app knows of its own call besides the answer. All optional. */
export interface ObservedFacts {
  /** The right label, where somebody knows it. Default: unknown, and the cloud counts as right. */
  readonly trueLabel?: string;
  /** What the call cost, US dollars. */
  readonly costUsd?: number;
  /** How long the call took. */
  readonly durationMs?: number;
}

/** Why a call could not be compared. */
export type SkipReason =
  | 'malformed'
  | 'no-student'
  | 'cloud-failed'
  | 'student-failed'
  /** Neither the app's call nor the device came to an end within 5 minutes. */
  | 'timed-out'
  | 'too-many';

export interface ObservationSummary extends ObservationReport {
  /** Calls that could not be compared, by reason. */
  readonly skipped: Readonly<Record<SkipReason, number>>;
}

export interface Observer {
  /** Never throws, never rejects. */
  observe(request: Request, cloudAnswer: unknown, facts: ObservedFacts | undefined): Promise<void>;
  report(budget?: Partial<LossBudget>): ObservationSummary;
  list(): readonly Observation[];
  clear(): void;
}

export interface ObserverOptions {
  /** Sorts as the device would; `null`: no student knows this task. */
  readonly findStudent: (
    task: string,
  ) => ((request: Request, options?: CallOptions) => Promise<Classification>) | null;
}

/** The oldest go first. A few hundred bytes each. */
const MAX_OBSERVATIONS = 20_000;
/** Calls compared at a time; more are left out, so that a busy page never queues up work for us. */
const MAX_PENDING = 100;
/** As long as a remote call may take; an answer that the app gave up must not hold its place for ever. */
const TIMEOUT_MS = 300_000;

export function createObserver({ findStudent }: ObserverOptions): Observer {
  const observations: Observation[] = [];
  let skipped = noSkips();
  let pending = 0;

  /** The device works only once the app has its answer: it must not slow the app's own call. */
  async function compare(
    { request, cloudAnswer, facts }: ObservedCallOfApp,
    signal: AbortSignal,
  ): Promise<SkipReason | null> {
    if (!isRequest(request) || !areFacts(facts)) return 'malformed';
    const sort = findStudent(request.task);
    if (sort === null) return 'no-student';
    const cloudLabel = await settle(cloudAnswer);
    if (cloudLabel === null) return 'cloud-failed';
    if (signal.aborted) return 'timed-out';
    const device = await sort(request, { signal }).catch(() => null);
    // Counted as timed out already: nothing may be added afterwards.
    if (signal.aborted) return 'timed-out';
    if (device === null) return 'student-failed';
    const { task } = request;
    const timeMs = Date.now();
    observations.push(
      toObservation({ id: createId(), timeMs, task, cloudLabel, device, ...facts }),
    );
    if (observations.length > MAX_OBSERVATIONS) observations.shift();
    return null;
  }

  return {
    async observe(request, cloudAnswer, facts = {}) {
      if (pending >= MAX_PENDING) {
        skipped['too-many'] += 1;
        // Nobody else of ours looks at it: a failure of the app's call stays the app's.
        void settle(cloudAnswer);
        return;
      }
      pending += 1;
      const reason = await withinTime((signal) => compare({ request, cloudAnswer, facts }, signal));
      pending -= 1;
      if (reason !== null) skipped[reason] += 1;
    },
    report: (budget) => ({ ...reportObservations(observations, budget), skipped: { ...skipped } }),
    list: () => [...observations],
    clear() {
      observations.length = 0;
      skipped = noSkips();
    },
  };
}

interface ObservedCallOfApp {
  readonly request: Request;
  readonly cloudAnswer: unknown;
  readonly facts: ObservedFacts;
}

/** What comes of the work, or `timed-out`. The work goes on unheard and is told to stop. */
async function withinTime(
  work: (signal: AbortSignal) => Promise<SkipReason | null>,
): Promise<SkipReason | null> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<SkipReason>((resolve) => {
    timer = setTimeout(() => {
      resolve('timed-out');
      controller.abort();
    }, TIMEOUT_MS);
  });
  try {
    return await Promise.race([work(controller.signal), timeout]);
  } catch {
    return 'malformed'; // Told in the report: nothing of ours is thrown into the app's path.
  } finally {
    clearTimeout(timer);
  }
}

function noSkips(): Record<SkipReason, number> {
  return {
    malformed: 0,
    'no-student': 0,
    'cloud-failed': 0,
    'student-failed': 0,
    'timed-out': 0,
    'too-many': 0,
  };
}

function isRequest(value: unknown): boolean {
  try {
    parseRequest(value);
    return true;
  } catch {
    return false; // Told in the report: nothing of ours is thrown into the app's path.
  }
}

function areFacts({ trueLabel, costUsd, durationMs }: ObservedFacts): boolean {
  const isAmount = (value: unknown): boolean =>
    value === undefined || (typeof value === 'number' && value >= 0 && Number.isFinite(value));
  return (
    (trueLabel === undefined || typeof trueLabel === 'string') &&
    isAmount(costUsd) &&
    isAmount(durationMs)
  );
}

/** The app's answer once it is there; `null` when its call failed or gave no label. */
async function settle(answer: unknown): Promise<string | null> {
  try {
    const label: unknown = await answer;
    return typeof label === 'string' && label !== '' ? label : null;
  } catch {
    return null;
  }
}
