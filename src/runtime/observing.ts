import {
  reportObservations,
  toObservation,
  type Observation,
  type ObservationReport,
} from '../cascade/observe.ts';
import type { LossBudget } from '../cascade/certificate.ts';
import { parseRequest } from '../cascade/request.ts';
import { createId } from '../tiers/receipt.ts';
import type { Classification, Request } from '../types.ts';

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
  readonly findStudent: (task: string) => ((request: Request) => Promise<Classification>) | null;
}

/** The oldest go first. A few hundred bytes each. */
const MAX_OBSERVATIONS = 20_000;
/** Calls compared at a time; more are left out, so that a busy page never queues up work for us. */
const MAX_PENDING = 100;

export function createObserver({ findStudent }: ObserverOptions): Observer {
  const observations: Observation[] = [];
  let skipped = noSkips();
  let pending = 0;

  /** The device works only once the app has its answer: it must not slow the app's own call. */
  async function compare(
    request: Request,
    cloudAnswer: unknown,
    facts: ObservedFacts,
  ): Promise<SkipReason | null> {
    if (!isRequest(request) || !areFacts(facts)) return 'malformed';
    const sort = findStudent(request.task);
    if (sort === null) return 'no-student';
    const cloudLabel = await settle(cloudAnswer);
    if (cloudLabel === null) return 'cloud-failed';
    const device = await sort(request).catch(() => null);
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
      const reason = await compare(request, cloudAnswer, facts).catch(() => 'malformed' as const);
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

function noSkips(): Record<SkipReason, number> {
  return { malformed: 0, 'no-student': 0, 'cloud-failed': 0, 'student-failed': 0, 'too-many': 0 };
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
