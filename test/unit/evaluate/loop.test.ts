import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Outcome } from '../../../src/cascade/outcome.ts';
import { run } from '../../../src/cli/evaluate/loop.ts';
import { createRandom } from '../../../src/evaluate/draws.ts';
import { evaluateLoop } from '../../../src/evaluate/loop.ts';
import { measureLoop, slidingLoss } from '../../../src/evaluate/loop-figures.ts';
import { replayLoop } from '../../../src/evaluate/replay-loop.ts';
import type { EvaluationReport } from '../../../src/evaluate/report.ts';
import { buildStream } from '../../../src/evaluate/stream.ts';

const OPTIONS = {
  alpha: 0.02,
  delta: 0.1,
  shadowRate: 0.1,
  windowRequests: 500,
  runs: 1,
  seed: 1,
  dataSha256: 'd'.repeat(64),
};

/** Wrong with probability `height` × (1 − score). */
function outcomes(count: number, height: number, seed: number): Outcome[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, index) => {
    const score = random();
    const deviceCorrect = random() >= height * (1 - score);
    return { id: `${seed}-${index}`, score, deviceCorrect };
  });
}

const labels = outcomes(1_000, 0.1, 1);
const requests = [...outcomes(2_000, 0.1, 2), ...outcomes(2_000, 0.9, 3)];
const SHIFT_AT = 2_000;

describe('evaluateLoop', () => {
  it('loses less after the shift than the threshold left alone', async () => {
    const stream = { labels, requests, shiftAt: SHIFT_AT };
    const { report, chart } = await evaluateLoop([stream], OPTIONS);
    const { figures } = report;
    expect(figures['lossAfter']).toBeLessThan((figures['frozenLossAfter'] ?? 0) / 2);
    expect(figures['keptBefore']).toBeCloseTo(figures['frozenKeptBefore'] ?? 0, 1);
    expect(figures['alarms']).toBeGreaterThanOrEqual(1);
    expect(figures['recoveryRequests']).toBeLessThan(500);
    expect(figures['frozenRecoveredShare']).toBe(0);
    for (const liar of ['alwaysYes', 'alwaysNo', 'random']) {
      expect(figures[`${liar}Loosenings`]).toBe(0);
    }
    expect(report.bars.map(({ name }) => name)).toContain('kept before the shift');
    expect(chart).toMatch(/^<svg /u);
  });

  it('gives the same report for the same seed, and another for another', async () => {
    const stream = { labels, requests, shiftAt: SHIFT_AT };
    const once = await evaluateLoop([stream], OPTIONS);
    const again = await evaluateLoop([stream], OPTIONS);
    const other = await evaluateLoop([stream], { ...OPTIONS, seed: 2 });
    expect(again.report).toEqual(once.report);
    expect(other.report.figures).not.toEqual(once.report.figures);
  });

  it('refuses a half that is shorter than a window', async () => {
    const stream = { labels, requests, shiftAt: 100 };
    await expect(evaluateLoop([stream], OPTIONS)).rejects.toMatchObject({ code: 'too-few-rows' });
  });
});

describe('measureLoop', () => {
  it('counts what was lost, kept and needed to recover', () => {
    const trace = {
      kept: Uint8Array.from([1, 1, 0, 1, 1, 0, 0, 1]),
      lost: Uint8Array.from([0, 1, 0, 0, 1, 0, 0, 0]),
      thresholds: Float64Array.from([0.1, 0.1, 0.1, 0.1, 0.1, 0.5, 0.5, 0.5]),
      checks: 2,
      alarms: [5],
      loosenings: 0,
    };
    const rows = [0.2, 0.3, 0.9, 0.8].map((score, index) => ({
      id: String(index),
      score,
      deviceCorrect: score > 0.5,
    }));
    const stream = { requests: [...rows, ...rows], shiftAt: 4 };
    expect(measureLoop(trace, stream, { alpha: 0.25, windowRequests: 2 })).toEqual({
      lossBefore: 0.25,
      lossAfter: 0.25,
      keptBefore: 0.75,
      keptAfter: 0.5,
      shadowShare: 0.25,
      alarms: 1,
      // Two of the four later rows lose at 0.1, none at 0.5, which the second of them meets.
      recoveryRequests: 1,
      worstWindowBefore: 0.5,
      worstWindowAfter: 0.5,
      windowsOver: 4 / 7,
      loosenings: 0,
    });
  });

  it('slides its window one request at a time', () => {
    expect([...slidingLoss(Uint8Array.from([1, 0, 0, 1, 1]), 2)]).toEqual([0.5, 0, 0.5, 1]);
  });
});

