import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { isLoss } from '../../../src/cascade/outcome.ts';
import { planLabels, type PlanOptions } from '../../../src/cli/label/label-plan.ts';
import { readLabelRows } from '../../../src/cli/label/label-rows.ts';
import { serveLabels } from '../../../src/cli/label/label-server.ts';
import { createLabelSession, type LabelSession } from '../../../src/cli/label/label-session.ts';
import type { LabelledLine } from '../../../src/cli/label/label-task.ts';
import { openLabelsFile } from '../../../src/cli/label/labels-file.ts';
import { main } from '../../../src/cli/main.ts';
import { readOutcomes } from '../../../src/evaluate/read-outcomes.ts';
import { readLabelledTexts } from '../../../src/specialise/labelled-texts.ts';

let folder = '';
let rows = '';
let out = '';

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'edgewise-label-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  rows = path.join(folder, 'rows.jsonl');
  out = path.join(folder, 'out', 'labels.jsonl');
  const lines = Array.from({ length: 12 }, (_, index) =>
    JSON.stringify({
      id: index,
      text: `question ${index}`,
      deviceAnswer: 'd',
      cloudAnswer: 'c',
      score: index / 12,
    }),
  );
  await writeFile(rows, lines.join('\n'));
});

const OPTIONS = {
  model: null,
  count: 300,
  randomShare: 0.5,
  threshold: null,
  lossBudget: 0.02,
  other: 'other',
  seed: 1,
};

async function openSession(more: Partial<PlanOptions> = {}): Promise<LabelSession> {
  const plan = await planLabels({ ...OPTIONS, file: rows, ...more });
  const file = await openLabelsFile(out, plan.id);
  onTestFinished(() => file.close());
  const { tasks, question } = plan;
  return createLabelSession({ tasks, question, file, plan: plan.id, now: () => 1000 });
}

async function label(session: LabelSession, option: string): Promise<void> {
  await session.choose(session.state().row?.id ?? '', option);
}

async function written(): Promise<LabelledLine[]> {
  const text = await readFile(out, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LabelledLine);
}

describe('a session of labels', () => {
  it('writes each label at once, as an outcome that calibrate and evaluate read', async () => {
    const session = await openSession();
    expect(session.state()).toMatchObject({ kind: 'judge', done: 0, total: 12, canUndo: false });
    await label(session, 'Only the cloud');
    expect(await written()).toHaveLength(1);
    await label(session, 'Neither');
    const outcomes = await readOutcomes(await readFile(out));
    expect(outcomes).toMatchObject([
      { deviceCorrect: false, cloudCorrect: true, timeMs: 1000 },
      { deviceCorrect: false, cloudCorrect: false },
    ]);
    expect(outcomes.map((outcome) => isLoss(outcome))).toEqual([true, false]);
    expect((await written())[0]).toMatchObject({ sample: 'random', weight: 1 });
  });

  it('goes on where it stopped, and cuts off what a crash tore', async () => {
    const first = await openSession();
    const seen = first.state().row?.id;
    await label(first, 'Both');
    await appendFile(out, '{"id":"7","te');
    const second = await openSession();
    expect(second.state()).toMatchObject({ done: 1, total: 12 });
    expect(second.state().row?.id).not.toBe(seen);
    await label(second, 'Both');
    expect(await written()).toHaveLength(2);
  });

  it('takes labels back, over a restart too, and shows their rows again', async () => {
    const first = await openSession();
    const seen = first.state().row?.id;
    await label(first, 'Both');
    const second = await openSession();
    await second.undo();
    expect(second.state()).toMatchObject({ done: 0, canUndo: false, row: { id: seen } });
    expect(await written()).toEqual([]);
    await second.undo();
    await label(second, 'Neither');
    expect(await written()).toMatchObject([{ id: seen, cloudCorrect: false }]);
  });

  it('shows skipped rows last and labels no row twice', async () => {
    const session = await openSession();
    const skippedId = session.state().row?.id ?? '';
    await session.skip(skippedId);
    expect(session.state()).toMatchObject({ done: 0, skipped: 1 });
    const shown = session.state().row?.id ?? '';
    await Promise.all([session.choose(shown, 'Both'), session.choose(shown, 'Neither')]);
    await session.choose(session.state().row?.id ?? '', 'no option');
    expect(await written()).toMatchObject([{ id: shown, deviceCorrect: true }]);
    for (let left = session.state().total - 1; left > 1; left -= 1) await label(session, 'Both');
    expect(session.state().row?.id).toBe(skippedId);
    await label(session, 'Both');
    expect(session.state()).toMatchObject({ done: 12, row: null, skipped: 0 });
  });

  it('refuses a file of another plan, and one that is none of ours, and leaves both as they are', async () => {
    await label(await openSession(), 'Both');
    await expect(openSession({ seed: 2 })).rejects.toMatchObject({ code: 'data-changed' });
    for (const content of ['text,label\nprivate,x\n', 'private notes', '[1]\n']) {
      await writeFile(out, content);
      const error = await openSession().catch((cause: unknown) => cause);
      expect(error).toMatchObject({ name: 'DataError', code: 'bad-row' });
      expect(String(error)).not.toContain('private');
      expect(await readFile(out, 'utf8')).toBe(content);
    }
  });
});

