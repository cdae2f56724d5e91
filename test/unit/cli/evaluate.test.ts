import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { applyCalibration, type Calibration } from '../../../src/cascade/calibration.ts';
import { main } from '../../../src/cli/main.ts';
import { createStepProgress } from '../../../src/cli/step-progress.ts';
import { createRandom } from '../../../src/evaluate/draws.ts';
import type { EvaluationReport } from '../../../src/evaluate/report.ts';

let folder = '';
let outcomes = '';

/** What a command printed and how it ended. */
async function edgewise(
  argv: readonly string[],
): Promise<{ code: number; out: string; err: string }> {
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    const code = await main(argv);
    const textOf = (spy: typeof out): string => spy.mock.calls.map(([text]) => text).join('');
    return { code, out: textOf(out), err: textOf(err) };
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
}

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'edgewise-evaluate-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const random = createRandom(3);
  const rows = Array.from({ length: 600 }, (_, index) => {
    const score = random();
    return JSON.stringify({ id: index, score, deviceCorrect: random() < score });
  });
  outcomes = path.join(folder, 'outcomes.jsonl.gz');
  await writeFile(outcomes, gzipSync(rows.join('\n')));
});

describe('edgewise evaluate', () => {
  it('prints one line of JSON and writes the chart where it is told', async () => {
    const chart = path.join(folder, 'charts', 'signal.svg');
    const { code, out } = await edgewise([
      'evaluate',
      'signal',
      '--outcomes',
      outcomes,
      '--json',
      '--chart',
      chart,
    ]);
    expect(code).toBe(0);
    expect(out.trimEnd()).not.toContain('\n');
    const report = JSON.parse(out) as EvaluationReport;
    expect(report).toMatchObject({ name: 'evaluate signal', ok: true, bars: [] });
    expect(report.figures['auroc']).toBeGreaterThan(0.75);
    expect(await readFile(chart, 'utf8')).toMatch(/^<svg /);
  });

  it('prints a table for people, and ends with 1 when a bar fails', async () => {
    const { code, out } = await edgewise([
      'evaluate',
      'signal',
      '--outcomes',
      outcomes,
      '--no-chart',
      '--max-ece',
      '0.000001',
    ]);
    expect(code).toBe(1);
    expect(out).toMatch(/FAIL calibration error after calibration/);
  });

  it('draws the same for the same seed, and something else for another', async () => {
    const run = async (seed: string): Promise<string> => {
      const options = ['--labels', '200', '--splits', '40', '--alpha', '0.1'];
      const files = ['--outcomes', outcomes, '--no-chart', '--json', '--seed', seed];
      return (await edgewise(['evaluate', 'promise', ...options, ...files])).out;
    };
    expect(await run('1')).toBe(await run('1'));
    expect(await run('2')).not.toBe(await run('1'));
  });

  it('lets a student answer labelled texts, and writes how it did', async () => {
    const test = path.join(folder, 'test.csv');
    const rows = Array.from({ length: 60 }, (_, index) =>
      index % 3 === 0
        ? `zzz ${index},age_limit`
        : `what is the exchange rate ${index},exchange_rate`,
    );
    await writeFile(test, `text,label\n${rows.join('\n')}\n`);
    const written = path.join(folder, 'outcomes.jsonl');
    const student = path.resolve(import.meta.dirname, '../../../models/students/banking77');
    const options = ['--model', student, '--test', test, '--outcomes-out', written];
    const { code, out } = await edgewise([
      'evaluate',
      'signal',
      ...options,
      '--no-chart',
      '--json',
    ]);
    expect(code).toBe(0);
    const { figures } = JSON.parse(out) as EvaluationReport;
    expect(figures['auroc']).toBeGreaterThan(0.9);
    const lines = (await readFile(written, 'utf8')).trimEnd().split('\n');
    expect(lines).toHaveLength(60);
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({ id: 'row-2', deviceCorrect: true });
    const again = await edgewise([
      'evaluate',
      'signal',
      '--outcomes',
      written,
      '--no-chart',
      '--json',
    ]);
    expect((JSON.parse(again.out) as EvaluationReport).figures).toEqual(figures);
  });

  it('measures promises on made-up populations', async () => {
    const { code, out } = await edgewise([
      'evaluate',
      'promise',
      '--synthetic',
      '100',
      '--json',
      '--no-chart',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ name: 'evaluate promise --synthetic', ok: true });
  });

  it.each([
    [['evaluate'], /Usage: edgewise evaluate/],
    [['evaluate', 'toString'], /Unknown evaluation "toString"/],
    [['evaluate', 'signal'], /--outcomes is missing/],
    [['evaluate', 'signal', '--outcomes', 'x', '--seed', '1.5'], /--seed must be a whole number/],
    [['evaluate', 'promise', '--outcomes', 'x', '--alpha', '2'], /--alpha must be a number from/],
    [['evaluate', 'promise', '--outcomes', 'x', '--labels', ''], /--labels must be a whole number/],
    [
      ['evaluate', 'promise', '--outcomes', 'x', '--synthetic', '5'],
      /leave --outcomes and --model out/,
    ],
    [['evaluate', 'signal', '--outcomes', 'x', '--model', 'y'], /two sources/],
    [['evaluate', 'promise', '--model', 'y'], /--test is missing/],
    [['calibrate', '--outcomes', 'x'], /--out is missing/],
    [['calibrate', '--outcomes', 'x', '--out', 'y', '--precision', 'half'], /exact or fast/],
    [['calibrate', '--outcomes', 'x', '--out', 'y', '--model-sha256', 'AB'], /64 lower-case/],
  ])('answers %j with help and 2', async (argv, message) => {
    const files = argv.map((each) => (each === 'x' ? outcomes : each));
    const { code, err } = await edgewise(files);
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });

  it('explains a file that is missing or wrong, with 1 and no stack', async () => {
    const missing = await edgewise(['evaluate', 'signal', '--outcomes', '/nowhere/x.jsonl']);
    expect(missing).toMatchObject({ code: 1 });
    expect(missing.err).toMatch(/\/nowhere\/x\.jsonl cannot be read: there is no such file/);
    const file = path.join(folder, 'bad.jsonl');
    await writeFile(file, '{"id":1}\n');
    const bad = await edgewise(['evaluate', 'signal', '--outcomes', file]);
    expect(bad.err).toMatch(/Line 1 of .*bad\.jsonl is no outcome/);
    expect(bad.err).not.toContain('    at ');
  });

  it('says more when asked', async () => {
    for (const argv of [
      ['evaluate', '--help'],
      ['evaluate', 'promise', '--help'],
      ['calibrate', '-h'],
    ]) {
      const { code, out } = await edgewise(argv);
      expect(out).toMatch(/^Usage: edgewise/);
      expect(code).toBe(0);
    }
  });
});

