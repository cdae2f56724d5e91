import { dataHash } from '../../evaluate/data-hash.ts';
import { readOutcomes } from '../../evaluate/read-outcomes.ts';
import { evaluateSignal } from '../../evaluate/signal.ts';
import { COMMON_HELP, readInputFile, runEvaluation } from '../evaluation-command.ts';

const HELP = `Usage: edgewise evaluate signal --outcomes FILE [options]

What a confidence is worth: how well it ranks right above wrong answers (auroc; aurc, the lower the
better) and how far it is from the truth before and after calibration (eceBefore, eceAfter; judged
by maps that had not seen the row). FILE holds JSON lines, gzipped or not:
{ "id", "score"?, "features"?, "topic"?, "text"?, "deviceCorrect", "cloudCorrect"? }.
Where no row has a score, one is made of the features, else of topic and length, and it is said so.

  --outcomes FILE what happened
  --max-ece SHARE fail when the error after calibration is above this
${COMMON_HELP}`;

/** `edgewise evaluate signal`. */
export function run(argv: readonly string[]): Promise<number> {
  return runEvaluation(argv, {
    name: 'signal',
    help: HELP,
    unit: 'draws',
    options: { outcomes: { type: 'string' }, 'max-ece': { type: 'string' } },
    async measure(input) {
      const file = input.requiredText('outcomes');
      const bytes = await readInputFile(file);
      const maxEce = input.number('max-ece', { fallback: Number.NaN, min: 0, max: 1 });
      return evaluateSignal(await readOutcomes(bytes, file), {
        seed: input.seed,
        dataSha256: await dataHash(bytes),
        ...(Number.isNaN(maxEce) ? {} : { maxEce }),
        signal: input.signal,
        onProgress: input.onProgress,
      });
    },
  });
}
