import { isFields, unpack } from './json-fields.ts';

/** What the answers of a log are. */
export type AnswerSet =
  | LabelAnswers
  /** Every answer is the same. */
  | (AnswerFacts & { readonly kind: 'one-answer' })
  /** Text that is written anew: no classifier can give it. */
  | (AnswerFacts & { readonly kind: 'free-text' });

export interface LabelAnswers extends AnswerFacts {
  readonly kind: 'labels';
  /** The field of the JSON answers that holds it; `null`: the whole answer is the label. */
  readonly field: string | null;
  /** Fields of the JSON answers beside it that vary: a student does not give these. */
  readonly otherFields: number;
}

interface AnswerFacts {
  readonly distinct: number;
  /** Good-Turing estimate of how often the next answer is one that was never seen. */
  readonly unseenShare: number;
}

/** Answers that are one of a closed set are rarely new: at most this often (Good 1953). */
const MOST_UNSEEN = 0.1;
const MOST_LABELS = 1000;
/** Longer than any name of a class. */
const LONGEST_LABEL = 200;
/** Of the answers, before they are taken for JSON, and a field for one that all have. */
const MOST_ANSWERS = 0.9;
/** Where several fields are closed sets, the name tells which one is the answer. */
const LABEL_FIELDS: readonly string[] = [
  'label',
  'class',
  'category',
  'intent',
  'topic',
  'type',
  'sentiment',
  'route',
  'result',
  'answer',
];

/** Finds out whether answers, one per distinct question, are names of classes. */
export function findAnswerSet(answers: readonly string[]): AnswerSet {
  const whole = answers.map((answer) => toLabel(answer));
  const objects = answers.map((answer) => readObject(answer));
  const isJson = objects.filter((each) => each !== null).length >= MOST_ANSWERS * answers.length;
  return isJson ? findField(objects, whole) : judge(whole, { field: null, otherFields: 0 });
}

/** The label that an answer holds, in the field that was found; `null`: none. */
export function readLabel(answer: string, field: string | null): string | null {
  return field === null ? toLabel(answer) : labelOf(readObject(answer)?.[field]);
}

/** Whether an answer is this label, whatever models put around it. */
export function sameLabel(answer: string, label: string): boolean {
  return toLabel(answer) === toLabel(label);
}

function findField(
  objects: readonly (Readonly<Record<string, unknown>> | null)[],
  whole: readonly (string | null)[],
): AnswerSet {
  const names = [...new Set(objects.flatMap((object) => Object.keys(object ?? {})))];
  const sets = names.slice(0, MOST_LABELS).map((name) => {
    const labels = objects.map((object) => labelOf(object?.[name]));
    return { name, set: judge(labels, { field: name, otherFields: 0 }), labels };
  });
  const otherFields = sets.filter(({ set }) => set.kind !== 'one-answer').length - 1;
  const closed = sets.filter(
    ({ set, labels }) =>
      set.kind === 'labels' &&
      labels.filter((label) => label !== null).length >= MOST_ANSWERS * labels.length,
  );
  const rank = (name: string): number => {
    const index = LABEL_FIELDS.indexOf(name.toLowerCase());
    return index === -1 ? LABEL_FIELDS.length : index;
  };
  const best = closed.toSorted((a, b) => rank(a.name) - rank(b.name))[0];
  if (best === undefined || best.set.kind !== 'labels') {
    return judge(whole, { field: null, otherFields: 0 });
  }
  return { ...best.set, otherFields };
}

/** A label without what models put around it: quotes, code fences, a full stop, capital letters. */
function toLabel(answer: string): string | null {
  const bare = stripFence(answer)
    .normalize('NFC')
    .trim()
    .replaceAll(/^["'`*]+|["'`*.]+$/gu, '')
    .replaceAll(/\s+/gu, ' ')
    .trim()
    .toLowerCase();
  return bare === '' || bare.length > LONGEST_LABEL ? null : bare;
}

/** A confidence such as 0.95 is no label, a grade from 1 to 5 is. */
function labelOf(value: unknown): string | null {
  if (typeof value === 'string') return toLabel(value);
  const isName = typeof value === 'boolean' || Number.isInteger(value);
  return isName ? String(value) : null;
}

function judge(
  labels: readonly (string | null)[],
  found: Pick<LabelAnswers, 'field' | 'otherFields'>,
): AnswerSet {
  const counts = new Map<string, number>();
  let unseen = 0;
  for (const label of labels) {
    if (label === null) unseen += 1;
    else counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  for (const count of counts.values()) unseen += Number(count === 1);
  const facts = { distinct: counts.size, unseenShare: unseen / labels.length };
  if (counts.size === 1 && unseen === 0) return { kind: 'one-answer', ...facts };
  if (counts.size < 2 || counts.size > MOST_LABELS || facts.unseenShare > MOST_UNSEEN) {
    return { kind: 'free-text', ...facts };
  }
  return { kind: 'labels', ...facts, ...found };
}

function readObject(answer: string): Readonly<Record<string, unknown>> | null {
  const value = unpack(stripFence(answer));
  return isFields(value) ? value : null;
}

/** Models wrap JSON in a code block although nobody asked. */
function stripFence(answer: string): string {
  return /^\s*```\w*\n([\s\S]*?)\n?```\s*$/.exec(answer)?.[1] ?? answer;
}
