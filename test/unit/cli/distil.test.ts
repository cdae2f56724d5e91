import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { main } from '../../../src/cli/main.ts';
import type { EvaluationReport } from '../../../src/evaluate/report.ts';
import { readStudent } from '../../../src/students/ngram-student.ts';
import { parseStudentCard } from '../../../src/students/student-card.ts';

let folder = '';
let train = '';
let out = '';

async function edgewise(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    const code = await main(argv);
    const textOf = (spy: typeof stdout): string => spy.mock.calls.map(([text]) => text).join('');
    return { code, out: textOf(stdout), err: textOf(stderr) };
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
}

const THINGS = ['card', 'phone', 'ticket', 'parcel', 'order', 'bill', 'key', 'book', 'bag', 'pen'];
const ROWS = THINGS.flatMap((thing) => [
  `where is my ${thing},late`,
  `my ${thing} has not arrived,late`,
  `I lost my ${thing},lost`,
  `someone stole the ${thing},lost`,
  `"how much, please, is a ${thing}",price`,
]);

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'edgewise-distil-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  train = path.join(folder, 'train.csv');
  out = path.join(folder, 'Shop');
  await writeFile(train, `text,label\n${ROWS.join('\n')}\n`);
});

function distil(...more: string[]) {
  return edgewise('distil', '--train', train, '--student', 'ngram', '--out', out, ...more);
}

describe('edgewise distil', () => {
  it('writes a student and its card, and says how well it does', async () => {
    const result = await distil();
    expect(result.code).toBe(0);
    expect(result.out).toMatch(/shop: 50 rows, 3 labels, \d+ bytes/);
    expect(result.out).toMatch(/right on \d+\.\d % of texts it had not seen \(95 %: .*4 folds\)/);
    const text = await readFile(path.join(out, 'student.json'), 'utf8');
    const card = parseStudentCard(JSON.parse(text));
    expect(card).toMatchObject({ id: 'shop', name: 'shop', licence: null });
    const bytes = await readFile(path.join(out, card.file));
    expect(bytes.length).toBe(card.sizeBytes);
    expect(readStudent(bytes).predict('Where is my umbrella?').label).toBe('late');
  });

  it('writes the same file for the same rows and seed', async () => {
    await distil();
    const first = await readFile(path.join(out, 'shop.student'));
    await distil('--seed', '1');
    expect(await readFile(path.join(out, 'shop.student'))).toEqual(first);
  });

  it('puts name, licence and credit on the card, and prints JSON', async () => {
    const licence = ['--licence', 'CC-BY-4.0', '--licence-url', 'https://example.org/by'];
    const result = await distil(
      '--json',
      '--id',
      'mine',
      '--name',
      'Mine',
      '--credit',
      'Us',
      ...licence,
    );
    expect(JSON.parse(result.out)).toMatchObject({ id: 'mine', rows: 50, labels: 3 });
    const text = await readFile(path.join(out, 'student.json'), 'utf8');
    expect(parseStudentCard(JSON.parse(text))).toMatchObject({
      id: 'mine',
      name: 'Mine',
      licence: { id: 'CC-BY-4.0', url: 'https://example.org/by', notice: 'Us' },
    });
  });

  it('says what is odd about the rows', async () => {
    await writeFile(train, 'text,label\na b,x\na b,x\na b,y\n,x\n');
    const result = await distil();
    expect(result.code).toBe(0);
    expect(result.out).toContain('too few rows to say how well it does');
    expect(result.out).toContain('1 rows without a word, left out');
    expect(result.out).toContain('1 rows that repeat a text and its label');
    expect(result.out).toContain('1 texts stand under several labels');
  });

  it('warns of one label', async () => {
    await writeFile(train, 'text,label\nonly row,x\n');
    expect((await distil()).out).toContain('with one label every text gets it');
  });

  it.each([
    [['--train', 'x', '--student', 'ngram'], /--out DIR is missing/],
    [['--out', 'x', '--student', 'ngram'], /--train FILE is missing/],
    [['--train', 'x', '--out', 'x', '--student', 'big'], /--student takes/],
    [['--train', 'x', '--out', 'x'], /--student takes/],
    [['--train', 'x', '--out', 'x', '--student', 'ngram', '--seed', 'one'], /--seed must be/],
    [['--train', 'x', '--out', 'x', '--student', 'ngram', '--id', 'A b'], /--id takes/],
    [['--train', 'x', '--out', 'x', '--student', 'ngram', '--credit', 'Us'], /--licence-url/],
  ])('exits 2 for %j', async (argv, message) => {
    const result = await edgewise('distil', ...argv);
    expect(result.code).toBe(2);
    expect(result.err).toMatch(message);
  });

  it('names the line of a broken row and writes nothing', async () => {
    await writeFile(train, 'text,label\n"never closed,x\n');
    const result = await distil();
    expect(result.code).toBe(1);
    expect(result.err).toMatch(/Line 2 of .*train\.csv has a quote that is not closed/);
    await expect(readFile(path.join(out, 'student.json'))).rejects.toThrow(/ENOENT/);
  });
});

describe('edgewise evaluate classify', () => {
  it('judges what distil wrote, by bars of your own', async () => {
    await distil();
    const argv = ['evaluate', 'classify', '--model', out, '--test', train];
    const good = await edgewise(...argv, '--json', '--bar', 'accuracy=0.9,bytes=1000000');
    expect(good.code).toBe(0);
    const report = JSON.parse(good.out) as EvaluationReport;
    expect(report).toMatchObject({ name: 'evaluate classify', ok: true });
    expect(report.figures['accuracy']).toBeGreaterThan(0.9);
    expect(report.bars.map(({ name, limit }) => [name, limit])).toEqual([
      ['accuracy', 'at least'],
      ['bytes', 'at most'],
    ]);
    const bad = await edgewise(...argv, '--bar', 'bytes=1');
    expect(bad.code).toBe(1);
    expect(bad.out).toContain('FAIL bytes');
  });

  it('takes texts of labels the student does not know', async () => {
    await distil();
    const foreign = path.join(folder, 'foreign.jsonl');
    await writeFile(foreign, '{"text":"sing a song about rain","label":"music"}\n');
    const argv = ['--model', out, '--test', train, '--out-of-scope', foreign, '--json'];
    const report = JSON.parse((await edgewise('evaluate', 'classify', ...argv)).out);
    expect(report.figures.oosAuroc).toBeGreaterThan(0.9);
    expect(report.context.outOfScopeRows).toBe(1);
  });

  it.each([
    [['--bar', 'accuracy'], /--bar takes figures/],
    [['--bar', 'speed=1'], /--bar knows no "speed"/],
  ])('exits 2 for %j', async (more, message) => {
    await distil();
    const argv = ['evaluate', 'classify', '--model', out, '--test', train, ...more];
    const result = await edgewise(...argv);
    expect(result.code).toBe(2);
    expect(result.err).toMatch(message);
  });

  it('says which file is missing', async () => {
    const argv = ['evaluate', 'classify', '--model', path.join(folder, 'none'), '--test', train];
    const result = await edgewise(...argv);
    expect(result.code).toBe(1);
    expect(result.err).toMatch(/student\.json cannot be read: there is no such file/);
  });
});
