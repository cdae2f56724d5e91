import type { Outcome } from '../cascade/outcome.ts';
import { createWordReader, type SparseVector, type WordReader } from '../cascade/gain-text.ts';
import { DataError } from '../errors.ts';
import { runDraws, splitAtRandom, type Random } from './draws.ts';
import { fitRouter, gainOf, type LabelledRequest } from './fit-router.ts';
import type { EvaluationReport } from './report.ts';
import { describeRoute, drawRoute, type RouteDraw, type RouteOptions } from './route-report.ts';
import { describeRungs } from './rungs-report.ts';
import { evaluateRungs, hasRungs } from './rungs.ts';
import { FLAT_CURVE, routingCurve, type RoutingCurve } from './routing-curve.ts';
import knownSets from './known-route-sets.json' with { type: 'json' };
import { distinctOutcomes } from './score-outcomes.ts';

export interface RouteResult {
  readonly report: EvaluationReport;
  readonly chart: string;
}

/** Fewer judged rows make a curve of chance. */
const FEWEST_JUDGED = 100;
/** Of the judged rows of each draw, with replacement, for the interval. */
const RESAMPLES = 5;

/**
 * What routing by expected gain recovers of the gap between two tiers, at every share of requests
 * asked. Many times over `labels` rows are drawn, a router is fitted on them and judged on all others.
 *
 * @throws DataError `too-few-rows` when too few rows are left to judge, or the tiers are equally good.
 */
export async function evaluateRoute(
  outcomes: readonly Outcome[],
  options: RouteOptions,
): Promise<RouteResult> {
  const requests = listGainRows(outcomes);
  checkRequests(requests, options.labels);
  const readWords = rememberWords();
  const parts = hasRungs(outcomes) ? 2 : 1;
  const control = (
    part: number,
  ): Pick<RouteOptions, 'draws' | 'seed' | 'signal' | 'onProgress'> => ({
    draws: options.draws,
    seed: options.seed,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onProgress: (done, total) => options.onProgress?.(done + part * total, parts * total),
  });
  const draws = await runDraws(
    (random) => runDraw(requests, { random, readWords, labels: options.labels }),
    control(0),
  );
  const rungs =
    parts === 1
      ? null
      : describeRungs(await evaluateRungs(outcomes, { labels: options.labels, ...control(1) }));
  const known = knownSets.sets.find(({ sha256 }) => sha256 === options.dataSha256) ?? null;
  const facts = { requests, draws, options, known, rows: outcomes.length, rungs };
  return { report: describeRoute(facts), chart: drawRoute(facts) };
}

/** The rows a gain can be learnt from, each request once. */
export function listGainRows(outcomes: readonly Outcome[]): readonly LabelledRequest[] {
  return distinctOutcomes(outcomes).flatMap((outcome) => readRequest(outcome));
}

/** Rows whose upper answer nobody judged tell nothing of a gain. */
function readRequest(outcome: Outcome): readonly LabelledRequest[] {
  const { topic, text, features, score = null, deviceCorrect, cloudCorrect } = outcome;
  if (typeof cloudCorrect !== 'boolean') return [];
  const item = { topic, text, features };
  return [{ ...item, score, isBelowRight: deviceCorrect, isAboveRight: cloudCorrect }];
}

function checkRequests(requests: readonly LabelledRequest[], labels: number): void {
  if (requests.length < labels + FEWEST_JUDGED) {
    throw new DataError(
      'too-few-rows',
      `${requests.length} rows with both answers judged: ${labels} labels leave fewer than ${FEWEST_JUDGED} to judge on. Give more rows or fewer labels.`,
    );
  }
  if (requests.reduce((sum, request) => sum + gainOf(request), 0) > 0) return;
  throw new DataError(
    'no-signal',
    'The upper tier is right no more often than the lower one: there is no gap to recover, and the lower tier alone is best.',
  );
}

/** Many draws read the same texts. */
function rememberWords(): WordReader {
  const read = createWordReader();
  const known = new Map<string, SparseVector>();
  return (text) => {
    const words = known.get(text) ?? read(text);
    known.set(text, words);
    return words;
  };
}

function runDraw(
  requests: readonly LabelledRequest[],
  { labels, random, readWords }: { labels: number; random: Random; readWords: WordReader },
): RouteDraw {
  const { drawn, rest } = splitAtRandom(requests, labels, random);
  const router = fitRouter(drawn, { random, readWords });
  const priorities = {
    ours: rest.map((request) => router.predict(request)),
    random: rest.map(() => random()),
    length: rest.map(({ text }) => text?.length ?? 0),
    oracle: rest.map((request) => gainOf(request)),
  };
  const curveOf = (values: readonly number[], indices: readonly number[]): RoutingCurve | null =>
    routingCurve(
      indices.map((index) => ({
        priority: values[index] ?? 0,
        gain: gainOf(rest[index] as LabelledRequest),
      })),
    );
  const all = rest.map((_, index) => index);
  const resampledGains = Array.from({ length: RESAMPLES }, () => {
    const again = rest.map(() => Math.floor(random() * rest.length));
    const ours = curveOf(priorities.ours, again);
    const length = curveOf(priorities.length, again);
    return ours === null || length === null ? [] : [ours.apgr - length.apgr];
  }).flat();
  return {
    curves: {
      ours: curveOf(priorities.ours, all) ?? FLAT_CURVE,
      random: curveOf(priorities.random, all) ?? FLAT_CURVE,
      length: curveOf(priorities.length, all) ?? FLAT_CURVE,
      oracle: curveOf(priorities.oracle, all) ?? FLAT_CURVE,
    },
    kind: router.kind,
    resampledGains,
  };
}
