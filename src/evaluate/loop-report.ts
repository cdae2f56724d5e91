import { windowBudget } from '../cascade/learning/settings.ts';
import { summariseDraws, type DrawSummary } from './draws.ts';
import {
  LIARS,
  type LoopFigures,
  type LoopOptions,
  type LoopRun,
  type LoopStream,
} from './loop-figures.ts';
import { atLeast, atMost, type Bar, createReport, type EvaluationReport } from './report.ts';

/** Bars of the reference stream: kept before the shift, and what is aimed at. */
const KEPT_BEFORE = { bar: 0.7, goal: 0.75 } as const;

/** Figures that are published with the spread between runs. */
const WITH_SPREAD = ['lossBefore', 'lossAfter', 'keptBefore', 'keptAfter'] as const;

/** Means over runs, with their spread and how many runs and windows broke the budget. */
export function describeLoop(
  runs: readonly LoopRun[],
  about: { readonly streams: readonly LoopStream[]; readonly options: LoopOptions },
): EvaluationReport {
  const { streams, options } = about;
  const { alpha, delta, shadowRate, windowRequests, seed, dataSha256 } = options;
  const of = (read: (run: LoopRun) => number): DrawSummary => summariseDraws(runs.map(read));
  const loop = listFigures(runs.map((run) => run.loop));
  const frozen = listFigures(runs.map((run) => run.frozen));
  const spread = WITH_SPREAD.flatMap((name) => {
    const { sd, low, high } = of((run) => run.loop[name]);
    return [
      [`${name}Sd`, sd] as const,
      [`${name}Low`, low] as const,
      [`${name}High`, high] as const,
    ];
  });
  const liars = LIARS.flatMap((liar) => [
    [`${nameOf(liar)}Loosenings`, of((run) => run.liars[liar].loosenings).mean] as const,
    [`${nameOf(liar)}LossAfter`, of((run) => run.liars[liar].lossAfter).mean] as const,
  ]);
  return createReport({
    name: 'evaluate loop',
    figures: {
      ...loop,
      ...Object.fromEntries(spread),
      runsOverBefore: of((run) => Number(run.loop.lossBefore > alpha)).mean,
      runsOverAfter: of((run) => Number(run.loop.lossAfter > alpha)).mean,
      runsWithWindowOverBefore: of((run) => Number(run.loop.worstWindowBefore > alpha)).mean,
      runsWithWindowOverAfter: of((run) => Number(run.loop.worstWindowAfter > alpha)).mean,
      recoveredShare: of((run) => Number(run.loop.recoveryRequests !== null)).mean,
      frozenRecoveredShare: of((run) => Number(run.frozen.recoveryRequests !== null)).mean,
      ...Object.fromEntries(liars),
      ...prefixed('frozen', frozen),
    },
    bars: listBars(runs, loop, options),
    context: {
      requests: streams[0]?.requests.length ?? 0,
      shiftAt: streams[0]?.shiftAt ?? 0,
      certificateLabels: streams[0]?.labels.length ?? 0,
      streams: streams.length,
      runs: runs.length,
      spread: 'standard deviation and middle 95 % between runs',
      alpha,
      delta,
      shadowRate,
      windowRequests,
      certifiedFor: windowBudget(options),
      baseline: 'frozen: the same certificate, never moved',
      seed,
      dataSha256,
    },
  });
}

function listBars(
  runs: readonly LoopRun[],
  loop: Readonly<Record<string, number | null>>,
  { alpha, delta, windowRequests }: LoopOptions,
): Bar[] {
  const loosenings = LIARS.flatMap((liar) => runs.map((run) => run.liars[liar].loosenings));
  const figure = (name: string): number | null => loop[name] ?? null;
  return [
    atMost('loss before the shift', figure('lossBefore'), { bar: alpha }),
    atMost('loss after the shift', figure('lossAfter'), { bar: alpha }),
    atMost(`worst ${windowRequests}-request window before`, figure('worstWindowBefore'), {
      bar: alpha,
    }),
    atMost(`worst ${windowRequests}-request window after`, figure('worstWindowAfter'), {
      bar: alpha,
    }),
    atMost('share of windows over the budget', figure('windowsOver'), { bar: delta }),
    atLeast('kept before the shift', figure('keptBefore'), KEPT_BEFORE),
    atMost('loosenings under a lying judge', Math.max(...loosenings), { bar: 0 }),
  ];
}

function listFigures(runs: readonly LoopFigures[]): Record<string, number | null> {
  const names = Object.keys(runs[0] ?? {}) as (keyof LoopFigures)[];
  return Object.fromEntries(
    names.map((name) => {
      const values = runs.map((run) => run[name]).filter((value) => value !== null);
      return [name, values.length === 0 ? null : summariseDraws(values).mean];
    }),
  );
}

function prefixed(
  prefix: string,
  figures: Readonly<Record<string, number | null>>,
): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [
      `${prefix}${name.charAt(0).toUpperCase()}${name.slice(1)}`,
      value,
    ]),
  );
}

/** `always-yes` → `alwaysYes`. */
function nameOf(liar: string): string {
  return liar.replaceAll(/-(\w)/gu, (_, letter: string) => letter.toUpperCase());
}
