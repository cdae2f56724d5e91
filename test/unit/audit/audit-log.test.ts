import { describe, expect, it } from 'vitest';
import { auditLog } from '../../../src/audit/audit-log.ts';
import { drawAudit, reportAudit, verdictOf } from '../../../src/audit/audit-report.ts';
import { describeAudit } from '../../../src/audit/audit-text.ts';
import type { Log, LoggedCall } from '../../../src/audit/logged-call.ts';
import { groupCalls, splitRequests } from '../../../src/audit/logged-requests.ts';
import { createRandom } from '../../../src/evaluate/draws.ts';

const WORDS = {
  card: ['card', 'plastic', 'chip'],
  loan: ['loan', 'credit', 'rate'],
  fee: ['fee', 'charge', 'cost'],
};
type Label = keyof typeof WORDS;
const LABELS = Object.keys(WORDS) as readonly Label[];

function call(text: string, answer: string, more: Partial<LoggedCall> = {}): LoggedCall {
  const unknown = {
    instructions: null,
    timeMs: null,
    durationMs: null,
    costUsd: null,
    inputTokens: null,
    outputTokens: null,
  };
  return { text, answer, ...unknown, ...more };
}

function logOf(calls: readonly LoggedCall[]): Log {
  const skipped = {
    malformed: 0,
    'no-request': 0,
    'no-answer': 0,
    'failed-call': 0,
    'not-text': 0,
  };
  return { form: 'openai', calls, droppedCalls: 0, skipped, firstSkippedLine: null };
}

/** Bank messages; a share of them gets a label at random. */
function makeCalls(count: number, noise: number, more: Partial<LoggedCall> = {}): LoggedCall[] {
  const random = createRandom(5);
  const pick = <Item>(items: readonly Item[]): Item =>
    items[Math.floor(random() * items.length)] as Item;
  return Array.from({ length: count }, (_, index) => {
    const label = pick(LABELS);
    const answer = random() < noise ? pick(LABELS) : label;
    return call(`private${index} about my ${pick(WORDS[label])} number ${index}`, answer, more);
  });
}

