import { describe, expect, it } from 'vitest';

import {
  reportObservations,
  toObservation,
  type Observation,
  type ObservedCall,
} from '../../../src/cascade/observe.ts';

const call: ObservedCall = {
  id: '1',
  timeMs: 5,
  task: 'classify',
  cloudLabel: 'refund',
  device: {
    label: 'refund',
    evidence: { topProbability: 0.9, margin: 0.8, entropy: 0.1, trainingDistance: null },
    receipt: { durationMs: 2 } as ObservedCall['device']['receipt'],
  },
};

/** Calls as they come: the score says how sure, and the wrong ones are named. */
function observe(
  count: number,
  make: (index: number) => { score: number; isRight: boolean },
): Observation[] {
  return Array.from({ length: count }, (_, index) => {
    const { score, isRight } = make(index);
    const evidence = { topProbability: score, margin: null, entropy: null, trainingDistance: null };
    const label = isRight ? 'refund' : 'other';
    const device = { ...call.device, label, evidence };
    return toObservation({ ...call, id: String(index), costUsd: 0.001, durationMs: 400, device });
  });
}

describe('An observed call', () => {
  it('takes the cloud for right where nobody knows better', () => {
    expect(toObservation(call)).toMatchObject({ deviceCorrect: true, cloudCorrect: null });
    expect(toObservation({ ...call, cloudLabel: 'other' })).toMatchObject({ deviceCorrect: false });
  });

  it('takes the known label before the cloud’s', () => {
    expect(toObservation({ ...call, cloudLabel: 'other', trueLabel: 'refund' })).toMatchObject({
      deviceCorrect: true,
      cloudCorrect: false,
    });
    expect(toObservation({ ...call, trueLabel: 'other' })).toMatchObject({
      deviceCorrect: false,
      cloudCorrect: false,
    });
  });

  it('holds the evidence and no text', () => {
    const observation = toObservation(call);
    expect(observation).toMatchObject({ score: 0.9, topic: 'classify', timeMs: 5 });
    expect(observation.features).toEqual({
      topProbability: 0.9,
      margin: 0.8,
      entropy: 0.1,
      trainingDistance: null,
    });
    expect(observation).not.toHaveProperty('text');
  });
});

describe('The report of observed calls', () => {
  it('says what could have been kept, at which certified loss, and the saving', () => {
    // Sure ones are right, unsure ones are not: everything down to 0.5 can be kept.
    const observations = observe(1000, (index) => ({
      score: index < 800 ? 0.9 : 0.1,
      isRight: index < 800,
    }));
    const report = reportObservations(observations);
    expect(report).toMatchObject({ requests: 1000, knownLabels: 0, agreementShare: 0.8 });
    expect(report.certificate).toMatchObject({ status: 'certified', threshold: 0.9, labels: 1000 });
    expect(report.saving).toMatchObject({
      keptRequests: 800,
      keptShare: 0.8,
      pricedRequests: 800,
      cloudMeanMs: 400,
      deviceMeanMs: 2,
    });
    expect(report.saving?.costUsd).toBeCloseTo(0.8, 9);
    // Told on the very calls that the threshold was chosen on.
    expect(report.saving?.basis).toBe('in-sample');
    // Clopper-Pearson from the sum of the binomial's terms, in Python.
    expect(report.saving?.keptShareLow).toBeCloseTo(0.7738406, 4);
    expect(report.saving?.keptShareHigh).toBeCloseTo(0.8243794, 4);
  });

  it('says about how many more labels it takes where it cannot promise yet', () => {
    const report = reportObservations(observe(50, () => ({ score: 0.9, isRight: true })));
    // Without a loss: log(0.1) / log(0.98) = 113.97.
    expect(report.certificate).toMatchObject({ status: 'not-certifiable', labelsNeeded: 114 });
    expect(report.saving).toBeNull();
  });

  it('counts no loss where the cloud was wrong as well', () => {
    const wrong = observe(1000, () => ({ score: 0.9, isRight: false }));
    expect(reportObservations(wrong).certificate.status).toBe('not-certifiable');
    const both = wrong.map((each) => ({ ...each, cloudCorrect: false }));
    expect(reportObservations(both).certificate.status).toBe('certified');
  });

  it('leaves a cost unknown that nobody told', () => {
    const priced = observe(500, () => ({ score: 0.9, isRight: true }));
    const observations = priced.map((each): Observation => {
      const { cloudCost, ...rest } = each;
      expect(cloudCost).toBe(0.001);
      return { ...rest, cloudDurationMs: null };
    });
    expect(reportObservations(observations).saving).toMatchObject({
      keptRequests: 500,
      costUsd: null,
      pricedRequests: 0,
      cloudMeanMs: null,
    });
  });

  it('is empty before the first call, and never promises anything then', () => {
    expect(reportObservations([])).toMatchObject({
      requests: 0,
      agreementShare: null,
      certificate: { status: 'not-certifiable' },
      saving: null,
    });
  });

  it('refuses a budget that is no share', () => {
    expect(() => reportObservations([], { alpha: 0 })).toThrow(RangeError);
  });
});
