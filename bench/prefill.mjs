// Time of prompts of 32 and 128 tokens that share nothing with earlier ones, beside in-browser CPU peers and
// the most that one thread can multiply: all in one page, each in its own worker, rounds taking turns.
import {
  describeRun,
  failureBars,
  peersOnly,
  ratioBars,
  runBesidePeers,
  timesOf,
} from './engines.mjs';
import { defaultModel } from './model-file.mjs';
import { atLeast, medianOf, rounded } from './report.mjs';

/** A prompt must reach this share of the measured peak of its arithmetic; 0.6 is aimed at. */
const DOT_RATE_BAR = { bar: 0.4, goal: 0.6 };
const ROUNDS = 5;
const LENGTHS = [32, 128];

/** Ours, peer: the least ratio that must hold, and what is aimed at. */
const GATES = {
  32: {
    fast: {
      wllama2Q41: [6, 11],
      wllama2Q40: [3, 5],
      wllama3: [14, 23],
      wllama3Threads: [9, 12],
      onnxInt8: [1.3, 2.5],
    },
  },
  128: {
    fast: {
      wllama2Q41: [8, 14],
      wllama2Q40: [4, 7],
      wllama3: [15, 27],
      wllama3Threads: [10, 14],
      onnxInt8: [1.7, 4],
    },
  },
};

export async function measure({ dataFolder, isAlone, rounds = ROUNDS }) {
  const entry = defaultModel();
  const { single, threaded } = await runBesidePeers(
    { entry, dataFolder, isAlone },
    'measurePrefill',
    { rounds, lengths: LENGTHS },
  );
  const runs = [single, threaded].filter((run) => run !== null);
  const figures = {};
  const bars = [];
  for (const length of LENGTHS) {
    const suffix = `Prefill${length}`;
    Object.assign(figures, timesOf(ofLength(single, length), suffix));
    if (threaded !== null) {
      Object.assign(figures, timesOf(peersOnly(ofLength(threaded, length)), suffix));
    }
    for (const run of runs) {
      bars.push(...ratioBars(GATES[length], `prefill ${length}`, ofLength(run, length)));
    }
  }
  const { fast, exact } = dotShares(single);
  return {
    figures: { ...figures, ...fast, ...exact },
    bars: [
      ...bars,
      ...runs.flatMap(failureBars),
      atLeast('prefill 128 (fast), share of the peak dot rate', fast.fastPerDotPeak, DOT_RATE_BAR),
    ],
    context: { ...describeRun({ entry, single, threaded }), rounds },
  };
}

function ofLength({ samples }, length) {
  return Object.fromEntries(Object.entries(samples).map(([name, times]) => [name, times[length]]));
}

/** Multiply-adds of the layers; attention and the quantising of activations are overhead here. */
function dotShares({ samples, gigaMacs, layerMacsPerToken }) {
  const longest = Math.max(...LENGTHS);
  const shares = {};
  for (const [name, rates] of Object.entries(gigaMacs)) {
    const peak = medianOf(rates);
    const reached = (longest * layerMacsPerToken) / medianOf(samples[name][longest]) / 1e6;
    shares[name] = {
      [`${name}DotPeakGigaMacs`]: rounded(peak),
      [`${name}PerDotPeak`]: rounded(reached / peak),
    };
  }
  return shares;
}
