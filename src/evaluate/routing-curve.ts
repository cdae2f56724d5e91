import type { ChartPoint } from './chart.ts';

/** What asking would change for one request: 1 = rescued, −1 = spoilt, 0 = nothing. */
export interface RoutedRow {
  /** Higher = asked earlier. */
  readonly priority: number;
  readonly gain: number;
}

export interface RoutingCurve {
  /** Share of requests asked → share of the gap between the two tiers recovered; from 0, 0 to 1, 1. */
  readonly points: readonly ChartPoint[];
  /** Area under it: 0.5 at random. */
  readonly apgr: number;
}

/** Routing at random, and whatever tells nothing. */
export const FLAT_CURVE: RoutingCurve = {
  points: [
    { x: 0, y: 0 },
    { x: 1, y: 1 },
  ],
  apgr: 0.5,
};

/**
 * The curve of a router and its area (average performance gap recovered, RouteLLM, arXiv 2406.18665;
 * there over ten call shares, here over all). Requests with the same priority are asked in
 * random order, so that a curve between them is straight. `null`: the two tiers are equally good, and
 * there is no gap to recover. Above 1 is possible: asking only where it helps beats asking always.
 */
export function routingCurve(rows: readonly RoutedRow[]): RoutingCurve | null {
  const gap = rows.reduce((sum, { gain }) => sum + gain, 0);
  if (gap <= 0) return null;
  const sorted = rows.toSorted((left, right) => right.priority - left.priority);
  const points: ChartPoint[] = [{ x: 0, y: 0 }];
  let recovered = 0;
  let area = 0;
  for (const [index, row] of sorted.entries()) {
    recovered += row.gain;
    if (sorted[index + 1]?.priority === row.priority) continue;
    const from = points.at(-1) ?? { x: 0, y: 0 };
    const to = { x: (index + 1) / sorted.length, y: recovered / gap };
    area += ((to.x - from.x) * (from.y + to.y)) / 2;
    points.push(to);
  }
  return { points, apgr: area };
}

/** Least share of requests asked that recovers this share of the gap (CPT there); 1 at most. */
export function callsFor({ points }: RoutingCurve, share: number): number {
  for (const [index, to] of points.entries()) {
    if (to.y < share) continue;
    const from = points[index - 1] ?? to;
    if (to.y === from.y) return to.x;
    return from.x + ((share - from.y) / (to.y - from.y)) * (to.x - from.x);
  }
  return 1;
}

/** The curve at a share of requests asked. */
export function recoveredAt({ points }: RoutingCurve, calls: number): number {
  const index = points.findIndex(({ x }) => x >= calls);
  const to = points[index] ?? { x: 1, y: 1 };
  const from = points[index - 1] ?? to;
  if (to.x === from.x) return to.y;
  return from.y + ((calls - from.x) / (to.x - from.x)) * (to.y - from.y);
}
