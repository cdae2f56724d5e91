import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Page } from 'playwright';

import { type Playground, startPlayground } from './open-playground.ts';

const MODELS = path.resolve(import.meta.dirname, '../helpers/fixture-models');
const THINGS = ['card', 'transfer', 'refund', 'account', 'fee', 'loan'];

let playground: Playground;

beforeAll(async () => {
  playground = await startPlayground(['--no-pull', '--models', MODELS]);
});

afterAll(() => playground.close());

function logFile(answerOf: (thing: string, index: number) => string, count = 400) {
  const lines = Array.from({ length: count }, (_, index) => {
    const thing = THINGS[(index * 7) % THINGS.length] ?? '';
    const messages = [{ role: 'user', content: `private words on my ${thing}, case ${index}` }];
    const usage = { prompt_tokens: 50, completion_tokens: 2 };
    const message = { role: 'assistant', content: answerOf(thing, index) };
    return JSON.stringify({ request: { messages }, response: { choices: [{ message }], usage } });
  });
  return { name: 'log.jsonl.gz', mimeType: 'application/gzip', buffer: gzipSync(lines.join('\n')) };
}

async function open(): Promise<Page> {
  const page = await playground.open(await playground.newVisitor());
  await page.getByRole('link', { name: 'What of your calls could have stayed' }).click();
  await page.locator('#audit').waitFor();
  return page;
}

test('audits a log in the page, and sends nothing', async () => {
  const page = await open();
  // All of the page's code is here: from now on it must do without a server.
  await page.locator('#start').click();
  await expect.poll(() => page.locator('#problem').innerText()).toBe('Choose a file first.');
  await page.locator('#log').setInputFiles(logFile((thing) => thing));
  await page.locator('#price-input').fill('1');
  await page.locator('#price-output').fill('5');
  const sent: string[] = [];
  page.on('request', (request) =>
    sent.push(`${request.method()} ${new URL(request.url()).pathname}`),
  );
  await page.locator('#start').click();
  await page.locator('#audit[data-state="done"]').waitFor();

  const text = await page.locator('#text').innerText();
  expect(text).toMatch(/400 calls, 400 distinct texts \(OpenAI/);
  expect(text).toMatch(/closed set: 6 labels/);
  expect(text).toMatch(/5 % +[\d.]+ %.*\$/);
  expect(await page.locator('#chart svg').isVisible()).toBe(true);
  const report = JSON.parse(await page.locator('#json').inputValue());
  expect(report).toMatchObject({ name: 'audit', context: { verdict: 'certified', trained: 200 } });
  expect(await page.locator('#results').innerText()).not.toContain('private');
  expect(sent.every((each) => /^GET \/audit\/assets\/[\w-]+\.js$/.test(each))).toBe(true);
  expect(playground.problems).toEqual([]);
});

test('the browser forbids the page to send anything', async () => {
  const page = await open();
  const failures = await page.evaluate(async () => {
    const ways = [
      () =>
        fetch('./x').then(
          () => 'sent',
          () => 'forbidden',
        ),
      () =>
        fetch('https://example.com/').then(
          () => 'sent',
          () => 'forbidden',
        ),
      () => Promise.resolve(String(navigator.sendBeacon('./x', 'y'))),
      () =>
        new Promise<string>((resolve) => {
          const request = new XMLHttpRequest();
          request.onerror = () => resolve('forbidden');
          request.onload = () => resolve('sent');
          request.open('POST', './x');
          request.send('y');
        }),
      () =>
        new Promise<string>((resolve) => {
          const image = new Image();
          image.onerror = () => resolve('forbidden');
          image.onload = () => resolve('sent');
          image.src = './x?y';
        }),
    ];
    const violations: string[] = [];
    document.addEventListener('securitypolicyviolation', (event) =>
      violations.push(event.effectiveDirective),
    );
    const results: string[] = [];
    for (const way of ways) results.push(await way());
    await new Promise((resolve) => setTimeout(resolve, 0));
    return { results, violations };
  });
  expect(failures.results.filter((result) => result === 'sent')).toEqual([]);
  expect(new Set(failures.violations)).toEqual(new Set(['connect-src', 'img-src']));
  expect(await page.locator('meta[http-equiv]').getAttribute('content')).toContain(
    "connect-src 'none'",
  );
});

test('says what free text would take, and can be cancelled', async () => {
  const page = await open();
  await page
    .locator('#log')
    .setInputFiles(logFile((_, index) => `A letter of its own, number ${index}`));
  await page.locator('#start').click();
  await page.locator('#audit[data-state="done"]').waitFor();
  expect(await page.locator('#text').innerText()).toContain('written anew');
  expect(await page.locator('#chart svg').count()).toBe(0);

  await page.locator('#log').setInputFiles(logFile((thing) => thing, 6000));
  await page.locator('#start').click();
  await page.locator('#audit[data-state="running"]').waitFor();
  await page.locator('#cancel').dispatchEvent('click');
  await page.locator('#audit[data-state="idle"]').waitFor();
  expect(await page.locator('#problem').innerText()).toBe('Cancelled.');
  expect(await page.locator('#results').isVisible()).toBe(false);
});

test('names what is wrong with a file, without quoting it', async () => {
  const page = await open();
  const buffer = Buffer.from('private words\nand more');
  await page.locator('#log').setInputFiles({ name: 'x.csv', mimeType: 'text/csv', buffer });
  await page.locator('#start').click();
  await page.locator('#audit[data-state="failed"]').waitFor();
  const problem = await page.locator('#problem').innerText();
  expect(problem).toContain('neither JSON nor a CSV');
  expect(problem).not.toContain('private');
});
