import * as fc from 'fast-check';

import type { TokenEvidence } from '../../../src/types.ts';

export function token(facts: Partial<TokenEvidence>): TokenEvidence {
  return { textLength: 1, logProbability: -0.5, margin: 1, isTyped: false, ...facts };
}

const logProbability = fc.oneof(
  fc.double({ min: -20, max: 0, noNaN: true }),
  fc.constantFrom(null, 0, Number.NEGATIVE_INFINITY, Number.NaN, 3),
);

/** Evidence as tiers give it, and as broken ones might. */
export function evidence(): fc.Arbitrary<readonly TokenEvidence[]> {
  return fc.array(
    fc.record({
      textLength: fc.nat({ max: 12 }),
      logProbability,
      margin: fc.option(fc.double({ min: 0, max: 20, noNaN: true })),
      isTyped: fc.boolean(),
    }),
    { maxLength: 30 },
  );
}

/** Evidence in which everything is known. */
export function knownEvidence(): fc.Arbitrary<readonly TokenEvidence[]> {
  return fc.array(
    fc.record({
      textLength: fc.nat({ max: 12 }),
      logProbability: fc.double({ min: -20, max: 0, noNaN: true }),
      margin: fc.double({ min: 0, max: 20, noNaN: true }),
      isTyped: fc.constant(false),
    }),
    { minLength: 1, maxLength: 30 },
  );
}
