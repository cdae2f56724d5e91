import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { countLabels, readTopic, tabulate } from '../../../src/cascade/gain-table.ts';

const topics = new Map([
  ['a', { labels: 40, wrong: 20, rescued: 16, harmed: 1 }],
  ['b', { labels: 30, wrong: 6, rescued: 2, harmed: 4 }],
  ['c', { labels: 5, wrong: 3, rescued: 3, harmed: 0 }],
  ['d', { labels: 60, wrong: 30, rescued: 12, harmed: 3 }],
]);

describe('A table of gains', () => {
  // Expected values: numpy, from the textbook formulas of the random-effects model.
  it('takes its pseudo-counts from the labels', () => {
    const { gain, rescue, harm } = tabulate(topics).pseudoCounts;
    expect(gain).toBeCloseTo(6.195920277743428, 9);
    expect(rescue).toBeCloseTo(3.5607418212127517, 9);
    expect(harm).toBe(100);
  });

  it.each([
    [
      'a',
      {
        gain: 0.3495415297918885,
        rescue: 0.763626268398258,
        harm: 0.09605263157894738,
        halfWidth: 0.1256159151240714,
      },
    ],
    [
      'b',
      {
        gain: -0.0235553440672622,
        rescue: 0.4174991263513848,
        harm: 0.1171477079796265,
        halfWidth: 0.1419111981089149,
      },
    ],
    [
      'c',
      {
        gain: 0.37043785067595,
        rescue: 0.760828804676965,
        harm: 0.10319917440660475,
        halfWidth: 0.2551623419067692,
      },
    ],
    [
      'd',
      {
        gain: 0.1532933238400546,
        rescue: 0.41690381673219734,
        harm: 0.10404858299595142,
        halfWidth: 0.10493753686312862,
      },
    ],
    [
      'new',
      {
        gain: 0.18518518518518517,
        rescue: 0.5593220338983051,
        harm: 0.10526315789473685,
        halfWidth: 0.3429995637032146,
      },
    ],
  ])('shrinks topic %s to the mean of all', (topic, expected) => {
    const shares = readTopic(tabulate(topics), topic);
    expect(shares.gain).toBeCloseTo(expected.gain, 9);
    expect(shares.rescue).toBeCloseTo(expected.rescue, 9);
    expect(shares.harm).toBeCloseTo(expected.harm, 9);
    expect(shares.halfWidth).toBeCloseTo(expected.halfWidth, 4);
    expect(shares.topicLabels).toBe(topics.get(topic)?.labels ?? 0);
  });

  it('counts labels by topic, names that objects use themselves too', () => {
    const table = countLabels([
      { topic: '__proto__', isBelowRight: false, isAboveRight: true },
      { topic: '__proto__', isBelowRight: true, isAboveRight: false },
      { topic: 'constructor', isBelowRight: true, isAboveRight: true },
    ]);
    expect(table.total).toEqual({ labels: 3, wrong: 1, rescued: 1, harmed: 1 });
    expect(table.topics.get('__proto__')).toEqual({ labels: 2, wrong: 1, rescued: 1, harmed: 1 });
  });

  it('stays finite and within its range for any labels', () => {
    const label = fc.record({
      topic: fc.constantFrom('a', 'b', 'c', ''),
      isBelowRight: fc.boolean(),
      isAboveRight: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(label, { maxLength: 60 }), fc.string(), (labels, topic) => {
        const { gain, rescue, harm, halfWidth } = readTopic(countLabels(labels), topic);
        expect(Math.abs(gain)).toBeLessThanOrEqual(1);
        for (const share of [rescue, harm]) {
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThanOrEqual(1);
        }
        expect(halfWidth).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(halfWidth)).toBe(true);
      }),
    );
  });

  it('never lowers the gain of a topic when it gets another rescue', () => {
    const rescue = { topic: 'a', isBelowRight: false, isAboveRight: true };
    const rest = Array.from({ length: 40 }, (_, index) => ({
      topic: index % 2 === 0 ? 'a' : 'b',
      isBelowRight: index % 3 === 0,
      isAboveRight: index % 5 === 0,
    }));
    const before = readTopic(countLabels(rest), 'a').gain;
    expect(readTopic(countLabels([...rest, rescue]), 'a').gain).toBeGreaterThan(before);
  });
});
