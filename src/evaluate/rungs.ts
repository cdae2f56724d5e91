import type { Outcome } from '../cascade/outcome.ts';
import { DataError } from '../errors.ts';
import type { ChartPoint } from './chart.ts';
import { fitClimb, fitConfidences, type FitClimbOptions, type RungRequest } from './climb.ts';
import { runDraws, splitAtRandom, type Random } from './draws.ts';
import { distinctOutcomes } from './score-outcomes.ts';

export interface RungsOptions {
  /** Labels of each draw; all other rows are judged. */
  readonly labels: number;
  readonly draws: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** One policy on the judged rows: what it cost and how often it was right. */
export interface LadderPoint {
  readonly rightAnswerUsd: number;
  readonly costUsd: number;
  readonly quality: number;
  /** Share of requests whose answer came from each rung. */
  readonly shares: readonly number[];
}

/** The points of one ladder in one draw, by rising worth of a right answer. */
export type LadderSweep = readonly LadderPoint[];

export interface RungsResult {
  readonly rungs: readonly string[];
  /** Share right of each rung alone. */
  readonly quality: readonly number[];
  readonly costUsd: readonly number[];
  readonly ladders: readonly (readonly [number, ...number[]])[];
  /** By draw, then by ladder; the first ladder has all rungs. */
  readonly sweeps: readonly (readonly LadderSweep[])[];
  readonly used: number;
}

const FEWEST_JUDGED = 100;
/** Worths of a right answer tried: from half the cheapest call to this many times the dearest. */
const SWEEP = { points: 17, least: 0.5, most: 300 } as const;

/** Whether the rows hold three rungs or more. */
export function hasRungs(outcomes: readonly Outcome[]): boolean {
  return outcomes.some(({ tiers }) => (tiers?.length ?? 0) > 2);
}

/**
 * Policies over all rungs and over each pair of them, fitted on drawn labels and judged on all other
 * rows, at many worths of a right answer: the more it is worth, the more is spent.
 *
 * @throws DataError `bad-row` when rows differ in their rungs, `too-few-rows` when too few are left.
 */
export async function evaluateRungs(
  outcomes: readonly Outcome[],
  options: RungsOptions,
): Promise<RungsResult> {
  const requests = readRequests(outcomes);
  const tiers = requests[0]?.tiers ?? [];
  if (requests.length < options.labels + FEWEST_JUDGED) {
    throw new DataError(
      'too-few-rows',
      `${requests.length} rows with rungs: ${options.labels} labels leave fewer than ${FEWEST_JUDGED} to judge on. Give more rows or fewer labels.`,
    );
  }
  const meanOf = (read: (request: RungRequest) => number): number =>
    requests.reduce((sum, request) => sum + read(request), 0) / requests.length;
  const costUsd = tiers.map((_, rung) => meanOf((request) => request.tiers[rung]?.cost ?? 0));
  const ladders = listLadders(tiers.length);
  const worths = listWorths(costUsd);
  const sweeps = await runDraws(
    (random) => sweepLadders(requests, { ladders, worths, labels: options.labels, random }),
    {
      draws: options.draws,
      seed: options.seed,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
    },
  );
  return {
    rungs: tiers.map(({ id }) => id),
    quality: tiers.map((_, rung) => meanOf((request) => Number(request.tiers[rung]?.correct))),
    costUsd,
    ladders,
    sweeps,
    used: requests.length,
  };
}

/** Quality of a ladder at a cost, straight between its points; `null` below its cheapest. */
export function qualityAt(sweep: LadderSweep, costUsd: number): number | null {
  const points = [...frontierOf(sweep)];
  const next = points.findIndex(({ x }) => x >= costUsd);
  if (next === -1) return points.at(-1)?.y ?? null;
  const to = points[next];
  const from = points[next - 1];
  if (to === undefined || from === undefined) return to?.x === costUsd ? to.y : null;
  return from.y + ((costUsd - from.x) / (to.x - from.x)) * (to.y - from.y);
}

/** Cost and quality, rising: of points that cost the same the best, and nothing that buys less. */
export function frontierOf(sweep: LadderSweep): readonly ChartPoint[] {
  const sorted = sweep.toSorted(
    (left, right) => left.costUsd - right.costUsd || right.quality - left.quality,
  );
  const kept: ChartPoint[] = [];
  for (const { costUsd, quality } of sorted) {
    const last = kept.at(-1);
    if (last === undefined || (costUsd > last.x && quality > last.y)) {
      kept.push({ x: costUsd, y: quality });
    }
  }
  return kept;
}

function readRequests(outcomes: readonly Outcome[]): readonly RungRequest[] {
  const rows = distinctOutcomes(outcomes).filter(({ tiers }) => tiers !== undefined);
  const ids = JSON.stringify(rows[0]?.tiers?.map(({ id }) => id));
  const odd = rows.find(({ tiers }) => JSON.stringify(tiers?.map(({ id }) => id)) !== ids);
  if (odd !== undefined) {
    throw new DataError(
      'bad-row',
      `Row "${odd.id}" has other tiers than the first one: give every row the same, lowest first.`,
    );
  }
  return rows.map(({ topic = '', tiers = [] }) => ({ topic, tiers }));
}

/** All rungs, then every pair. */
function listLadders(rungs: number): readonly (readonly [number, ...number[]])[] {
  const all = Array.from({ length: rungs }, (_, rung) => rung);
  const pairs = all.flatMap((low) =>
    all.filter((high) => high > low).map((high) => [low, high] as const),
  );
  const [first = 0, ...others] = all;
  return [[first, ...others], ...pairs];
}

function listWorths(costUsd: readonly number[]): readonly number[] {
  const paid = costUsd.filter((cost) => cost > 0);
  if (paid.length === 0) return [1];
  const least = Math.log(SWEEP.least * Math.min(...paid));
  const most = Math.log(SWEEP.most * Math.max(...paid));
  return Array.from({ length: SWEEP.points }, (_, index) =>
    Math.exp(least + ((most - least) * index) / (SWEEP.points - 1)),
  );
}

function sweepLadders(
  requests: readonly RungRequest[],
  {
    ladders,
    worths,
    labels,
    random,
  }: {
    readonly ladders: RungsResult['ladders'];
    readonly worths: readonly number[];
    readonly labels: number;
    readonly random: Random;
  },
): readonly LadderSweep[] {
  const { drawn, rest } = splitAtRandom(requests, labels, random);
  const confidences = fitConfidences(drawn, random);
  return ladders.map((ladder) =>
    worths.map((rightAnswerUsd) =>
      judgeLadder({ drawn, rest }, { ladder, rightAnswerUsd, confidences }),
    ),
  );
}

function judgeLadder(
  {
    drawn,
    rest,
  }: { readonly drawn: readonly RungRequest[]; readonly rest: readonly RungRequest[] },
  options: FitClimbOptions,
): LadderPoint {
  const climb = fitClimb(drawn, options);
  const counts = (rest[0]?.tiers ?? []).map(() => 0);
  let right = 0;
  let costUsd = 0;
  for (const request of rest) {
    const result = climb.run(request);
    counts[result.rung] = (counts[result.rung] ?? 0) + 1;
    right += Number(result.isRight);
    costUsd += result.costUsd;
  }
  return {
    rightAnswerUsd: options.rightAnswerUsd,
    costUsd: costUsd / rest.length,
    quality: right / rest.length,
    shares: counts.map((count) => count / rest.length),
  };
}