describe('replayLoop', () => {
  const options = { ...OPTIONS, labels, judge: 'honest', isFrozen: false } as const;

  it('takes canaries of the file for the judge’s exam, not for requests', () => {
    const canaries = Array.from({ length: 50 }, (_, index) => ({
      id: `canary-${index}`,
      deviceCorrect: false,
      canary: true,
      judge: true,
    }));
    const better = outcomes(6_000, 0.01, 4);
    const replay = (stream: Outcome[]) =>
      replayLoop({ ...options, shadowRate: 0.5, stream, random: createRandom(1) });
    expect(replay(better).loosenings).toBeGreaterThan(0);
    const trace = replay([...canaries, ...better]);
    expect(trace.kept).toHaveLength(better.length);
    expect(trace.loosenings).toBe(0);
  });

  it('believes the file’s own judge, where it has one', () => {
    const blamed = outcomes(3_000, 0.1, 5).map((outcome) => ({ ...outcome, judge: false }));
    const trace = replayLoop({ ...options, stream: blamed, random: createRandom(1) });
    expect(trace.alarms.length).toBeGreaterThan(0);
  });
});

describe('buildStream', () => {
  const rows = ['a', 'b', 'c', 'new'].flatMap((label) =>
    Array.from({ length: 100 }, (_, index) => ({ text: `${label}${index}`, label })),
  );
  const build = (seed: number) =>
    buildStream({
      rows,
      unseen: new Set(['new']),
      predict: (text) => ({ label: text.slice(0, 1), score: text.length / 10 }),
      random: createRandom(seed),
      requests: 4_000,
      labels: 50,
      unseenShare: 0.3,
      mixFactor: 5,
    });

  it('adds unseen labels and another mix half-way, not before', () => {
    const { stream } = build(1);
    const share = (from: number, topic: string): number =>
      stream.slice(from, from + 2_000).filter((row) => row.topic === topic).length / 2_000;
    expect(share(0, 'new')).toBe(0);
    expect(share(2_000, 'new')).toBeCloseTo(0.3, 1);
    const known = ['a', 'b', 'c'];
    const before = known.map((topic) => share(0, topic)).toSorted((a, b) => a - b);
    const after = known.map((topic) => share(2_000, topic)).toSorted((a, b) => a - b);
    expect((before[2] ?? 0) / (before[0] ?? 1)).toBeLessThan(2);
    expect((after[2] ?? 0) / (after[0] ?? 1)).toBeGreaterThan(3);
  });

  it('is always wrong about what the student does not know', () => {
    const { stream } = build(2);
    const unseen = stream.filter(({ topic }) => topic === 'new');
    expect(unseen.length).toBeGreaterThan(0);
    expect(unseen.every(({ deviceCorrect }) => !deviceCorrect)).toBe(true);
  });

  it('is the same for the same seed, and refuses rows that do not suffice', () => {
    expect(build(3)).toEqual(build(3));
    expect(build(3)).not.toEqual(build(4));
    const few = { rows: rows.slice(0, 40), unseen: new Set<string>(), random: createRandom(1) };
    expect(() => buildStream({ ...few, predict: () => ({ label: 'a', score: 1 }) })).toThrow(
      RangeError,
    );
  });
});

describe('edgewise evaluate loop', () => {
  it('prints the figures of a folder of streams as one line', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'edgewise-loop-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const lines = (rows: readonly Outcome[]): string =>
      rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    for (const name of ['1', '2']) {
      await writeFile(path.join(folder, `${name}.labels.jsonl`), lines(labels));
      await writeFile(path.join(folder, `${name}.stream.jsonl`), lines(requests));
    }
    const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    onTestFinished(() => out.mockRestore());
    await run(`--stream ${folder} --window 500 --runs 2 --json --no-chart --quiet`.split(' '));
    const text = out.mock.calls.map(([each]) => each).join('');
    const report = JSON.parse(text) as EvaluationReport;
    expect(report.context).toMatchObject({
      streams: 2,
      runs: 2,
      requests: 4_000,
      shiftAt: SHIFT_AT,
    });
    expect(Object.keys(report.figures)).toEqual(
      expect.arrayContaining([
        'lossBefore',
        'lossAfter',
        'keptBefore',
        'keptAfter',
        'shadowShare',
        'alarms',
        'recoveryRequests',
      ]),
    );
  });

  it('takes the certificate from the first rows of a single file', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'edgewise-loop-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = path.join(folder, 'stream.jsonl');
    const rows = [...labels, ...requests].map((row) => JSON.stringify(row)).join('\n');
    await writeFile(file, rows);
    const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    onTestFinished(() => out.mockRestore());
    await run(
      `--stream ${file} --window 500 --runs 1 --shift-at 3000 --json --no-chart --quiet`.split(' '),
    );
    const report = JSON.parse(out.mock.calls.map(([each]) => each).join('')) as EvaluationReport;
    expect(report.context).toMatchObject({
      certificateLabels: 1_000,
      requests: 4_000,
      shiftAt: SHIFT_AT,
    });
  });
});
