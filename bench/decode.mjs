// Time per token of our engine right after a prompt of 128 tokens, beside its in-browser CPU peers and a
// plain read loop over the same bytes: all in one page, each in its own worker, rounds taking turns.
import {
  describeRun,
  failureBars,
  peersOnly,
  ratioBars,
  runBesidePeers,
  timesOf,
} from './engines.mjs';
import { defaultModel } from './model-file.mjs';
import { atMost, medianOf, quantileOf, rounded } from './report.mjs';

/** Decode may take at most this many times what merely reading its bytes takes; 1.3 is aimed at. */
const READ_BAR = 2;
const READ_GOAL = 1.3;
const ROUNDS = 5;
const TOKENS_PER_ROUND = 16;
const PROMPT_TOKENS = 128;

/** Ours, peer: the least ratio that must hold, and what is aimed at. */
const GATES = {
  fast: {
    wllama2Q41: [5.5, 7],
    wllama2Q40: [3.5, 4.5],
    wllama3: [12, 16],
    wllama3Threads: [7, 9],
    onnxInt8: [5.5, 7],
  },
  exact: {
    wllama2Q41: [4, 5],
    wllama2Q40: [2.5, 3.2],
    wllama3: [9, 12],
    wllama3Threads: [5, 6.5],
    onnxInt8: [4, 5],
  },
};

export async function measure({ dataFolder, isAlone, rounds = ROUNDS }) {
  const entry = defaultModel();
  const { single, threaded } = await runBesidePeers(
    { entry, dataFolder, isAlone },
    'measureDecode',
    { rounds, tokensPerRound: TOKENS_PER_ROUND, promptTokens: PROMPT_TOKENS },
  );
  const runs = [single, threaded].filter((run) => run !== null);
  const readMs = medianOf(single.readMs);
  const fastPerRead = rounded(medianOf(single.samples.fast) / readMs);
  return {
    figures: {
      ...timesOf(single.samples, 'Decode'),
      ...(threaded !== null && timesOf(peersOnly(threaded.samples), 'Decode')),
      fastTokensPerSecond: rounded(1000 / medianOf(single.samples.fast)),
      exactTokensPerSecond: rounded(1000 / medianOf(single.samples.exact)),
      readMs: rounded(readMs),
      readBestMs: rounded(quantileOf(single.readMs, 0)),
      readGigabytesPerSecond: rounded(single.bytesPerToken / readMs / 1e6),
      fastPerRead,
      ...prefillFigures(single.prefillMs),
      exactPerRead: rounded(medianOf(single.samples.exact) / readMs),
    },
    bars: [
      ...runs.flatMap(({ samples }) => ratioBars(GATES, 'decode', samples)),
      ...runs.flatMap(failureBars),
      {
        ...atMost('decode (fast) relative to reading its bytes', fastPerRead, READ_BAR),
        goal: READ_GOAL,
      },
    ],
    context: {
      ...describeRun({ entry, single, threaded }),
      tokens: `${rounds * TOKENS_PER_ROUND} per engine from position ${PROMPT_TOKENS} on, in ${rounds} rounds (wllama 3: ${TOKENS_PER_ROUND} in each round, and their mean)`,
      bytesPerToken: single.bytesPerToken,
    },
  };
}

/** Of ours, for the whole picture; `prefill` judges it beside the peers. */
function prefillFigures(prefillMs) {
  const figures = {};
  for (const [name, times] of Object.entries(prefillMs)) {
    figures[`${name}Prefill128Ms`] = rounded(medianOf(times));
    figures[`${name}Prefill128P90Ms`] = rounded(quantileOf(times, 0.9));
    figures[`${name}PrefillTokensPerSecond`] = rounded((1000 * PROMPT_TOKENS) / medianOf(times));
  }
  return figures;
}
