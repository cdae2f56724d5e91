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
        rescue: 0.7688293770120636,
        harm: 0.09063786008230452,
        halfWidth: 0.1256159151240714,
      },
    ],
    [
      'b',
      {
        gain: -0.0235553440672622,
        rescue: 0.43032125888147854,
        harm: 0.11190760653126244,
        halfWidth: 0.1419111981089149,
      },
    ],
    [
      'c',
      {
        gain: 0.37043785067595,
        rescue: 0.7795140543115769,
        harm: 0.09682885499878964,
        halfWidth: 0.2551623419067692,
      },
    ],
    [
      'd',
      {
        gain: 0.1532933238400546,
        rescue: 0.42055656968297134,
        harm: 0.09905033238366572,
        halfWidth: 0.10493753686312862,
      },
    ],
    [
      'new',
      {
        gain: 0.18518518518518517,
        rescue: 0.59375,
        harm: 0.09876543209876543,
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

  it('keeps what no label told: whoever is asked is taken to be right', () => {
    const right = { topic: 'a', isBelowRight: true, isAboveRight: true };
    const wrong = { topic: 'a', isBelowRight: false, isAboveRight: false };
    const read = (labels: readonly (typeof right)[]) => readTopic(countLabels(labels), 'a');
    expect(read([])).toMatchObject({ rescue: 1, harm: 0 });
    expect(read(Array.from({ length: 20 }, () => right))).toMatchObject({ rescue: 1, harm: 0 });
    // 5 pseudo-labels: (0 + 5) / (1 + 5) over all, and that is what the topic is shrunk to.
    const once = read([wrong]).rescue;
    expect(once).toBeGreaterThan(0.8);
    expect(once).toBeLessThan(1);
    const often = Array.from({ length: 500 }, () => wrong);
    expect(read(often).rescue).toBeLessThan(0.02);
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
