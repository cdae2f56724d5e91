import { renderChart, type ChartPoint } from './chart.ts';
import { summariseDraws, type DrawSummary } from './draws.ts';
import type { LabelledRequest, Router } from './fit-router.ts';
import type knownSets from './known-route-sets.json';
import { atLeast, createReport, type Bar, type EvaluationReport } from './report.ts';
import type { RungsFacts } from './rungs-report.ts';
import { callsFor, FLAT_CURVE, recoveredAt, type RoutingCurve } from './routing-curve.ts';

export interface RouteOptions {
  /** Labels of each draw; all other rows are judged. */
  readonly labels: number;
  readonly draws: number;
  readonly seed: number;
  /** SHA-256 of the outcomes file. */
  readonly dataSha256: string;
  /** A bar for the mean APGR. Default: the one that a known open set has, else none. */
  readonly minApgr?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Routers that need no labels, always shown beside ours. */
export type Baseline = 'random' | 'length' | 'oracle';

export interface RouteDraw {
  readonly curves: Readonly<Record<'ours' | Baseline, RoutingCurve>>;
  readonly kind: Router['kind'];
  /** APGR less that of length, on the judged rows drawn again with replacement. */
  readonly resampledGains: readonly number[];
}

export type KnownSet = (typeof knownSets.sets)[number];

export interface RouteFacts {
  readonly requests: readonly LabelledRequest[];
  readonly draws: readonly RouteDraw[];
  readonly options: RouteOptions;
  readonly known: KnownSet | null;
  readonly rows: number;
  /** Where the rows hold three rungs or more. */
  readonly rungs: RungsFacts | null;
}

const GRID = Array.from({ length: 51 }, (_, index) => index / 50);

/** The figures of all draws, their bars and what they rest on. */
export function describeRoute({
  requests,
  draws,
  options,
  known,
  rows,
  rungs,
}: RouteFacts): EvaluationReport {
  const ours = summarise(draws, 'ours');
  const gain = summariseDraws(draws.map(({ curves }) => curves.ours.apgr - curves.length.apgr));
  const interval = summariseDraws(draws.flatMap(({ resampledGains }) => resampledGains));
  const calls = (share: number): number =>
    summariseDraws(draws.map(({ curves }) => callsFor(curves.ours, share))).mean;
  const shareOf = (isRight: (request: LabelledRequest) => boolean): number =>
    requests.filter((request) => isRight(request)).length / requests.length;
  const below = shareOf(({ isBelowRight }) => isBelowRight);
  const above = shareOf(({ isAboveRight }) => isAboveRight);
  return createReport({
    name: 'evaluate route',
    figures: {
      apgr: ours.mean,
      apgrSd: ours.sd,
      cpt50: calls(0.5),
      cpt80: calls(0.8),
      gain: gain.mean,
      gainLow: interval.low,
      gainHigh: interval.high,
      gainDrawSd: gain.sd,
      randomApgr: summarise(draws, 'random').mean,
      lengthApgr: summarise(draws, 'length').mean,
      constantApgr: FLAT_CURVE.apgr,
      oracleApgr: summarise(draws, 'oracle').mean,
      deviceCorrect: below,
      cloudCorrect: above,
      constantCorrect: Math.max(below, above),
      qualityAtHalfCalls: below + (above - below) * recoveredMean(draws, 'ours', 0.5),
      ...rungs?.figures,
    },
    bars: [...listBars({ ours, gain }, options, known), ...(rungs?.bars ?? [])],
    context: {
      rows,
      used: requests.length,
      labels: options.labels,
      judged: requests.length - options.labels,
      draws: options.draws,
      router: describeRouter(draws, requests),
      gain: 'APGR less that of routing by length of the text, paired; interval: 95 % over draws of labels and judged rows drawn again with replacement',
      constant: `always ${above >= below ? 'the cloud' : 'the device'}: all calls or none, 0.5 of the area by definition`,
      ...(known === null ? {} : { set: known.name, published: known.published }),
      ...rungs?.context,
      seed: options.seed,
      dataSha256: options.dataSha256,
    },
  });
}

function listBars(
  { ours, gain }: { readonly ours: DrawSummary; readonly gain: DrawSummary },
  { labels, minApgr }: RouteOptions,
  known: KnownSet | null,
): Bar[] {
  const applies = known !== null && labels === known.labels;
  const least = minApgr ?? (applies ? known.minApgr : null);
  return [
    ...(least === null ? [] : [atLeast('mean APGR', ours.mean, { bar: least })]),
    ...(applies && known.beatsLength
      ? [atLeast('mean APGR less that of length, paired', gain.mean, { bar: 0 })]
      : []),
  ];
}

function summarise(draws: readonly RouteDraw[], name: keyof RouteDraw['curves']): DrawSummary {
  return summariseDraws(draws.map(({ curves }) => curves[name].apgr));
}

function recoveredMean(
  draws: readonly RouteDraw[],
  name: keyof RouteDraw['curves'],
  calls: number,
): number {
  return summariseDraws(draws.map(({ curves }) => recoveredAt(curves[name], calls))).mean;
}

function describeRouter(draws: readonly RouteDraw[], requests: readonly LabelledRequest[]): string {
  const parts = [
    ...(requests.some(({ topic }) => topic !== undefined) ? ['table by topic'] : []),
    ...(requests.some(({ text }) => text !== undefined) ? ['words'] : []),
    ...(requests.some(({ features }) => features !== undefined) ? ['features'] : []),
  ];
  const byConfidence = draws.filter(({ kind }) => kind === 'confidence').length;
  const how = requests.some(({ score }) => score !== null)
    ? `; ${byConfidence} of ${draws.length} draws chose P(wrong) × gain given wrong`
    : '; no confidence in the file';
  return `gain from ${parts.join(', ') || 'the mean alone'}${how}; all chosen on the drawn labels`;
}

/** Share of the gap recovered by share of requests asked: ours beside what needs no labels. */
export function drawRoute({ draws, options, requests, known, rungs }: RouteFacts): string {
  const line = (name: keyof RouteDraw['curves']): readonly ChartPoint[] =>
    GRID.map((x) => ({ x, y: recoveredMean(draws, name, x) }));
  return renderChart({
    title: 'Gap recovered by share of requests asked',
    caption: `${known?.name ?? `${requests.length} rows`}; ${options.labels} labels, mean of ${options.draws} draws, seed ${options.seed}`,
    panels: [
      {
        title: 'Routing by expected gain',
        xLabel: 'share of requests asked',
        yLabel: 'share of the gap recovered',
        xRange: [0, 1],
        series: [
          { name: 'expected gain', kind: 'line', points: line('ours') },
          { name: 'length of the text', kind: 'line', points: line('length') },
          { name: 'random', kind: 'line', points: line('random') },
          { name: 'oracle', kind: 'line', points: line('oracle') },
        ],
        rules: [{ name: 'always the cloud', y: 1 }],
      },
      ...(rungs === null ? [] : [rungs.panel]),
    ],
  });
}