describe('edgewise calibrate', () => {
  it('writes a calibration that applies to the model that was hashed, and says so', async () => {
    const out = path.join(folder, 'new', 'calibration.json');
    const model = path.join(folder, 'model.bin');
    await writeFile(model, 'abc');
    const options = ['--model', model, '--quantisation', 'Q4_1', '--precision', 'exact'];
    const names = ['--task', 'complete', '--history', '150'];
    const result = await edgewise([
      'calibrate',
      '--outcomes',
      outcomes,
      '--out',
      out,
      ...options,
      ...names,
    ]);
    expect(result.code).toBe(0);
    expect(result.out).toMatch(/samples +600/);
    const calibration = JSON.parse(await readFile(out, 'utf8')) as Calibration;
    const scope = {
      // SHA-256 of "abc"
      modelSha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      quantisation: 'Q4_1',
      precision: 'exact',
      task: 'complete',
      evidence: 'score',
      history: '100-299',
    } as const;
    expect(calibration.scope).toEqual(scope);
    expect(applyCalibration(calibration, scope, 0.9).value).toBeGreaterThan(0.7);
  });

  it('warns when no model was named', async () => {
    const out = path.join(folder, 'calibration.json');
    const { code, err } = await edgewise(['calibrate', '--outcomes', outcomes, '--out', out]);
    expect(code).toBe(0);
    expect(err).toMatch(/No model was named/);
  });
});

describe('createStepProgress', () => {
  it('is silent for a second, then says how far it is and how long it will take', () => {
    let nowMs = 0;
    const written: string[] = [];
    const stream = { isTTY: true, write: (text: string) => written.push(text) };
    const progress = createStepProgress({ unit: 'splits', stream, now: () => nowMs });
    nowMs = 500;
    progress.report(0, 100);
    expect(written).toEqual([]);
    nowMs = 2500;
    // 2 s for 20 splits since the first report: the half second before it was no split.
    progress.report(20, 100);
    expect(written.join('')).toContain('20 of 100 splits, 8 s left');
    progress.end();
    expect(written).toHaveLength(2);
  });

  it('writes plain lines elsewhere, and none when quiet', () => {
    let nowMs = 0;
    const written: string[] = [];
    const stream = { write: (text: string) => written.push(text) };
    const progress = createStepProgress({ unit: 'draws', stream, now: () => nowMs });
    const quiet = createStepProgress({ unit: 'draws', stream, isQuiet: true, now: () => nowMs });
    progress.report(0, 2);
    nowMs = 6000;
    progress.report(1, 2);
    quiet.report(1, 2);
    expect(written).toEqual(['  1 of 2 draws, 6 s left\n']);
  });
});
