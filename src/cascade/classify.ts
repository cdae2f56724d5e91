import { PolicyError } from '../errors.ts';
import type { Classification, ClassifyOptions, Decision, Request, StudentInfo } from '../types.ts';
import {
  openTurn,
  parseClassifyCall,
  withoutStudent,
  type ClassifyCascadeOptions,
  type ClassifyTurn,
  type ReadyStudent,
} from './classify-turn.ts';
import { judgeLabel, settle } from './judge-label.ts';
import { decide, type RouteDecision } from './policy.ts';
import { isTierFailure } from './turn.ts';

/** A label, who gave it, how sure, and why it stands. */
export type SortedText = Classification & { readonly decision: Decision };

/**
 * Sorts texts: the student first, a tier above where the student is not sure enough or the owner's
 * rules say so; at most one tier above is asked. Where it fails the student's label stands, and the
 * decision says so.
 *
 * The call rejects with `TypeError` or `RangeError` when it is malformed; with `PolicyError` `no-tier` or
 * `egress-forbidden` where nobody may answer; else with what the last tier asked failed with.
 */
export function createClassifyCascade(
  options: ClassifyCascadeOptions,
): (request: Request, call?: ClassifyOptions) => Promise<SortedText> {
  return async (value, call = {}) => {
    const request = parseClassifyCall(value, call);
    call.signal?.throwIfAborted();
    try {
      return await runTurn(await openTurn(options, request, call));
    } catch (error) {
      call.signal?.throwIfAborted();
      throw error;
    }
  };
}

async function runTurn(turn: ClassifyTurn): Promise<SortedText> {
  const { student, situation } = turn;
  if (situation.rungs.length === 0) throw turn.studentError ?? nobody();
  const opening = decide(situation);
  if (opening.route === null) {
    tell(turn, settle(opening));
    throw turn.studentError ?? refusal(opening);
  }
  if (student === null || opening.route !== student.tier.id) return askFirst(turn, opening);
  let sorted: SortedByStudent;
  try {
    sorted = await sort(turn, student);
  } catch (error) {
    // As if it had not opened: a crash between the two must not hide who else may answer.
    if (!isTierFailure(error, turn.call.signal)) throw error;
    return runTurn(withoutStudent(turn, error));
  }
  const { answer, info } = sorted;
  // After a crash the worker opens what is stored by then; a promise holds for one student alone.
  if (info.sha256 !== student.info.sha256) return runTurn(await turn.reopen());
  const judged = judgeLabel(turn, student, answer);
  if (judged.action !== 'escalate') return conclude(turn, answer, settle(judged));
  return askAbove(turn, judged, async () => sorted);
}

interface SortedByStudent {
  readonly answer: Classification;
  /** Of the student that answered. */
  readonly info: StudentInfo;
}

async function sort(
  { request, call }: ClassifyTurn,
  { tier }: ReadyStudent,
): Promise<SortedByStudent> {
  const answer = await tier.classify(request, call);
  return { answer, info: await tier.open(call) };
}

/** The mode begins above, or there is no student: one that is there stands in where that tier fails. */
async function askFirst(turn: ClassifyTurn, opening: RouteDecision): Promise<SortedText> {
  const { student, studentError, situation } = turn;
  if (studentError !== null) {
    const to = opening.route ?? '';
    const reason = 'device-unavailable';
    turn.options.onFallback?.({ from: 'student', to, reason, error: studentError });
  }
  if (student === null || situation.mode === 'only-in-cloud') return askAbove(turn, opening, null);
  return askAbove(turn, opening, () => sort(turn, student));
}

/** Asks the tier that was decided on. `standIn` answers where it fails; `null`: nobody does. */
async function askAbove(
  turn: ClassifyTurn,
  decision: RouteDecision,
  standIn: (() => Promise<SortedByStudent>) | null,
): Promise<SortedText> {
  const { options, request, call } = turn;
  const tier = options.remotes.find(({ id }) => id === decision.route);
  if (tier === undefined) throw new TypeError(`There is no tier "${decision.route}".`);
  const settled = settle(decision);
  tell(turn, settled);
  try {
    return { ...(await tier.classify(request, call)), decision: settled };
  } catch (error) {
    if (standIn === null || !isTierFailure(error, call.signal)) throw error;
    return standFor(turn, error, { from: tier.id, standIn });
  }
}

interface StandIn {
  readonly from: string;
  readonly standIn: () => Promise<SortedByStudent>;
}

/** Where the student cannot stand in either, what the remote failed with is what people need to know. */
async function standFor(
  turn: ClassifyTurn,
  remoteError: Error,
  { from, standIn }: StandIn,
): Promise<SortedText> {
  const { student, options, request, call } = turn;
  let sorted: SortedByStudent;
  try {
    sorted = await standIn();
  } catch (error) {
    throw isTierFailure(error, call.signal) ? remoteError : error;
  }
  const { answer, info } = sorted;
  // A newer student may name what nobody asked for.
  if (student === null || request.labels?.includes(answer.label) === false) throw remoteError;
  const reason = 'remote-unavailable';
  options.onFallback?.({ from, to: answer.tier, reason, error: remoteError });
  const judged = settle(judgeLabel(turn, { ...student, info }, answer));
  return conclude(turn, answer, { ...judged, action: 'accept', reason, tier: answer.tier });
}

function conclude(turn: ClassifyTurn, answer: Classification, decision: Decision): SortedText {
  tell(turn, decision);
  return { ...answer, decision };
}

function tell({ options, request }: ClassifyTurn, decision: Decision): void {
  options.onDecision?.(decision, request);
}

function nobody(): PolicyError {
  return new PolicyError(
    'no-tier',
    "Nobody can sort this task here. Name a student (createRuntime({ students: [{ url: '/models/students/banking77/' }] })), or an endpoint and the labels to choose from.",
    { details: { reason: 'no-higher-tier' } },
  );
}

function refusal({ reason }: Decision): PolicyError {
  const details = { reason };
  switch (reason) {
    case 'mode-observe':
      return new PolicyError(
        'refused',
        'The mode is observe: Edgewise sorts nothing and only watches. Pass the answers of your own calls to observe(), or choose another mode.',
        { details },
      );
    case 'rule-local-only':
      return new PolicyError(
        'egress-forbidden',
        'A rule keeps this text on the device, and no student here may or can sort it. Change the rule or set up a student.',
        { details },
      );
    default:
      return new PolicyError(
        'no-tier',
        'Nobody may sort this text: the mode and the tiers that are set up leave nobody. Change the mode, or set up a student or an endpoint.',
        { details },
      );
  }
}
