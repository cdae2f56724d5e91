import { lowerBinomialBound, upperBinomialBound } from '../cascade/binomial-bound.ts';
import {
  certifyThreshold,
  uncertifiedThreshold,
  type LabelledScore,
  type LossBudget,
} from '../cascade/certificate.ts';
import type { Outcome } from '../cascade/outcome.ts';
import { DataError } from '../errors.ts';
import { renderChart, type ChartPoint } from './chart.ts';
import { createRandom, runDraws, splitAtRandom, summariseDraws, type Random } from './draws.ts';
import { atMost, createReport, type EvaluationReport } from './report.ts';
import { distinctOutcomes, scoreOutcomes } from './score-outcomes.ts';
import { createPopulation, type SyntheticPopulation } from './synthetic-population.ts';

export interface PromiseOptions extends LossBudget {
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface PromiseSplitsOptions extends PromiseOptions {
  /** Labels drawn in each split. */
  readonly labels: number;
  readonly splits: number;
  /** SHA-256 of the outcomes file. */
  readonly dataSha256: string;
}

export interface SyntheticPromiseOptions extends PromiseOptions {
  readonly populations: number;
  /** Labels of each population; default: 150, 300 and 1,000 in turn. */
  readonly labels?: number;
}

export interface PromiseResult {
  readonly report: EvaluationReport;
  readonly chart: string;
}

/** What a threshold does to all requests. */
interface Effect {
  readonly kept: number;
  readonly loss: number;
  readonly isBroken: boolean;
}

interface Split {
  readonly certified: Effect;
  readonly plugIn: Effect;
  readonly isCertified: boolean;
}

/** All requests, of which the truth is known. */
interface Truth {
  keptAt(threshold: number): number;
  lossAt(threshold: number): number;
}

const SYNTHETIC_LABELS = [150, 300, 1000] as const;

/** Where 95 % intervals leave out half of the rest. */
const INTERVAL_TAIL = 0.025;

const NOTHING_KEPT: Effect = { kept: 0, loss: 0, isBroken: false };

/**
 * How often a promised loss is broken: thresholds are chosen on random labels and judged by the
 * loss on all rows, once with a certificate, once the plug-in way.
 *
 * @throws DataError `too-few-rows` when the rows are not more than the labels.
 */
export async function evaluatePromise(
  outcomes: readonly Outcome[],
  options: PromiseSplitsOptions,
): Promise<PromiseResult> {
  const { labels, splits, seed, dataSha256 } = options;
  const distinct = distinctOutcomes(outcomes);
  if (distinct.length <= labels) {
    throw new DataError(
      'too-few-rows',
      `${distinct.length} rows are too few to draw ${labels} labels from: give fewer with --labels.`,
    );
  }
  const { rows, method } = scoreOutcomes(distinct, createRandom(seed));
  const truth = truthOf(rows);
  const results = await runDraws(
    (random) => {
      const { drawn } = splitAtRandom(rows, labels, random);
      return judgeBoth(drawn, truth, options);
    },
    drawOptions(splits, options),
  );
  const bar = { bar: options.delta };
  return summarise(results, {
    name: 'evaluate promise',
    subject: `${splits} splits`,
    options,
    barOf: (rate) => atMost('certified thresholds that break the promise', rate, bar),
    context: {
      rows: outcomes.length,
      distinct: distinct.length,
      labels,
      splits,
      score: method,
      dataSha256,
    },
  });
}

/** The same on made-up populations whose true loss is a formula, worst cases among them. */
export async function evaluateSyntheticPromise(
  options: SyntheticPromiseOptions,
): Promise<PromiseResult> {
  const { populations, alpha, delta } = options;
  const results = await runDraws(
    (random, index) => {
      const population = createPopulation(index, random, alpha);
      return judgeBoth(drawLabels(population, { index, random, options }), population, options);
    },
    drawOptions(populations, options),
  );
  const standardError = Math.sqrt((delta * (1 - delta)) / populations);
  const bar = { bar: delta + 3 * standardError };
  return summarise(results, {
    name: 'evaluate promise --synthetic',
    subject: `${populations} populations`,
    options,
    barOf: (rate) => atMost('certified thresholds that break the promise', rate, bar),
    context: {
      populations,
      labels: options.labels ?? SYNTHETIC_LABELS.join(', '),
      standardError: standardError.toFixed(5),
    },
  });
}

function drawOptions(draws: number, { seed, signal, onProgress }: PromiseOptions) {
  return {
    draws,
    seed,
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  };
}

function drawLabels(
  population: SyntheticPopulation,
  from: { index: number; random: Random; options: SyntheticPromiseOptions },
): LabelledScore[] {
  // Shapes take turns too: a step of its own keeps each shape from always meeting the same count.
  const turn = Math.floor(from.index / SYNTHETIC_LABELS.length) % SYNTHETIC_LABELS.length;
  const count = from.options.labels ?? SYNTHETIC_LABELS[turn] ?? SYNTHETIC_LABELS[0];
  return Array.from({ length: count }, () => population.draw(from.random));
}

function judgeBoth(labels: readonly LabelledScore[], truth: Truth, budget: LossBudget): Split {
  const certificate = certifyThreshold(labels, budget);
  const plugIn = uncertifiedThreshold(labels, budget);
  const isCertified = certificate.status === 'certified';
  return {
    certified: isCertified ? effectOf(certificate.threshold, truth, budget) : NOTHING_KEPT,
    plugIn: plugIn.threshold === null ? NOTHING_KEPT : effectOf(plugIn.threshold, truth, budget),
    isCertified,
  };
}

function effectOf(threshold: number, truth: Truth, { alpha }: LossBudget): Effect {
  const loss = truth.lossAt(threshold);
  return { kept: truth.keptAt(threshold), loss, isBroken: loss > alpha };
}

/** Kept and lost shares of all rows at any threshold. */
function truthOf(rows: readonly { score: number | null; isLoss: boolean }[]): Truth {
  const sorted = rows
    .map(({ score, isLoss }) => ({ score: score ?? Number.NEGATIVE_INFINITY, isLoss }))
    .toSorted((a, b) => (a.score === b.score ? 0 : b.score > a.score ? 1 : -1));
  const losses = [0];
  for (const { isLoss } of sorted) losses.push((losses.at(-1) ?? 0) + Number(isLoss));
  const countFrom = (threshold: number): number => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((sorted[middle]?.score ?? Number.NEGATIVE_INFINITY) >= threshold) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    keptAt: (threshold) => countFrom(threshold) / rows.length,
    lossAt: (threshold) => (losses[countFrom(threshold)] ?? 0) / rows.length,
  };
}

