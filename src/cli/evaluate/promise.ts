import { evaluatePromise, evaluateSyntheticPromise } from '../../evaluate/promise.ts';
import {
  COMMON_HELP,
  runEvaluation,
  type EvaluationInput,
  type EvaluationOutput,
} from '../evaluation-command.ts';
import { UsageError } from '../usage-error.ts';
import { OUTCOME_HELP, OUTCOME_OPTIONS, readOutcomeSource } from './outcome-source.ts';

const HELP = `Usage: edgewise evaluate promise --outcomes FILE [options]
       edgewise evaluate promise --model DIR --test FILE [options]
       edgewise evaluate promise --synthetic N [options]

How often a promised loss is broken. Many times over, labels are drawn at random, a threshold is
chosen on them, and the loss it really has on all rows is compared with the promise: once with a
certificate (violationsCertified, keptCertified), once with the threshold that just fits the labels
(violationsPlugIn, keptPlugIn). Loss = share of all requests that were kept, wrong, and right in
the cloud. With --synthetic: on N made-up populations whose true loss is a formula.

${OUTCOME_HELP}  --synthetic N   made-up populations instead
  --alpha SHARE   promised loss (default 0.02)
  --delta SHARE   accepted risk that a promise is wrong (default 0.1)
  --labels N      labels of each draw (default 1000; --synthetic: 150, 300 and 1000 in turn)
  --splits N      draws (default 200)
${COMMON_HELP}`;

/** Beyond this a run takes hours and the answer no longer changes. */
const MOST_DRAWS = 100_000;
const MOST_LABELS = 10_000_000;
/** Budgets of exactly 0 or 1 promise everything or nothing. */
const SMALLEST_SHARE = 1e-6;

/** `edgewise evaluate promise`. */
export function run(argv: readonly string[]): Promise<number> {
  return runEvaluation(argv, {
    name: 'promise',
    help: HELP,
    unit: 'draws',
    options: {
      ...OUTCOME_OPTIONS,
      synthetic: { type: 'string' },
      alpha: { type: 'string' },
      delta: { type: 'string' },
      labels: { type: 'string' },
      splits: { type: 'string' },
    },
    measure,
  });
}

async function measure(input: EvaluationInput): Promise<EvaluationOutput> {
  const share = { min: SMALLEST_SHARE, max: 1 - SMALLEST_SHARE };
  const common = {
    alpha: input.number('alpha', { fallback: 0.02, ...share }),
    delta: input.number('delta', { fallback: 0.1, ...share }),
    seed: input.seed,
    signal: input.signal,
    onProgress: input.onProgress,
  };
  const whole = { min: 1, isWhole: true };
  const labels = input.number('labels', { fallback: 1000, max: MOST_LABELS, ...whole });
  if (input.text('synthetic') !== undefined) {
    if (input.text('outcomes') !== undefined || input.text('model') !== undefined) {
      throw new UsageError('--synthetic makes its own data: leave --outcomes and --model out.');
    }
    const populations = input.number('synthetic', { fallback: 0, max: MOST_DRAWS, ...whole });
    const given = input.text('labels') === undefined ? {} : { labels };
    return evaluateSyntheticPromise({ ...common, populations, ...given });
  }
  const splits = input.number('splits', { fallback: 200, max: MOST_DRAWS, ...whole });
  const { outcomes, dataSha256 } = await readOutcomeSource(input);
  return evaluatePromise(outcomes, { ...common, labels, splits, dataSha256 });
}
