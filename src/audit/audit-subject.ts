import { findAnswerSet, type AnswerSet } from './answer-set.ts';
import type { LoggedCall } from './logged-call.ts';
import { groupCalls, type LoggedRequest } from './logged-requests.ts';

/** The calls that an audit is about. */
export interface AuditSubject {
  readonly calls: number;
  /** One per distinct text. */
  readonly requests: readonly LoggedRequest[];
  readonly answers: AnswerSet;
}

/** Fewer distinct texts than this cannot be halved into anything that says something. */
export const FEWEST_REQUESTS = 40;

/**
 * All calls; where these are text that is written anew, the largest task among them, told by its
 * instructions, whose answers are a closed set: a log often mixes sorting with other work.
 */
export function findSubject(calls: readonly LoggedCall[]): AuditSubject {
  const whole = subjectOf(calls);
  if (whole.answers.kind !== 'free-text') return whole;
  const byTask = new Map<string, LoggedCall[]>();
  for (const call of calls) {
    if (call.instructions === null) continue;
    const known = byTask.get(call.instructions);
    if (known === undefined) byTask.set(call.instructions, [call]);
    else known.push(call);
  }
  const tasks = [...byTask.values()].filter(({ length }) => length >= FEWEST_REQUESTS);
  for (const task of tasks.toSorted((left, right) => right.length - left.length)) {
    const subject = subjectOf(task);
    if (subject.answers.kind === 'labels') return subject;
  }
  return whole;
}

function subjectOf(calls: readonly LoggedCall[]): AuditSubject {
  const requests = groupCalls(calls);
  const answers = findAnswerSet(requests.map(({ calls: [first] }) => first.answer));
  return { calls: calls.length, requests, answers };
}
