import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { binomialTail } from '../../../src/cascade/binomial-bound.ts';
import {
  certifyThreshold,
  tightenCertificate,
  uncertifiedThreshold,
  type CertificationResult,
  type LabelledScore,
} from '../../../src/cascade/certificate.ts';
import { createRandom } from '../../../src/evaluate/draws.ts';

const BUDGET = { alpha: 0.02, delta: 0.1 };
const LOOSE = { alpha: 0.2, delta: 0.2 };

/** `count` rows with scores falling from 1; those at the named places lose. */
function ladder(count: number, losses: readonly number[] = []): LabelledScore[] {
  const lossAt = new Set(losses);
  return Array.from({ length: count }, (_, index) => ({
    score: 1 - index / count,
    isLoss: lossAt.has(index),
  }));
}

const anyScore = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.constantFrom(0.25, 0.5, 0.75),
  fc.constantFrom(
    null,
    undefined,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    0,
    -0,
  ),
);
const anyRow: fc.Arbitrary<LabelledScore> = fc.tuple(anyScore, fc.nat(9)).map(([score, luck]) => ({
  ...(score === undefined ? {} : { score }),
  isLoss: luck === 0,
}));
const anyRows = fc.array(anyRow, { maxLength: 150 });

/** Higher = stricter; nothing certified is the strictest of all. */
function strictness(result: CertificationResult): number {
  return result.status === 'certified' ? result.threshold : Number.POSITIVE_INFINITY;
}