function summarise(
  results: readonly Split[],
  facts: {
    readonly name: string;
    readonly subject: string;
    readonly options: PromiseOptions;
    readonly barOf: (rate: number) => EvaluationReport['bars'][number];
    readonly context: EvaluationReport['context'];
  },
): PromiseResult {
  const { alpha, delta, seed } = facts.options;
  const certified = results.map((split) => split.certified);
  const plugIn = results.map((split) => split.plugIn);
  const figures: Record<string, number> = {
    ...describeEffects('Certified', certified),
    ...describeEffects('PlugIn', plugIn),
    certifiedShare: results.filter((split) => split.isCertified).length / results.length,
  };
  const report = createReport({
    name: facts.name,
    figures,
    bars: [facts.barOf(figures['violationsCertified'] ?? Number.NaN)],
    context: {
      alpha,
      delta,
      ...facts.context,
      judged:
        'by the loss on all rows; intervals: exact binomial for violations, 95 % of the draws else',
      seed,
    },
  });
  return { report, chart: draw({ certified, plugIn }, { alpha, subject: facts.subject, seed }) };
}

function describeEffects(name: string, effects: readonly Effect[]): Record<string, number> {
  const trials = effects.length;
  const successes = effects.filter(({ isBroken }) => isBroken).length;
  const kept = summariseDraws(effects.map((effect) => effect.kept));
  return {
    [`violations${name}`]: successes / trials,
    [`violations${name}Low`]: lowerBinomialBound({ successes, trials }, INTERVAL_TAIL),
    [`violations${name}High`]: upperBinomialBound({ successes, trials }, INTERVAL_TAIL),
    [`kept${name}`]: kept.mean,
    [`kept${name}Sd`]: kept.sd,
    [`kept${name}Low`]: kept.low,
    [`kept${name}High`]: kept.high,
    [`loss${name}`]: summariseDraws(effects.map((effect) => effect.loss)).mean,
  };
}

function draw(
  effects: { readonly certified: readonly Effect[]; readonly plugIn: readonly Effect[] },
  { alpha, subject, seed }: { alpha: number; subject: string; seed: number },
): string {
  const points = (list: readonly Effect[]): ChartPoint[] =>
    list.map(({ kept, loss }) => ({ x: kept, y: loss }));
  return renderChart({
    title: 'Promised and true loss',
    caption: `${subject}, each dot one choice of threshold; seed ${seed}`,
    panels: [
      {
        title: 'Dots above the line broke the promise',
        xLabel: 'share of requests kept',
        yLabel: 'true loss, share of all requests',
        xRange: [0, 1],
        rules: [{ name: `promised: at most ${alpha}`, y: alpha }],
        series: [
          { name: 'certified', kind: 'dots', points: points(effects.certified) },
          { name: 'plug-in (uncertified)', kind: 'dots', points: points(effects.plugIn) },
        ],
      },
    ],
  });
}
