import { createRandom, shuffled } from '../evaluate/draws.ts';
import type { LoggedCall } from './logged-call.ts';

/** A text that was asked once or more often. */
export interface LoggedRequest {
  readonly text: string;
  /** In the order of the log. */
  readonly calls: readonly [LoggedCall, ...LoggedCall[]];
}

export interface SplitRequests {
  readonly training: readonly LoggedRequest[];
  readonly judged: readonly LoggedRequest[];
  /** Requests before `training`: more than are needed. */
  readonly unused: number;
  /** By time when every call has one: what is judged then came after what was learnt from. */
  readonly order: 'time' | 'random';
}

export interface SplitOptions {
  readonly seed: number;
  readonly mostTraining: number;
}

/** Labels on which the share that a certificate keeps has about settled (docs/decisions.md). */
const ENOUGH_JUDGED = 1000;
/** Of a large log this share is judged. */
const JUDGED_SHARE = 0.2;

/** One request per distinct text: a repeated one is no further evidence, and belongs on one side. */
export function groupCalls(calls: readonly LoggedCall[]): LoggedRequest[] {
  const byText = new Map<string, [LoggedCall, ...LoggedCall[]]>();
  for (const call of calls) {
    const known = byText.get(call.text);
    if (known === undefined) byText.set(call.text, [call]);
    else known.push(call);
  }
  return [...byText].map(([text, each]) => ({ text, calls: each }));
}

/** What is learnt from and what is judged: half of a small log, a fifth of a large one. */
export function splitRequests(
  requests: readonly LoggedRequest[],
  { seed, mostTraining }: SplitOptions,
): SplitRequests {
  const { length } = requests;
  const judgedCount = Math.floor(
    Math.min(length / 2, Math.max(ENOUGH_JUDGED, length * JUDGED_SHARE)),
  );
  const hasTimes = requests.every(({ calls }) => calls[0].timeMs !== null);
  const ordered = hasTimes
    ? requests.toSorted((left, right) => timeOf(left) - timeOf(right))
    : shuffled(requests, createRandom(seed));
  const before = ordered.slice(0, length - judgedCount);
  return {
    training: before.slice(-mostTraining),
    judged: ordered.slice(length - judgedCount),
    unused: Math.max(0, before.length - mostTraining),
    order: hasTimes ? 'time' : 'random',
  };
}

function timeOf({ calls: [first] }: LoggedRequest): number {
  return first.timeMs ?? 0;
}