describe('certifyThreshold', () => {
  it('needs 114 labels for 2 % at 90 %, the smallest n with 0.98^n at most 0.1', () => {
    expect(certifyThreshold(ladder(113), BUDGET)).toEqual({
      status: 'not-certifiable',
      ...BUDGET,
      labels: 113,
      labelsNeeded: 114,
    });
    expect(certifyThreshold(ladder(114), BUDGET)).toMatchObject({
      status: 'certified',
      labels: 114,
      keptLabels: 114,
      lossLabels: 0,
    });
  });

  it('keeps up to the 14th loss of 1,000 labels, as the exact test allows 13', () => {
    const losses = Array.from({ length: 30 }, (_, index) => 300 + 20 * index);
    const result = certifyThreshold(ladder(1000, losses), BUDGET);
    // The 14th loss stands at place 560: the walk ends on the row before it.
    expect(result).toMatchObject({ status: 'certified', keptLabels: 560, lossLabels: 13 });
    expect(result).toMatchObject({ threshold: 1 - 559 / 1000, keptShare: 0.56, lossShare: 0.013 });
  });

  it('bounds the loss at its threshold, at alpha or below', () => {
    const result = certifyThreshold(ladder(1000, [10, 20, 30]), BUDGET);
    if (result.status !== 'certified') throw new Error('This is certifiable.');
    // scipy: beta.ppf(0.9, 4, 997)
    expect(result.lossBound).toBeCloseTo(0.006668495, 9);
  });

  it('stops at the first failure, though stricter and looser levels would pass', () => {
    const early = Array.from({ length: 20 }, (_, index) => index);
    const result = certifyThreshold(ladder(1000, early), BUDGET);
    expect(result).toMatchObject({ status: 'certified', keptLabels: 13 });
  });

  it('never parts requests of equal score', () => {
    const rows = [
      ...Array.from({ length: 500 }, () => ({ score: 0.9, isLoss: false })),
      ...Array.from({ length: 500 }, (_, index) => ({ score: 0.5, isLoss: index % 10 === 0 })),
    ];
    expect(certifyThreshold(rows, BUDGET)).toMatchObject({ threshold: 0.9, keptLabels: 500 });
  });

  it('counts a request without a score as one that is not kept', () => {
    const rows = [
      ...ladder(200),
      ...Array.from({ length: 200 }, () => ({ score: null, isLoss: true })),
    ];
    expect(certifyThreshold(rows, BUDGET)).toMatchObject({
      status: 'certified',
      labels: 400,
      keptLabels: 200,
      lossLabels: 0,
    });
  });

  it('says that more labels would not help when the surest requests lose too often', () => {
    const rows = Array.from({ length: 400 }, (_, index) => ({ score: 1, isLoss: index % 4 === 0 }));
    expect(certifyThreshold(rows, BUDGET)).toMatchObject({
      status: 'not-certifiable',
      labelsNeeded: null,
    });
  });

  it('names a number of labels that would do if losses kept coming at the rate seen', () => {
    const rows = Array.from({ length: 400 }, (_, index) => ({ score: 1, isLoss: index < 6 }));
    const result = certifyThreshold(rows, BUDGET);
    if (result.status === 'certified') throw new Error('6 losses of 400 are too many.');
    const trials = result.labelsNeeded ?? 0;
    expect(trials).toBeGreaterThan(400);
    const successes = Math.ceil((6 / 400) * trials);
    expect(binomialTail({ successes, trials }, BUDGET.alpha)).toBeLessThanOrEqual(BUDGET.delta);
  });

  it('certifies nothing without labels', () => {
    expect(certifyThreshold([], BUDGET)).toMatchObject({ status: 'not-certifiable', labels: 0 });
  });

  it.each([0, 1, -0.1, Number.NaN, Number.POSITIVE_INFINITY])('refuses the budget %d', (share) => {
    expect(() => certifyThreshold([], { alpha: share, delta: 0.1 })).toThrow(RangeError);
    expect(() => uncertifiedThreshold([], { alpha: 0.1, delta: share })).toThrow(RangeError);
  });

  it('refuses a row without a label and shows the right call', () => {
    const rows = [{ score: 1 }] as unknown as LabelledScore[];
    expect(() => certifyThreshold(rows, BUDGET)).toThrow(/Row 0 has no label.*certifyThreshold/);
    expect(() => certifyThreshold([null] as unknown as LabelledScore[], BUDGET)).toThrow(TypeError);
  });

  it('takes a million rows', () => {
    const random = createRandom(5);
    const rows = Array.from({ length: 1_000_000 }, () => {
      const score = random();
      return { score, isLoss: random() < 0.2 * (1 - score) };
    });
    const result = certifyThreshold(rows, BUDGET);
    if (result.status !== 'certified') throw new Error('This is certifiable.');
    // The loss from t on is 0.1 (1 − t)², which is 0.02 at t = 1 − √0.2.
    expect(result.threshold).toBeGreaterThan(1 - Math.sqrt(0.2));
    expect(result.threshold).toBeCloseTo(1 - Math.sqrt(0.2), 2);
  });
});

describe('For any rows', () => {
  it('a certified threshold is finite, one of the scores, and passes the exact test', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const result = certifyThreshold(rows, LOOSE);
        if (result.status === 'not-certifiable') return;
        expect(Number.isFinite(result.threshold)).toBe(true);
        expect(rows.map(({ score }) => score)).toContain(result.threshold);
        const kept = rows.filter(({ score }) => (score ?? Number.NaN) >= result.threshold);
        const successes = kept.filter(({ isLoss }) => isLoss).length;
        expect([result.keptLabels, result.lossLabels]).toEqual([kept.length, successes]);
        const tail = binomialTail({ successes, trials: rows.length }, LOOSE.alpha);
        expect(tail).toBeLessThanOrEqual(LOOSE.delta);
        expect(result.lossBound).toBeLessThanOrEqual(LOOSE.alpha);
      }),
    );
  });

  it('is at least as strict as the uncertified threshold, which meets the budget on its labels', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const plugIn = uncertifiedThreshold(rows, LOOSE);
        expect(plugIn.lossShare).toBeLessThanOrEqual(LOOSE.alpha);
        const certified = certifyThreshold(rows, LOOSE);
        if (certified.status === 'not-certifiable') return;
        expect(certified.threshold).toBeGreaterThanOrEqual(plugIn.threshold ?? Number.NaN);
      }),
    );
  });

  it('does not depend on their order', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        expect(certifyThreshold(rows.toReversed(), LOOSE)).toEqual(certifyThreshold(rows, LOOSE));
      }),
    );
  });

  it('a larger budget never keeps less', () => {
    fc.assert(
      fc.property(anyRows, fc.double({ min: 0.01, max: 0.5, noNaN: true }), (rows, alpha) => {
        const strict = certifyThreshold(rows, { alpha, delta: 0.2 });
        const loose = certifyThreshold(rows, { alpha: alpha * 1.5, delta: 0.3 });
        expect(strictness(loose)).toBeLessThanOrEqual(strictness(strict));
      }),
    );
  });
});

