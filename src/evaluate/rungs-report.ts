import type { ChartPanel } from './chart.ts';
import { summariseDraws } from './draws.ts';
import { atLeast, type Bar } from './report.ts';
import { qualityAt, type LadderSweep, type RungsResult } from './rungs.ts';

/** What the rungs add to a report on routing. */
export interface RungsFacts {
  readonly figures: Readonly<Record<string, number | null>>;
  readonly bars: readonly Bar[];
  readonly context: Readonly<Record<string, string | number>>;
  readonly panel: ChartPanel;
}

/** One cost at which all ladders are compared. */
interface MatchedCost {
  readonly costUsd: number;
  /** By draw: quality with all rungs less that of the pair that is best on the mean. */
  readonly differences: readonly number[];
}

const GRID_POINTS = 20;
/** Share of the highest rung's quality, the article's own claim. */
const TARGET = 0.98;
/** Straight lines between the points of a sweep are this wrong at most. */
const TOLERANCE = 0.001;
const USD_PER_MICRO = 1e6;

/** Figures, bars, context and chart of all rungs beside every pair of them at the same cost. */
export function describeRungs(result: RungsResult): RungsFacts {
  const matched = matchCosts(result);
  const differences = result.sweeps.map(
    (_, draw) =>
      matched.reduce((sum, each) => sum + (each.differences[draw] ?? 0), 0) / matched.length,
  );
  const gain = summariseDraws(differences);
  const means = matched.map((each) => summariseDraws(each.differences).mean);
  const worst = Math.min(...means);
  const target = TARGET * Math.max(...result.quality);
  const chosen = cheapestReaching(result, target);
  const pairs = result.ladders.slice(1).map((_, index) => costReaching(result, index + 1, target));
  const bestPairUsd = Math.min(...pairs.filter((cost) => cost !== null));
  return {
    figures: {
      rungsGain: gain.mean,
      rungsGainLow: gain.low,
      rungsGainHigh: gain.high,
      rungsWorst: worst,
      rungsCostAt98: micro(costReaching(result, 0, target)),
      pairCostAt98: micro(Number.isFinite(bestPairUsd) ? bestPairUsd : null),
      ...Object.fromEntries(
        result.rungs.map((id, rung) => [`share:${id}`, chosen?.shares[rung] ?? null]),
      ),
      ...Object.fromEntries(
        result.rungs.map((id, rung) => [`right:${id}`, result.quality[rung] ?? null]),
      ),
    },
    bars: [
      atLeast('all rungs less the best pair at matched cost, mean', gain.mean, { bar: 0 }),
      atLeast('the same at the worst cost', worst, { bar: -TOLERANCE }),
    ],
    context: {
      rungs: result.rungs
        .map((id, rung) => `${id} (USD ${result.costUsd[rung]?.toPrecision(3)} a request)`)
        .join(', '),
      matchedCosts: `${matched.length} costs from USD ${matched[0]?.costUsd.toPrecision(2)} to ${matched.at(-1)?.costUsd.toPrecision(2)} a request; at each the pair that is best on the mean`,
      shares: `whose answer counts where the mean quality first reaches ${TARGET * 100} % of the best rung; the article has 70 % in Tier 2`,
      costAt98: 'micro-dollars a request',
    },
    panel: drawPanel(result),
  };
}

function matchCosts(result: RungsResult): readonly MatchedCost[] {
  const paid = result.costUsd.filter((cost) => cost > 0);
  const least = Math.log(Math.min(...paid) / 2);
  const most = Math.log(Math.max(...paid));
  const costs = Array.from({ length: GRID_POINTS }, (_, index) =>
    Math.exp(least + ((most - least) * index) / (GRID_POINTS - 1)),
  );
  return costs.map((costUsd) => {
    const byLadder = result.ladders.map((_, ladder) =>
      result.sweeps.map((draw) => qualityAt(draw[ladder] ?? [], costUsd)),
    );
    const [all = [], ...pairs] = byLadder;
    const known = pairs.filter((values): values is number[] => !values.includes(null));
    const best = known.toSorted((left, right) => meanOf(right) - meanOf(left))[0] ?? [];
    return { costUsd, differences: all.map((quality, draw) => (quality ?? 0) - (best[draw] ?? 0)) };
  });
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** The mean over draws of each point of a ladder's sweep. */
function meanSweep(result: RungsResult, ladder: number): LadderSweep {
  const first = result.sweeps[0]?.[ladder] ?? [];
  return first.map(({ rightAnswerUsd, shares }, index) => {
    const points = result.sweeps.flatMap((draw) => draw[ladder]?.[index] ?? []);
    return {
      rightAnswerUsd,
      costUsd: meanOf(points.map((point) => point.costUsd)),
      quality: meanOf(points.map((point) => point.quality)),
      shares: shares.map((_, rung) => meanOf(points.map((point) => point.shares[rung] ?? 0))),
    };
  });
}

function cheapestReaching(result: RungsResult, target: number): LadderSweep[number] | undefined {
  return meanSweep(result, 0).find(({ quality }) => quality >= target);
}

/** Least mean cost of a ladder that reaches a quality, straight between its points. */
function costReaching(result: RungsResult, ladder: number, target: number): number | null {
  const sweep = meanSweep(result, ladder);
  const index = sweep.findIndex(({ quality }) => quality >= target);
  const to = sweep[index];
  const from = sweep[index - 1];
  if (to === undefined) return null;
  if (from === undefined || to.quality === from.quality) return to.costUsd;
  const share = (target - from.quality) / (to.quality - from.quality);
  return from.costUsd + share * (to.costUsd - from.costUsd);
}

function micro(costUsd: number | null): number | null {
  return costUsd === null ? null : costUsd * USD_PER_MICRO;
}

function drawPanel(result: RungsResult): ChartPanel {
  return {
    title: 'Quality by cost: all rungs and each pair',
    xLabel: 'micro-dollars a request',
    yLabel: 'share right',
    xRange: [0, Math.max(...result.costUsd) * USD_PER_MICRO],
    yRange: [Math.min(...result.quality), 1],
    series: result.ladders.map((ladder, index) => ({
      name: ladder.map((rung) => result.rungs[rung]).join(' + '),
      kind: 'line',
      points: meanSweep(result, index).map(({ costUsd, quality }) => ({
        x: costUsd * USD_PER_MICRO,
        y: quality,
      })),
    })),
  };
}
