import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { type Browser, chromium, type Page } from 'playwright';

const root = path.resolve(import.meta.dirname, '../..');
const MODEL = path.join(root, 'models/students/banking77');

let browser: Browser;
let folder = '';
let rows = '';
let out = '';

beforeAll(async () => {
  const executablePath = process.env['EDGEWISE_CHROMIUM'] ?? '/usr/bin/chromium';
  browser = await chromium.launch({ executablePath });
});

afterAll(() => browser.close());

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'edgewise-label-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  rows = path.join(folder, 'rows.csv');
  out = path.join(folder, 'labels.jsonl');
  const texts = ['Where is my card?', 'How do I top up?', 'My PIN is blocked', 'I want a refund'];
  await writeFile(rows, ['text', ...texts].join('\n'));
});

interface Started {
  readonly page: Page;
  readonly process: ChildProcess;
  readonly hosts: ReadonlySet<string>;
  readonly ended: Promise<number | null>;
  output(): string;
}

async function start(...options: readonly string[]): Promise<Started> {
  const argv = ['dist/cli/edgewise.js', 'label', rows, '--out', out, '--no-open', ...options];
  const child = spawn(process.execPath, argv, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = '';
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      printed += chunk.toString();
      const found = /http:\/\/127\.0\.0\.1:\d+\/[\w-]+\//.exec(printed)?.[0];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void ended.then((code) => reject(new Error(`It ended with ${code}:\n${printed}`)));
  });
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  const hosts = new Set<string>();
  page.on('request', (request) => hosts.add(new URL(request.url()).host));
  await page.goto(url);
  await countIs(page, /^\d+ of \d+/);
  return { page, process: child, hosts, ended, output: () => printed };
}

function countIs(page: Page, wanted: RegExp): Promise<void> {
  return expect.poll(() => page.locator('#count').innerText()).toMatch(wanted);
}

async function lines(): Promise<Record<string, unknown>[]> {
  const text = await readFile(out, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

test('labels with the keyboard alone, each label kept at once, and ends when done', async () => {
  const { page, hosts, ended, output } = await start('--model', MODEL);
  const first = await page.locator('#text').innerText();
  await page.keyboard.type('top up limits');
  expect(await page.locator('#options button').allInnerTexts()).toEqual(['top_up_limits']);
  expect(await page.locator('#keys').innerText()).toBe('Enter takes top_up_limits.');
  await page.keyboard.press('Enter');
  await countIs(page, /^1 of 4/);
  expect(await lines()).toMatchObject([{ text: first, label: 'top_up_limits', sample: 'random' }]);

  // Enter alone, with nothing typed, chooses nothing; Escape skips.
  await page.keyboard.press('Enter');
  const second = await page.locator('#text').innerText();
  await page.keyboard.press('Escape');
  await countIs(page, /^1 of 4, 1 skipped/);
  expect(await page.locator('#text').innerText()).not.toBe(second);

  await page.keyboard.press('Control+z');
  await countIs(page, /^0 of 4/);
  expect(await lines()).toEqual([]);
  expect(await page.locator('#text').innerText()).toBe(first);

  await page.keyboard.type('card');
  await page.keyboard.press('ArrowDown');
  const marked = await page.locator('#options button[data-active]').innerText();
  await page.keyboard.press('Enter');
  await countIs(page, /^1 of 4/);
  expect(await lines()).toMatchObject([{ label: marked }]);

  await page.keyboard.press('Control+Enter');
  expect(await ended).toBe(0);
  expect(output()).toMatch(/1 of 4 labelled/);
  await expect.poll(() => page.locator('#question').innerText()).toMatch(/^Done\./);
  expect([...hosts]).toEqual([new URL(page.url()).host]);
});

test('loses nothing when it is killed, and goes on where it stopped', async () => {
  const first = await start('--model', MODEL);
  const text = await first.page.locator('#text').innerText();
  await first.page.keyboard.type('other');
  await first.page.keyboard.press('Enter');
  await countIs(first.page, /^1 of 4/);
  first.process.kill('SIGKILL');
  await first.ended;
  await first.page.keyboard.press('Escape');
  await expect.poll(() => first.page.locator('#problem').innerText()).toMatch(/has ended/);

  const second = await start('--model', MODEL);
  expect(await second.page.locator('#count').innerText()).toBe('1 of 4');
  expect(await second.page.locator('#text').innerText()).not.toBe(text);
  second.process.kill('SIGINT');
  expect(await second.ended).toBe(0);
  expect(await lines()).toMatchObject([{ text, label: 'other', deviceCorrect: false }]);
});

test('judges answers with digits, and shows both', async () => {
  const entry = { text: 'Say hello', deviceAnswer: 'Hello.', cloudAnswer: 'Good day!', score: 0.7 };
  await writeFile(rows, JSON.stringify(entry));
  const { page } = await start();
  expect(await page.locator('#answers').innerText()).toMatch(
    /Device\s+Hello\.\s+Cloud\s+Good day!/,
  );
  expect(await page.locator('#filter').isVisible()).toBe(false);
  await page.keyboard.press('3');
  await countIs(page, /^1 of 1/);
  expect(await lines()).toMatchObject([{ deviceCorrect: false, cloudCorrect: true, score: 0.7 }]);
  expect(await page.locator('#question').innerText()).toBe('Nothing is left to label.');
});