describe('labels of a student', () => {
  const THINGS = [
    'card',
    'phone',
    'ticket',
    'parcel',
    'order',
    'bill',
    'key',
    'book',
    'bag',
    'pen',
  ];

  beforeEach(async () => {
    const train = path.join(folder, 'train.csv');
    const lines = THINGS.flatMap((thing) => [
      `where is my ${thing},late`,
      `I lost my ${thing},lost`,
    ]);
    await writeFile(train, `text,label\n${lines.join('\n')}\n`);
    const argv = [
      '--train',
      train,
      '--student',
      'ngram',
      '--out',
      path.join(folder, 'shop'),
      '--quiet',
    ];
    const silent = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    expect(await main(['distil', ...argv])).toBe(0);
    silent.mockRestore();
  });

  it('asks for the right label without showing an answer, and compares both answers with it', async () => {
    const log = THINGS.map((thing) => ({
      request: { messages: [{ role: 'user', content: `where is my new ${thing}` }] },
      response: { choices: [{ message: { content: thing === 'pen' ? 'Lost.' : '"Late"' } }] },
    }));
    await writeFile(rows, log.map((entry) => JSON.stringify(entry)).join('\r\n'));
    const session = await openSession({ model: path.join(folder, 'shop') });
    expect(session.state()).toMatchObject({
      kind: 'choose',
      row: { options: ['late', 'lost', 'other'], answers: [] },
    });
    for (let left = 10; left > 0; left -= 1) await label(session, 'late');
    const lines = await written();
    expect(
      lines.every(({ deviceCorrect, label: given }) => deviceCorrect && given === 'late'),
    ).toBe(true);
    const wrong = lines.filter(({ cloudCorrect }) => cloudCorrect === false);
    expect(wrong.map(({ text }) => text)).toEqual(['where is my new pen']);
    expect(lines[0]?.score).toBe(lines[0]?.features?.['topProbability']);
    expect(readLabelledTexts(await readFile(out))).toHaveLength(10);
  });

  it('counts a text with none of the labels as wrong for the device and unknown for the cloud', async () => {
    await writeFile(rows, 'text,answer\nwhere is my new pen,late\n');
    const session = await openSession({ model: path.join(folder, 'shop'), other: 'else' });
    await label(session, 'else');
    expect(await written()).toMatchObject([
      { deviceCorrect: false, cloudCorrect: null, label: 'else' },
    ]);
  });
});

