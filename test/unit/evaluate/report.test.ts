import { describe, expect, it } from 'vitest';

import { renderChart } from '../../../src/evaluate/chart.ts';
import { atLeast, atMost, createReport, formatReport } from '../../../src/evaluate/report.ts';

describe('createReport', () => {
  const report = createReport({
    name: 'evaluate x',
    figures: { auroc: 0.123456789, none: null, broken: Number.NaN },
    bars: [atLeast('enough', 0.9, { bar: 0.8, goal: 0.95 }), atMost('too much', 0.3, { bar: 0.2 })],
    context: { rows: 5, seed: 1, method: 'by hand' },
  });

  it('holds only when every bar does', () => {
    expect(report.ok).toBe(false);
    expect(report.bars.map(({ ok }) => ok)).toEqual([true, false]);
    expect(createReport({ name: 'x', figures: {}, context: {} }).ok).toBe(true);
  });

  it('rounds figures to six decimals and calls what is no number unknown', () => {
    expect(report.figures).toEqual({ auroc: 0.123457, none: null, broken: null });
  });

  it('judges a bar before rounding, and one that was not measured as failed', () => {
    const [bar] = createReport({
      name: 'x',
      figures: {},
      bars: [atMost('edge', 0.1 + 1e-9, { bar: 0.1 })],
      context: {},
    }).bars;
    expect(bar).toMatchObject({ value: 0.1, ok: false });
    expect(atLeast('gone', null, { bar: 0 }).ok).toBe(false);
  });

  it('prints figures, bars with their goals, and what they rest on', () => {
    const text = formatReport(report);
    expect(text).toContain('auroc                                    0.1235');
    expect(text).toContain('none                                     not measurable');
    expect(text).toMatch(/ok {3}enough +0\.9000 {2}\(at least 0\.8000, goal 0\.9500\)/);
    expect(text).toMatch(/FAIL too much +0\.3000 {2}\(at most 0\.2000\)/);
    expect(text).toMatch(/rows +5\n/);
    expect(text).toContain('a bar FAILED');
  });
});

describe('renderChart', () => {
  const panel = {
    title: 'A & B <c>',
    xLabel: 'x',
    yLabel: 'y',
    xRange: [0, 1] as const,
    rules: [{ name: 'limit', y: 0.5 }],
    series: [
      {
        name: 'dots',
        kind: 'dots' as const,
        points: [
          { x: 0, y: 0 },
          { x: 1, y: 1 },
        ],
      },
      {
        name: 'line',
        kind: 'line' as const,
        points: [
          { x: 0, y: 1 },
          { x: 1, y: 0 },
        ],
      },
    ],
  };
  const svg = renderChart({ title: 'T', caption: 'C', panels: [panel, panel] });

  it('draws every dot, line, rule and legend of every panel', () => {
    // Two dots of the data and two of the legend, in two panels.
    expect(svg.match(/<circle /g)).toHaveLength(8);
    expect(svg.match(/limit/g)).toHaveLength(2);
    expect(svg).toContain('<title>T</title>');
  });

  it('escapes text and leaves no number undefined, on any data', () => {
    expect(svg).toContain('A &amp; B &lt;c&gt;');
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, 0, -5].map((y) => ({ x: y, y }));
    const series = [{ name: 's', kind: 'line' as const, points: odd }];
    for (const list of [series, [{ ...series[0]!, points: [] }], []]) {
      const chart = renderChart({
        title: 'T',
        caption: 'C',
        panels: [{ title: 'P', xLabel: 'x', yLabel: 'y', series: list }],
      });
      expect(chart).not.toMatch(/NaN|Infinity|undefined/);
    }
  });

  it('puts points where the axes say', () => {
    const [first, second] = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)];
    const [left, right] = [Number(first?.[1]), Number(second?.[1])];
    expect(right - left).toBe(460 - 64 - 20);
    expect(Number(first?.[2])).toBeGreaterThan(Number(second?.[2]));
  });
});
