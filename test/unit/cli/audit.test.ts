import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { main } from '../../../src/cli/main.ts';
import { createRandom } from '../../../src/evaluate/draws.ts';
import type { EvaluationReport } from '../../../src/evaluate/report.ts';

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

const THINGS = ['card', 'transfer', 'top-up', 'exchange rate'];
const ACTIONS = ['lost', 'late', 'wrong', 'blocked', 'unknown'];
const FRAMES = [
  (thing: string, action: string) => `Why is my ${thing} ${action}?`,
  (thing: string, action: string) => `The ${thing} seems ${action}, please help me`,
  (thing: string, action: string) => `hello, ${action} ${thing} again since yesterday`,
];

/** A support desk's log with 20 topics: every text once, some answers at random as models do. */
function supportLog(count: number): readonly object[] {
  const random = createRandom(11);
  const pick = <Item>(items: readonly Item[]): Item =>
    items[Math.floor(random() * items.length)] as Item;
  return Array.from({ length: count }, (_, index) => {
    const [thing, action] = [pick(THINGS), pick(ACTIONS)];
    const intent = random() < 0.02 ? `${pick(THINGS)}_${pick(ACTIONS)}` : `${thing}_${action}`;
    const messages = [
      { role: 'system', content: 'Name the topic.' },
      { role: 'user', content: `${pick(FRAMES)(thing, action)} Ticket ${index}` },
    ];
    return {
      request: { model: 'gpt', messages },
      response: {
        created: 1_767_312_000 + index * 60,
        choices: [{ message: { role: 'assistant', content: JSON.stringify({ intent }) } }],
        usage: { prompt_tokens: 60, completion_tokens: 5 },
      },
      latency_ms: 500,
    };
  });
}

let folder = '';
let log = '';

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'edgewise-audit-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  log = path.join(folder, 'log.jsonl.gz');
  const lines = supportLog(500).map((entry) => JSON.stringify(entry));
  await writeFile(log, gzipSync(['{"torn', ...lines].join('\r\n')));
});

describe('edgewise audit', () => {
  it('says in one line of JSON what could have stayed on the device, and draws it', async () => {
    const chart = path.join(folder, 'audit.svg');
    const prices = ['--price-input', '1', '--price-output', '4'];
    const { code, out } = await edgewise(
      'audit',
      '--log',
      log,
      ...prices,
      '--json',
      '--chart',
      chart,
    );
    expect(code).toBe(0);
    expect(out.trimEnd()).not.toContain('\n');
    const { figures, context, name } = JSON.parse(out) as EvaluationReport;
    expect(name).toBe('audit');
    expect(context).toMatchObject({
      verdict: 'certified',
      order: 'time',
      answerField: 'intent',
      judged: 250,
    });
    expect(context['dataSha256']).toMatch(/^[0-9a-f]{64}$/);
    expect(figures).toMatchObject({ calls: 500, skippedLines: 1, answers: 20 });
    expect(figures['kept5']).toBeGreaterThan(0.5);
    expect(figures['lossBound5']).toBeLessThanOrEqual(0.05);
    // 60 tokens at $1 and 5 at $4 a million: $0.08 for 1,000 calls.
    expect(figures['savedUsdPer1000At5']).toBeCloseTo((figures['kept5'] ?? 0) * 0.08, 5);
    expect(await readFile(chart, 'utf8')).toMatch(/^<svg /);
  });

  it('prints a table for people, with no text of the log', async () => {
    const { code, out } = await edgewise(
      'audit',
      '--log',
      log,
      '--no-chart',
      '--alpha',
      '0.05,0.1',
    );
    expect(code).toBe(0);
    expect(out).toMatch(/500 calls, 500 distinct texts \(OpenAI requests and answers\)/);
    expect(out).toMatch(/Left out: 1 malformed; the first at 1/);
    expect(out).toMatch(/closed set: 20 labels, in one field of their JSON/);
    expect(out).toMatch(/ {2}10 % +[\d.]+ %/);
    expect(out).toContain('Money is unknown');
    expect(out).not.toMatch(/Ticket|transfer/);
  });

  it('says that free text cannot be judged, and ends well', async () => {
    const lines = Array.from({ length: 500 }, (_, index) =>
      JSON.stringify({ prompt: `question ${index}`, text: `A long answer, number ${index}.` }),
    );
    await writeFile(log, lines.join('\n'));
    const { code, out } = await edgewise('audit', '--log', log);
    expect(code).toBe(0);
    expect(out).toMatch(/written anew/);
    await expect(readFile('evaluate-audit.svg')).rejects.toThrow(/ENOENT/);
  });

  it.each([
    [['--log', 'nowhere.jsonl'], 1, /nowhere\.jsonl cannot be read: there is no such file/],
    [['--log', tmpdir()], 1, /cannot be read: no access/],
    [[], 2, /--log is missing/],
    [['--log', 'x', '--price-input', '1'], 2, /--price-input and --price-output go together/],
    [['--log', 'x', '--price-per-call', 'free'], 2, /--price-per-call must be a number/],
    [['--log', 'x', '--alpha', '2'], 2, /--alpha takes shares/],
    [['--log', 'x', '--delta', '0'], 2, /--delta must be/],
  ])('ends %j with %i', async (argv, code, message) => {
    const result = await edgewise('audit', ...argv);
    expect(result.code).toBe(code);
    expect(result.err).toMatch(message);
  });
});
