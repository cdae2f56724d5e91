import type { EvidenceFeatures } from './evidence.ts';
import { sampleAgreement } from './evidence-agreement.ts';

export interface GenerationEvidence {
  /** From the tokens, see `summariseEvidence`. */
  readonly tokens: EvidenceFeatures;
  /** Whether the answer passed a check of the app, by the check's name; `null` = not run. */
  readonly checks?: Readonly<Record<string, boolean | null>>;
  /** Two samples of the same request, where the engine gives no log-probabilities. */
  readonly samples?: readonly [string, string];
}

/**
 * Everything known of a generated answer as numbers by name, the form that outcomes, calibrations
 * and learning read. Logarithms are natural; yes and no are 1 and 0. Unknown is `null`, never 0:
 * an answer whose tokens nobody saw has no product, and an unfinished one no finish.
 */
export function generationFeatures(
  evidence: GenerationEvidence,
): Readonly<Record<string, number | null>> {
  const { finishReason, ...numbers } = evidence.tokens;
  const checks = Object.entries(evidence.checks ?? {});
  const [first = null, second = null] = evidence.samples ?? [];
  return {
    ...numbers,
    isFinished: finishReason === null ? null : Number(finishReason === 'stop'),
    isCutOff:
      finishReason === null
        ? null
        : Number(finishReason === 'length' || finishReason === 'truncated'),
    sampleAgreement: sampleAgreement(first, second),
    ...Object.fromEntries(
      checks.map(([name, passed]) => [`check:${name}`, passed === null ? null : Number(passed)]),
    ),
  };
}
