import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { readGain } from '../../../src/cascade/gain-file.ts';
import { main } from '../../../src/cli/main.ts';
import type { EvaluationReport } from '../../../src/evaluate/report.ts';

let folder = '';
const inFolder = (name: string): string => path.join(folder, name);

async function route(
  argv: readonly string[],
): Promise<{ code: number; report: EvaluationReport | null; err: string }> {
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const textOf = (spy: typeof out): string => spy.mock.calls.map(([text]) => text).join('');
  try {
    const code = await main(['evaluate', 'route', ...argv, '--json', '--no-chart', '--quiet']);
    const line = textOf(out);
    const report = line === '' ? null : (JSON.parse(line) as EvaluationReport);
    return { code, report, err: textOf(err) };
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
}

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'edgewise-route-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const rows = Array.from({ length: 400 }, (_, index) => ({
    id: index,
    topic: `topic ${index % 4}`,
    text: `question ${index % 9}`,
    deviceCorrect: index % 4 === 0 ? 0 : 1,
    cloudCorrect: 1,
  }));
  await writeFile(inFolder('outcomes.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
});

describe('edgewise evaluate route', () => {
  it('prints every figure in one line', async () => {
    const { code, report } = await route([
      '--outcomes',
      inFolder('outcomes.jsonl'),
      '--labels',
      '200',
      '--draws',
      '3',
    ]);
    expect(code).toBe(0);
    expect(Object.keys(report?.figures ?? {})).toEqual(
      expect.arrayContaining(
        'apgr apgrSd cpt50 cpt80 gain gainLow gainHigh randomApgr lengthApgr oracleApgr'.split(' '),
      ),
    );
    expect(report?.figures['apgr']).toBeGreaterThan(0.8);
    expect(report?.context).toMatchObject({ rows: 400, labels: 200, draws: 3, seed: 1 });
  });

  it('writes the gain of all rows for the models it was learnt on', async () => {
    await route([
      '--outcomes',
      inFolder('outcomes.jsonl'),
      '--labels',
      '200',
      '--draws',
      '1',
      '--gain-out',
      inFolder('gain.json'),
      '--from',
      'small',
      '--to',
      'big',
    ]);
    const file: unknown = JSON.parse(await readFile(inFolder('gain.json'), 'utf8'));
    const gain = readGain(file, { task: 'classify', from: 'small', to: 'big' });
    expect(gain.labels).toBe(400);
    expect(gain.estimate({ topic: 'topic 0' }).gain).toBeGreaterThan(0.8);
    expect(gain.estimate({ topic: 'topic 1' }).gain).toBeLessThan(0.1);
  });

  it('makes three rungs from labelled texts, and keeps their outcomes', async () => {
    const words = ['refund', 'charge', 'pin', 'lost', 'chip', 'pay'];
    const lines = Array.from({ length: 300 }, (_, index) => {
      const word = words[index % 6] ?? '';
      return `my ${word} question ${index * 7},${index % 2 === 0 ? 'even' : 'odd'}`;
    });
    await writeFile(inFolder('train.csv'), `text,label\n${lines.slice(0, 100).join('\n')}\n`);
    // Labels that contradict the words now and then leave something to ask for.
    const test = lines
      .slice(100)
      .map((line, index) => (index % 5 === 0 ? line.replace(/\w+$/u, 'even') : line));
    await writeFile(inFolder('test.csv'), `text,label\n${test.join('\n')}\n`);
    const made = await route([
      '--train',
      inFolder('train.csv'),
      '--test',
      inFolder('test.csv'),
      '--labels',
      '80',
      '--draws',
      '1',
      '--outcomes-out',
      inFolder('rungs.jsonl'),
    ]);
    expect(made.report?.figures['right:frontier-stand-in']).toBe(1);
    const again = await route([
      '--outcomes',
      inFolder('rungs.jsonl'),
      '--labels',
      '80',
      '--draws',
      '1',
    ]);
    expect(again.report).toEqual(made.report);
    // Two students are trained; on a busy machine that takes a while.
  }, 30_000);

  it.each([
    [['--train', 'a.csv'], 2],
    [['--outcomes', 'a.jsonl', '--test', 'b.csv'], 2],
    [[], 2],
    [['--outcomes', '/nowhere/at/all.jsonl'], 1],
  ])('with %j ends with code %d', async (argv, code) => {
    const ended = await route(argv);
    expect(ended.code).toBe(code);
    expect(ended.err).not.toBe('');
  });
});
