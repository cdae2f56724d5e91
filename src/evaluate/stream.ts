import type { Outcome } from '../cascade/outcome.ts';
import { type Random, shuffled } from './draws.ts';

/** A text with its right label; what the device made of it comes from `predict`. */
interface StreamText {
  readonly text: string;
  readonly label: string;
}

export interface StreamPlan {
  /** Rows that the student was not trained on. */
  readonly rows: readonly StreamText[];
  /** Labels that the student does not know: it is wrong about each of their rows. */
  readonly unseen: ReadonlySet<string>;
  predict(text: string): { readonly label: string; readonly score: number | null };
  /** What the mix of requests is shifted over; default: the label itself. */
  readonly groupOf?: (label: string) => string;
  readonly random: Random;
  /** Requests in the stream; the shift comes half-way. Default 20,000. */
  readonly requests?: number;
  /** Labelled requests for the certificate, from rows the stream does not use. Default 1,000. */
  readonly labels?: number;
  /** Share of unseen labels in the second half. Default 0.3. */
  readonly unseenShare?: number;
  /** In the second half every other group comes this many times as often. Default 3. */
  readonly mixFactor?: number;
}

export interface BuiltStream {
  readonly labels: Outcome[];
  readonly stream: Outcome[];
}

/** Rows of a known group, drawn with a weight. */
interface WeighedRows {
  readonly rows: readonly Outcome[];
  readonly weight: number;
}

/**
 * A stream of requests that changes half-way: first rows of known labels as they come, then another
 * mix of them and a share of labels nobody trained the device on. Rows are drawn with replacement.
 *
 * @throws RangeError when the rows do not suffice for the labels and a stream.
 */
export function buildStream(plan: StreamPlan): BuiltStream {
  const { random, requests = 20_000, labels = 1_000, unseenShare = 0.3 } = plan;
  const known = shuffled(
    plan.rows.filter(({ label }) => !plan.unseen.has(label)),
    random,
  );
  const outcomes = known.map((row) => judge(plan, row));
  const unseen = plan.rows.filter(({ label }) => plan.unseen.has(label));
  const strange = unseen.map((row) => judge(plan, row));
  const usual = outcomes.slice(labels);
  if (usual.length === 0 || (strange.length === 0 && unseenShare > 0)) {
    throw new RangeError(
      `A stream needs more than ${labels} rows of known labels, and some of unseen ones: it got ${known.length} and ${unseen.length}.`,
    );
  }
  const mixed = weighGroups(usual, plan);
  const half = Math.floor(requests / 2);
  const stream = Array.from({ length: requests }, (_, index) => {
    if (index < half) return draw(usual, random);
    return random() < unseenShare ? draw(strange, random) : drawGroup(mixed, random);
  });
  return {
    labels: outcomes.slice(0, labels).map((row, index) => ({ ...row, id: `label-${index + 1}` })),
    stream: stream.map((row, index) => ({ ...row, id: `request-${index + 1}` })),
  };
}

function judge({ predict, groupOf }: StreamPlan, { text, label }: StreamText): Outcome {
  const answer = predict(text);
  return {
    id: '',
    topic: groupOf?.(label) ?? label,
    score: answer.score,
    deviceCorrect: answer.label === label,
    cloudCorrect: true,
  };
}

function weighGroups(rows: readonly Outcome[], { random, mixFactor = 3 }: StreamPlan) {
  const groups = new Map<string, Outcome[]>();
  for (const row of rows) {
    const name = row.topic ?? '';
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  const names = shuffled([...groups.keys()].toSorted(), random);
  return names.map((name, index): WeighedRows => {
    const members = groups.get(name) ?? [];
    return { rows: members, weight: members.length * (index % 2 === 0 ? 1 : mixFactor) };
  });
}

function drawGroup(groups: readonly WeighedRows[], random: Random): Outcome {
  const total = groups.reduce((sum, { weight }) => sum + weight, 0);
  let left = random() * total;
  for (const { rows, weight } of groups) {
    left -= weight;
    if (left < 0) return draw(rows, random);
  }
  return draw(groups.at(-1)?.rows ?? [], random);
}

function draw(rows: readonly Outcome[], random: Random): Outcome {
  return rows[Math.floor(random() * rows.length)] as Outcome;
}