/** What "more labels never loosen a certificate on the same data" means, one test per way. */
describe('More labels on the same data never loosen a certificate', () => {
  it('when a request turns out to lose', () => {
    fc.assert(
      fc.property(anyRows, fc.nat(), (rows, place) => {
        const worse = rows.map((row, index) =>
          index === place % rows.length ? { ...row, isLoss: true } : row,
        );
        const before = strictness(certifyThreshold(rows, LOOSE));
        expect(strictness(certifyThreshold(worse, LOOSE))).toBeGreaterThanOrEqual(before);
      }),
    );
  });

  it('when another kept request is found to lose', () => {
    fc.assert(
      fc.property(anyRows, fc.double({ min: 0, max: 2, noNaN: true }), (rows, above) => {
        const before = certifyThreshold(rows, LOOSE);
        if (before.status === 'not-certifiable') return;
        const score = before.threshold + above;
        const after = certifyThreshold([...rows, { score, isLoss: true }], LOOSE);
        expect(strictness(after)).toBeGreaterThanOrEqual(before.threshold);
      }),
    );
  });

  it('when the same requests are labelled again, agreeing or not', () => {
    const named = anyRows.map((rows) => rows.map((row, index) => ({ ...row, id: `r${index}` })));
    fc.assert(
      fc.property(named, fc.array(fc.boolean()), (rows, verdicts) => {
        const again = rows.map((row, index) => ({ ...row, isLoss: verdicts[index] ?? row.isLoss }));
        const before = strictness(certifyThreshold(rows, LOOSE));
        expect(strictness(certifyThreshold([...rows, ...rows], LOOSE))).toBe(before);
        const after = strictness(certifyThreshold([...rows, ...again], LOOSE));
        expect(after).toBeGreaterThanOrEqual(before);
      }),
    );
  });

  it('when one looks again and again while the data grow', () => {
    fc.assert(
      fc.property(anyRows, fc.array(anyRows, { maxLength: 4 }), (first, growth) => {
        const start = certifyThreshold(first, LOOSE);
        if (start.status === 'not-certifiable') return;
        let rows = first;
        let current: CertificationResult = start;
        for (const more of growth) {
          rows = [...rows, ...more];
          if (current.status === 'not-certifiable') break;
          const next = tightenCertificate(current, certifyThreshold(rows, LOOSE));
          expect(strictness(next)).toBeGreaterThanOrEqual(strictness(current));
          current = next;
        }
        expect(strictness(current)).toBeGreaterThanOrEqual(start.threshold);
      }),
    );
  });
});

describe('uncertifiedThreshold', () => {
  it('just meets the budget on its labels', () => {
    const losses = Array.from({ length: 30 }, (_, index) => 300 + 20 * index);
    // 20 losses are 2 % of 1,000; the 21st stands at place 700.
    expect(uncertifiedThreshold(ladder(1000, losses), BUDGET)).toMatchObject({
      status: 'uncertified',
      keptLabels: 700,
      lossLabels: 20,
    });
  });

  it('has no threshold when keeping anything exceeds the budget', () => {
    const rows = Array.from({ length: 10 }, () => ({ score: 1, isLoss: true }));
    expect(uncertifiedThreshold(rows, BUDGET)).toMatchObject({ threshold: null, keptLabels: 0 });
    expect(uncertifiedThreshold([], BUDGET)).toMatchObject({ threshold: null, keptShare: 0 });
  });
});
