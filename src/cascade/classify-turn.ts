import type {
  CallOptions,
  ClassifyOptions,
  Decision,
  Mode,
  Request,
  StudentInfo,
  Tier,
} from '../types.ts';
import type { EgressRule } from './egress.ts';
import { parseMode } from './modes.ts';
import { parseRequest } from './request.ts';
import type { RuleSet } from './rules.ts';
import type { Situation } from './situation.ts';
import { DEFAULT_LOSS_BUDGET, parseLossBudget } from './student-threshold.ts';
import { isTierFailure, type FallbackNotice } from './turn.ts';

/** A tier that sorts texts. */
export type Classifier = Pick<Tier, 'id' | 'place' | 'modelId'> & Required<Pick<Tier, 'classify'>>;

/** A student with what is known of it once it is open. */
export interface StudentClassifier extends Classifier {
  /** After an answer: facts of the student that gave it, which may be newer than the one opened before. */
  open(options?: CallOptions): Promise<StudentInfo>;
}

export interface ClassifyCascadeOptions {
  /** The student that knows a task; `null`: none does. */
  readonly findStudent: (task: string) => StudentRung | null;
  /** Above the student, lowest rung first. */
  readonly remotes: readonly Classifier[];
  /** Read anew for each request. */
  readonly mode: () => Mode;
  readonly rules: RuleSet;
  readonly egress: readonly EgressRule[];
  /** Whether the network is known to be gone. Default: never. */
  readonly isOffline?: () => boolean;
  /** Every decision, in order. */
  readonly onDecision?: (decision: Decision, request: Request) => void;
  readonly onFallback?: (notice: FallbackNotice) => void;
}

export interface StudentRung {
  readonly student: StudentClassifier;
  /** Default 0.02. */
  readonly lossBudget?: number;
}

/** A student that is here and knows the labels asked for. */
export interface ReadyStudent {
  readonly tier: StudentClassifier;
  readonly info: StudentInfo;
  readonly lossBudget: number;
}

/** Everything one call carries along. */
export interface ClassifyTurn {
  readonly options: ClassifyCascadeOptions;
  /** With the labels to choose from. */
  readonly request: Request;
  readonly call: CallOptions;
  readonly student: ReadyStudent | null;
  /** What the student failed with. */
  readonly studentError: Error | null;
  readonly situation: Situation;
  /** The turn from its start, where another student than this one turned out to be here. */
  reopen(): Promise<ClassifyTurn>;
}

const EXAMPLE =
  "classify({ task: 'classify', input: { kind: 'text', text: 'Where is my card?' } })";

/** Throws `TypeError` or `RangeError` for a malformed call. */
export function parseClassifyCall(value: unknown, { lossBudget }: ClassifyOptions): Request {
  if (lossBudget !== undefined) parseLossBudget(lossBudget);
  const request = parseRequest(value);
  const { labels } = request;
  if (labels === undefined) return request;
  const isList =
    Array.isArray(labels) && labels.length > 0 && new Set(labels).size === labels.length;
  if (isList && labels.every((label) => typeof label === 'string' && label !== '')) return request;
  throw new TypeError(`labels must be different texts, at least one. Example: ${EXAMPLE}.`);
}

/**
 * Opens the student that may answer, and says who else may. Where the mode passes it by, it is opened
 * only when the labels to choose from have to come from it.
 */
export async function openTurn(
  options: ClassifyCascadeOptions,
  asked: Request,
  callOptions: ClassifyOptions,
): Promise<ClassifyTurn> {
  const { signal, lossBudget } = callOptions;
  const call = signal === undefined ? {} : { signal };
  const rung = options.findStudent(asked.task);
  const mode = parseMode(asked.mode ?? options.mode());
  const isPassedBy = mode === 'only-in-cloud' && asked.labels !== undefined;
  const opened = rung === null || isPassedBy ? null : await openStudent(rung.student, call);
  const info = opened === null || opened instanceof Error ? null : opened;
  const request = withLabels({ ...asked, mode }, info);
  const isUsable = rung !== null && info !== null && knowsOnly(info, request);
  const student = isUsable
    ? { tier: rung.student, info, lossBudget: lossBudget ?? rung.lossBudget ?? DEFAULT_LOSS_BUDGET }
    : null;
  const tier = isPassedBy ? (rung?.student ?? null) : (student?.tier ?? null);
  return {
    options,
    request,
    call,
    student,
    studentError: opened instanceof Error ? opened : null,
    situation: describeSituation(options, request, tier),
    reopen: () => openTurn(options, asked, callOptions),
  };
}

/** The turn without its student, which failed with this. */
export function withoutStudent(turn: ClassifyTurn, studentError: Error): ClassifyTurn {
  const situation = describeSituation(turn.options, turn.request, null);
  return { ...turn, student: null, studentError, situation };
}

async function openStudent(
  student: StudentClassifier,
  call: CallOptions,
): Promise<StudentInfo | Error> {
  try {
    return await student.open(call);
  } catch (error) {
    if (isTierFailure(error, call.signal)) return error;
    throw error;
  }
}

function withLabels(request: Request, info: StudentInfo | null): Request {
  const labels = request.labels ?? info?.labels;
  return labels === undefined ? request : { ...request, labels };
}

/** A student may not name a label that was not asked for. */
function knowsOnly({ labels }: StudentInfo, request: Request): boolean {
  const wanted = new Set(request.labels);
  return labels.every((label) => wanted.has(label));
}

function describeSituation(
  options: ClassifyCascadeOptions,
  request: Request,
  student: Classifier | null,
): Situation {
  const { task, field, mode } = request;
  // Without labels a language model has nothing to choose from.
  const remotes = request.labels === undefined ? [] : options.remotes;
  const tiers: readonly Classifier[] = student === null ? remotes : [student, ...remotes];
  return {
    task,
    ...(field === undefined ? {} : { field }),
    mode: parseMode(mode ?? options.mode()),
    rungs: tiers.map(({ id, place, modelId }) => ({ id, place, modelId })),
    egress: options.egress,
    rules: options.rules,
    isOffline: options.isOffline?.() ?? false,
  };
}