describe('auditLog', () => {
  it('certifies what a student could keep, and prices it by what is known', async () => {
    const calls = makeCalls(600, 0.03, { inputTokens: 100, outputTokens: 10, durationMs: 300 });
    const prices = { inputUsdPerMillion: 10, outputUsdPerMillion: 100, perCallUsd: 7 };
    const audit = await auditLog(logOf(calls), { prices });
    const { figures, context } = reportAudit(audit, 'abc');
    expect(context).toMatchObject({
      verdict: 'certified',
      trained: 300,
      judged: 300,
      order: 'random',
      dataSha256: 'abc',
    });
    expect(figures['agreement']).toBeGreaterThan(0.9);
    expect(figures['lossBound5']).toBeLessThanOrEqual(0.05);
    const kept = figures['kept5'] ?? 0;
    expect(kept).toBeGreaterThan(0.5);
    // 100 × 10 + 10 × 100 dollars a million: 0.002 a call.
    expect(figures['savedUsdPer1000At5']).toBeCloseTo(kept * 2, 4);
    expect(figures['cloudMeanMsAt5']).toBeCloseTo(300, 6);
    expect(describeAudit(audit)).toMatch(
      /loss at most[\s\S]*5 %\s+[\d.]+ % \([\d.]+ % to [\d.]+ %\)\s+[\d.]+ %\s+\$/,
    );
    expect(drawAudit(audit)).toMatch(/^<svg /);
  });

  it('keeps unknown money unknown', async () => {
    const audit = await auditLog(logOf(makeCalls(300, 0)), {});
    expect(reportAudit(audit, null).figures).toMatchObject({
      savedUsdPer1000At5: null,
      cloudMeanMsAt5: null,
    });
    expect(describeAudit(audit)).toContain('Money is unknown');
  });

  it('says about how many more labels it takes where nothing can be certified', async () => {
    const audit = await auditLog(logOf(makeCalls(80, 0)), { alphas: [0.02] });
    expect(verdictOf(audit)).toBe('not-certifiable');
    // ln 0.1 / ln 0.98 = 113.97, and 40 are there.
    expect(reportAudit(audit, null).figures).toMatchObject({ kept2: null, moreLabels2: 74 });
    expect(describeAudit(audit)).toMatch(/not certifiable, about 74 more labels needed/);
  });

  it('keeps next to nothing when the answers have nothing to do with the texts', async () => {
    const audit = await auditLog(logOf(makeCalls(400, 1)));
    const { figures } = reportAudit(audit, null);
    expect(figures['kept5']).toBeLessThan(0.1);
    expect(figures['differentOfKept5']).toBeGreaterThan(0.3);
  });

  it('gives the same for the same seed', async () => {
    const log = logOf(makeCalls(200, 0.1));
    const untimed = ({ figures }: ReturnType<typeof reportAudit>) =>
      Object.entries(figures).filter(([name]) => !name.startsWith('deviceMeanMs'));
    const [first, second] = [await auditLog(log, { seed: 4 }), await auditLog(log, { seed: 4 })];
    expect(untimed(reportAudit(first, null))).toEqual(untimed(reportAudit(second, null)));
  });

  it('counts a text that the cloud answered in two ways as different, and one asked twice once', async () => {
    const calls = makeCalls(100, 0);
    const twice = [
      ...calls,
      ...calls.slice(0, 50),
      call(calls[0]?.text ?? '', 'fee'),
      call(calls[0]?.text ?? '', 'loan'),
    ];
    const audit = await auditLog(logOf(twice));
    expect(audit.requests).toBe(100);
    expect(audit.judgement?.contradictory).toBe(1);
    expect(reportAudit(audit, null).figures['calls']).toBe(152);
  });

  it.each([
    [
      'free-text',
      Array.from({ length: 400 }, (_, index) =>
        call(`private ${index}`, `private answer ${index}`),
      ),
    ],
    ['one-answer', Array.from({ length: 400 }, (_, index) => call(`private ${index}`, 'private'))],
    ['too-few-calls', makeCalls(30, 0)],
  ])('judges nothing of %s, and says so', async (verdict, calls) => {
    const audit = await auditLog(logOf(calls));
    expect(verdictOf(audit)).toBe(verdict);
    expect(audit.judgement).toBeNull();
    expect(drawAudit(audit)).toBeNull();
    expect(reportAudit(audit, null).ok).toBe(true);
    expect(describeAudit(audit)).not.toContain('certified');
  });

  it('puts no text and no answer of the log into what it tells', async () => {
    const field = 'private field name with words';
    const calls = makeCalls(200, 0).map((each) => ({
      ...each,
      answer: JSON.stringify({ [field]: `private-${each.answer}` }),
    }));
    const audit = await auditLog(logOf(calls));
    expect(audit.answers).toMatchObject({ kind: 'labels', field });
    const told = [JSON.stringify(reportAudit(audit, null)), describeAudit(audit), drawAudit(audit)];
    expect(told.join()).not.toMatch(/private/);
  });

  it('finds the largest task that sorts in a log of several, and says that it is about that', async () => {
    const sorting = makeCalls(200, 0, { instructions: 'Sort.' });
    const smaller = makeCalls(60, 0, { instructions: 'Sort these.' });
    const letters = Array.from({ length: 300 }, (_, index) =>
      call(`private ${index}`, `private answer ${index}`, { instructions: 'Write.' }),
    );
    const audit = await auditLog(logOf([...smaller, ...letters, ...sorting]));
    expect(verdictOf(audit)).toBe('certified');
    expect(reportAudit(audit, null).figures).toMatchObject({ calls: 560, auditedCalls: 200 });
    expect(describeAudit(audit)).toMatch(/mixes several tasks[\s\S]*200 calls, 200 distinct texts/);
    expect(verdictOf(await auditLog(logOf(letters)))).toBe('free-text');
  });

  it('stops when it is told to', async () => {
    const signal = AbortSignal.abort(new DOMException('Stopped.', 'AbortError'));
    await expect(auditLog(logOf(makeCalls(100, 0)), { signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });
});

describe('splitRequests', () => {
  it('judges what came after what was learnt from, where all calls have a time', () => {
    const calls = [9, 3, 7, 1, 5, 8, 2, 6].map((timeMs) => call(`t${timeMs}`, 'x', { timeMs }));
    const split = splitRequests(groupCalls(calls), { seed: 1, mostTraining: 3 });
    expect(split.training.map(({ text }) => text)).toEqual(['t2', 't3', 't5']);
    expect(split.judged.map(({ text }) => text)).toEqual(['t6', 't7', 't8', 't9']);
    expect(split).toMatchObject({ order: 'time', unused: 1 });
  });

  it('judges half of a small log, a thousand of a middling one, a fifth of a large one', () => {
    const judged = (count: number): number => {
      const requests = groupCalls(
        Array.from({ length: count }, (_, index) => call(`${index}`, 'x')),
      );
      return splitRequests(requests, { seed: 1, mostTraining: 1e6 }).judged.length;
    };
    expect([judged(300), judged(3080), judged(20_000)]).toEqual([150, 1000, 4000]);
  });
});
