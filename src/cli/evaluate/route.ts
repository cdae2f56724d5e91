import { dataHash } from '../../evaluate/data-hash.ts';
import { readOutcomes } from '../../evaluate/read-outcomes.ts';
import { evaluateRoute } from '../../evaluate/route.ts';
import { COMMON_HELP, readInputFile, runEvaluation } from '../evaluation-command.ts';

const HELP = `Usage: edgewise evaluate route --outcomes FILE [options]

What it is worth to ask the upper tier where that is expected to help. Many times over, labels are
drawn at random, a router is fitted on them and judged on all other rows. apgr is the area under
"share of the gap recovered by share of requests asked" (random: 0.5), cpt50 and cpt80 the share of
requests that recovers 50 and 80 % of it; gain is apgr less that of routing by length, paired, with
its interval. FILE holds JSON lines, gzipped or not:
{ "id", "topic"?, "text"?, "features"?, "score"?, "deviceCorrect", "cloudCorrect" }.

  --outcomes FILE what happened
  --labels N      labels of each draw (default 1000)
  --draws N       draws (default 100)
  --min-apgr X    fail when the mean APGR is below this
${COMMON_HELP}`;

const MOST_LABELS = 10_000_000;
const MOST_DRAWS = 10_000;

/** `edgewise evaluate route`. */
export function run(argv: readonly string[]): Promise<number> {
  return runEvaluation(argv, {
    name: 'route',
    help: HELP,
    unit: 'draws',
    options: {
      outcomes: { type: 'string' },
      labels: { type: 'string' },
      draws: { type: 'string' },
      'min-apgr': { type: 'string' },
    },
    async measure(input) {
      const file = input.requiredText('outcomes');
      const whole = { min: 1, isWhole: true };
      const minApgr = input.number('min-apgr', { fallback: Number.NaN, min: 0, max: 2 });
      const options = {
        labels: input.number('labels', { fallback: 1000, max: MOST_LABELS, ...whole }),
        draws: input.number('draws', { fallback: 100, max: MOST_DRAWS, ...whole }),
        seed: input.seed,
        ...(Number.isNaN(minApgr) ? {} : { minApgr }),
        signal: input.signal,
        onProgress: input.onProgress,
      };
      const bytes = await readInputFile(file);
      const outcomes = await readOutcomes(bytes, file);
      return evaluateRoute(outcomes, { ...options, dataSha256: await dataHash(bytes) });
    },
  });
}
