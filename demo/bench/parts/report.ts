import type { Precision } from 'edgewise';

import { medianOf, quantileOf, rounded } from '../../../bench/report.mjs';
import { type Machine, machineRows } from './machine.ts';
import type { Samples } from './measure.ts';

/** Names to numbers, as `npm run bench -- NAME --json` prints them. */
export type Figures = Readonly<Record<string, number>>;

export interface Report {
  readonly name: 'page';
  readonly figures: Figures;
  readonly context: Readonly<Record<string, string>>;
}

/** What one token of the model costs at the least; `null` where it was not counted for this model. */
export interface ModelCost {
  readonly bytesPerToken: number;
  readonly layerMacsPerToken: number | null;
}

/** Medians, quick and slow tenths; and how close they are to what one thread can do. */
export function figuresOf(
  precision: Precision,
  samples: Samples,
  { bytesPerToken, layerMacsPerToken }: ModelCost,
): Figures {
  const tokenMs = median(samples.tokenMs);
  const readMs = median(samples.readMs);
  const peak = median(samples.gigaMacs);
  const reached = (128 * (layerMacsPerToken ?? 0)) / median(samples.prompt128Ms) / 1e6;
  const named: [string, number][] = [
    ...spread('Decode', samples.tokenMs),
    ['TokensPerSecond', 1000 / tokenMs],
    ...spread('Prefill32', samples.prompt32Ms),
    ...spread('Prefill128', samples.prompt128Ms),
    ...spread('FirstWord', samples.firstWordMs),
    ...spread('Whole', samples.wholeMs),
    ['ReadyMs', samples.readyMs],
    ['ReadGigabytesPerSecond', bytesPerToken / readMs / 1e6],
    ['DotPeakGigaMacs', peak],
  ];
  if (layerMacsPerToken !== null) {
    named.push(['PerRead', tokenMs / readMs], ['PerDotPeak', reached / peak]);
  }
  return Object.fromEntries(named.map(([name, value]) => [`${precision}${name}`, rounded(value)]));
}

function spread(name: string, samples: readonly number[]): [string, number][] {
  return [
    [`${name}Ms`, median(samples)],
    [`${name}P10Ms`, Number(quantileOf(samples, 0.1))],
    [`${name}P90Ms`, Number(quantileOf(samples, 0.9))],
  ];
}

function median(samples: readonly number[]): number {
  return Number(medianOf(samples));
}

export interface Circumstances {
  readonly modelId: string;
  readonly machine: Machine;
  readonly machineName: string;
  readonly warning: string;
  readonly date: string;
}

/** In the shape of the benchmarks on the command line. */
export function createReport(figures: Figures, circumstances: Circumstances): Report {
  const { modelId, machine, machineName, warning, date } = circumstances;
  const named = machineName === '' ? [] : [['Machine', machineName]];
  const warned = warning === '' ? [] : [['Warning', warning]];
  return {
    name: 'page',
    figures,
    context: Object.fromEntries([
      ['Model', modelId],
      ['Date', date],
      ...named,
      ...machineRows(machine),
      ...warned,
    ]),
  };
}