describe('rows to label', () => {
  const read = (text: string) => readLabelRows(new TextEncoder().encode(text), 'rows');

  it('reads texts alone, from CSV and JSON lines, each text once', async () => {
    const texts = async (text: string) => (await read(text)).map((row) => row.text);
    expect(await texts('\uFEFFtext\r\na\r\n"b, c"\r\na\r\n\r\n')).toEqual(['a', 'b, c']);
    expect(
      await texts('{"text":"a"}\ntorn {\n{"text":""}\n{"id":3,"text":"b"}\n{"text":"a"}'),
    ).toEqual(['a', 'b']);
    expect((await read('{"id":1,"text":"a"}\n{"id":1,"text":"b"}')).map(({ id }) => id)).toEqual([
      '1',
      '1#2',
    ]);
  });

  it.each([
    ['', 'nothing'],
    ['text\n', 'a header'],
    ['{"x":1}', 'no text'],
  ])('refuses %j: %s', async (text) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'too-few-rows' });
  });
});

describe('the server of the page', () => {
  async function start() {
    const session = await openSession();
    const server = await serveLabels(session, 'export {};');
    onTestFinished(() => server.close());
    const post = (name: string, body: string) => fetch(server.url + name, { method: 'POST', body });
    return { server, session, post };
  }

  it('serves page and state behind its token only, and under its own name only', async () => {
    const { server } = await start();
    const page = await fetch(server.url);
    expect(await page.text()).toContain('page.js');
    expect(page.headers.get('content-security-policy')).toMatch(
      /default-src 'none'.*connect-src 'self'/,
    );
    expect((await fetch(`${server.url}page.js`)).headers.get('content-type')).toMatch(/javascript/);
    expect(await (await fetch(`${server.url}state`)).json()).toMatchObject({ total: 12 });
    const { origin, pathname } = new URL(server.url);
    for (const other of ['/', '/state', `/x${pathname}state`, `${pathname}page.ts`]) {
      expect((await fetch(origin + other)).status).toBe(404);
    }
    const status = await new Promise((resolve) =>
      get(`${server.url}state`, { headers: { host: 'evil.example' } }, (response) =>
        resolve(response.resume().statusCode),
      ),
    );
    expect(status).toBe(404);
  });

  it('labels, takes back, and ends when the person is done', async () => {
    const { server, session, post } = await start();
    const id = session.state().row?.id ?? '';
    const after = await post('choose', JSON.stringify({ id, option: 'Both' }));
    expect(await after.json()).toMatchObject({ done: 1, canUndo: true });
    expect(await (await post('undo', '{}')).json()).toMatchObject({ done: 0, row: { id } });
    expect((await post('done', '{}')).status).toBe(200);
    await server.finished;
  });

  it.each(['no JSON', '[1]', '{"id":7}', `{"id":"${'x'.repeat(70_000)}"}`])(
    'does not understand %.12s',
    async (body) => {
      const { post, session } = await start();
      expect((await post('choose', body)).status).toBe(400);
      expect(session.state().done).toBe(0);
    },
  );

  it('says so when a label cannot be kept', async () => {
    const { post, session } = await start();
    vi.spyOn(session, 'choose').mockRejectedValue(new Error('private'));
    const response = await post('choose', '{}');
    expect([response.status, await response.text()]).toEqual([500, 'The label could not be kept.']);
  });
});

describe('edgewise label', () => {
  it.each([
    [[], 2, /Name one file/],
    [['a', 'b'], 2, /Name one file/],
    [['a', '--count', '0'], 2, /--count must be a whole number from 1/],
    [['a', '--random-share', '0'], 2, /--random-share takes a share/],
    [['a', '--out', 'a'], 2, /--out must be another file/],
    [['a', '--threshold', ''], 2, /--threshold must be a number/],
    [['nowhere.jsonl'], 1, /nowhere\.jsonl cannot be read/],
  ])('ends %j with %i', async (argv, code, message) => {
    const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    onTestFinished(() => stderr.mockRestore());
    expect(await main(['label', ...argv])).toBe(code);
    expect(stderr.mock.calls.map(([text]) => text).join('')).toMatch(message);
  });

  it('asks for a student when the rows have no answers of the device', async () => {
    await writeFile(rows, 'text\na\n');
    await expect(openSession()).rejects.toThrow(/give --model DIR/);
  });
});
