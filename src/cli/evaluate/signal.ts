import { evaluateSignal } from '../../evaluate/signal.ts';
import { COMMON_HELP, runEvaluation } from '../evaluation-command.ts';
import { OUTCOME_HELP, OUTCOME_OPTIONS, readOutcomeSource } from './outcome-source.ts';

const HELP = `Usage: edgewise evaluate signal --outcomes FILE [options]
       edgewise evaluate signal --model DIR --test FILE [options]

What a confidence is worth: how well it ranks right above wrong answers (auroc; aurc, the lower the
better) and how far it is from the truth before and after calibration (eceBefore, eceAfter; judged
by maps that had not seen the row). Where no row has a score, one is made of the
features, else of topic and length, and it is said so.

${OUTCOME_HELP}  --max-ece SHARE fail when the error after calibration is above this
${COMMON_HELP}`;

/** `edgewise evaluate signal`. */
export function run(argv: readonly string[]): Promise<number> {
  return runEvaluation(argv, {
    name: 'signal',
    help: HELP,
    unit: 'draws',
    options: { ...OUTCOME_OPTIONS, 'max-ece': { type: 'string' } },
    async measure(input) {
      const { outcomes, dataSha256 } = await readOutcomeSource(input);
      const maxEce = input.number('max-ece', { fallback: Number.NaN, min: 0, max: 1 });
      return evaluateSignal(outcomes, {
        seed: input.seed,
        dataSha256,
        ...(Number.isNaN(maxEce) ? {} : { maxEce }),
        signal: input.signal,
        onProgress: input.onProgress,
      });
    },
  });
}
