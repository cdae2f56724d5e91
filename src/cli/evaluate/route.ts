import { fitGain } from '../../cascade/fit-gain.ts';
import { writeGain } from '../../cascade/gain-file.ts';
import type { Outcome } from '../../cascade/outcome.ts';
import { dataHash } from '../../evaluate/data-hash.ts';
import { readOutcomes } from '../../evaluate/read-outcomes.ts';
import { evaluateRoute, listGainRows } from '../../evaluate/route.ts';
import { buildRungOutcomes } from '../../evaluate/rung-outcomes.ts';
import { readLabelledTexts } from '../../specialise/labelled-texts.ts';
import type { LabelledText } from '../../students/train-ngram.ts';
import {
  COMMON_HELP,
  readInputFile,
  runEvaluation,
  writeOutputFile,
  type EvaluationInput,
} from '../evaluation-command.ts';
import { UsageError } from '../usage-error.ts';

const HELP = `Usage: edgewise evaluate route --outcomes FILE [options]
       edgewise evaluate route --train FILE --test FILE [options]

What it is worth to ask the upper tier where that is expected to help. Many times over, labels are
drawn at random, a router is fitted on them and judged on all other rows. apgr is the area under
"share of the gap recovered by share of requests asked" (random: 0.5), cpt50 and cpt80 the share of
requests that recovers 50 and 80 % of it; gain is apgr less that of routing by length, paired, with
its interval. FILE holds JSON lines, gzipped or not:
{ "id", "topic"?, "text"?, "features"?, "score"?, "deviceCorrect", "cloudCorrect", "tiers"? }.
Rows with "tiers": [{ "id", "correct", "score"?, "cost" }], three or more, lowest first, also show
all rungs beside every pair of them at the same cost, and whose answers count.

With --train and --test (CSV: text, label) the outcomes of three rungs are made first: a student
that learnt from a few rows of each label; one that learnt from all, standing in for a specialised
model in the cloud; and the label itself, standing in for a model that is always right.

  --outcomes FILE what happened
  --train FILE    labelled texts to learn from
  --test FILE     labelled texts to answer
  --outcomes-out FILE  keep the outcomes made from them
  --labels N      labels of each draw (default 1000)
  --draws N       draws (default 100)
  --min-apgr X    fail when the mean APGR is below this
  --gain-out FILE write the gain learnt from all rows, for decide() (see readGain)
  --task NAME     what it was learnt for (default classify)
  --from ID       model below (default device)
  --to ID         model above (default cloud)
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
      train: { type: 'string' },
      test: { type: 'string' },
      'outcomes-out': { type: 'string' },
      labels: { type: 'string' },
      draws: { type: 'string' },
      'min-apgr': { type: 'string' },
      'gain-out': { type: 'string' },
      task: { type: 'string', default: 'classify' },
      from: { type: 'string', default: 'device' },
      to: { type: 'string', default: 'cloud' },
    },
    async measure(input) {
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
      const { bytes, source } = await readOrMake(input);
      const outcomes = await readOutcomes(bytes, source);
      const dataSha256 = await dataHash(bytes);
      const result = await evaluateRoute(outcomes, { ...options, dataSha256 });
      await writeGainFile(input, outcomes, dataSha256);
      return result;
    },
  });
}

async function writeGainFile(
  input: EvaluationInput,
  outcomes: readonly Outcome[],
  dataSha256: string,
): Promise<void> {
  const target = input.text('gain-out');
  if (target === undefined) return;
  const scope = {
    task: input.requiredText('task'),
    from: input.requiredText('from'),
    to: input.requiredText('to'),
  };
  const date = new Date().toISOString().slice(0, 10);
  const file = writeGain(fitGain(listGainRows(outcomes)), { scope, dataSha256, date });
  await writeOutputFile(target, new TextEncoder().encode(`${JSON.stringify(file, null, 2)}\n`));
}

interface OutcomeBytes {
  readonly bytes: Uint8Array;
  readonly source: string;
}

async function readOrMake(input: EvaluationInput): Promise<OutcomeBytes> {
  if (input.text('train') === undefined && input.text('test') === undefined) {
    const source = input.requiredText('outcomes');
    return { bytes: await readInputFile(source), source };
  }
  if (input.text('outcomes') !== undefined) {
    throw new UsageError('--train and --test make the outcomes: leave --outcomes out.');
  }
  const files = [input.requiredText('train'), input.requiredText('test')] as const;
  const [training, test] = await Promise.all(files.map((file) => readRows(file)));
  const rows = { training: training ?? [], test: test ?? [] };
  if (!input.flag('quiet'))
    process.stderr.write(`Training two students on up to ${rows.training.length} rows …\n`);
  const { seed, signal } = input;
  const outcomes = await buildRungOutcomes(rows, { seed, signal });
  const lines = outcomes.map((outcome) => `${JSON.stringify(outcome)}\n`).join('');
  const bytes = new TextEncoder().encode(lines);
  const target = input.text('outcomes-out');
  if (target !== undefined) await writeOutputFile(target, bytes);
  return { bytes, source: 'the outcomes made from --train and --test' };
}

async function readRows(file: string): Promise<LabelledText[]> {
  return readLabelledTexts(await readInputFile(file), file);
}
