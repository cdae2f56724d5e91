import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { BrowserContext, Page } from 'playwright';

import { type Playground, startPlayground } from './open-playground.ts';

const MODELS = path.resolve(import.meta.dirname, '../helpers/fixture-models');
const FIGURES = [
  'DecodeMs',
  'DecodeP90Ms',
  'Prefill32Ms',
  'Prefill128Ms',
  'FirstWordMs',
  'WholeMs',
  'ReadyMs',
  'ReadGigabytesPerSecond',
  'DotPeakGigaMacs',
];

let playground: Playground;
const visitors: BrowserContext[] = [];

beforeAll(async () => {
  playground = await startPlayground(['--no-pull', '--models', MODELS]);
});

afterEach(async () => {
  await Promise.all(visitors.splice(0).map((visitor) => visitor.close()));
});

afterAll(() => playground.close());

async function open(query: string, width = 1024): Promise<Page> {
  const visitor = await playground.newVisitor({
    viewport: { width, height: 800 },
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  visitors.push(visitor);
  const page = await playground.open(visitor);
  await page.goto(new URL(`bench/${query}`, playground.proxy.url).href);
  await page.locator('#run:not([data-state="starting"])').waitFor();
  return page;
}

function copied(page: Page): Promise<string> {
  return page.evaluate(() => navigator.clipboard.readText());
}

test('measures the model and gives the result as JSON and Markdown', async () => {
  const page = await open('?model=tiny', 390);
  expect(await page.locator('#model-name').innerText()).toContain('Fixture tiny');
  await page.locator('#machine-name').fill('A tablet of 2023');
  await page.getByRole('button', { name: 'Download and measure' }).click();
  await page.locator('#run[data-state="done"]').waitFor();

  await page.locator('#copy-json').click();
  await expect.poll(() => page.locator('#copy-note').innerText()).toBe('Copied.');
  const { name, figures, context } = JSON.parse(await copied(page));
  expect(name).toBe('page');
  expect(context).toMatchObject({ Model: 'tiny', Machine: 'A tablet of 2023' });
  expect(context.Browser).toContain('Chromium');
  for (const figure of FIGURES) {
    expect(figures[`fast${figure}`], figure).toBeGreaterThan(0);
    expect(figures[`exact${figure}`], figure).toBeGreaterThan(0);
  }
  // The cost of a token is known for the default model only.
  expect(figures).not.toHaveProperty('fastPerRead');

  // Figures of another model would compare models, not machines.
  expect(await page.locator('tbody td:last-child').first().innerText()).toBe('–');
  await page.locator('#copy-markdown').click();
  await expect.poll(() => copied(page)).toContain('| Per token |');
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overflow).toBe(0);
  expect(playground.problems).toEqual([]);
});

test('a run can be cancelled and started again', async () => {
  const page = await open('?model=tiny');
  await page.locator('#start').click();
  await page.locator('#run[data-state="measuring"]').waitFor();
  await page.locator('#cancel').click();
  await page.locator('#run[data-state="idle"]').waitFor();
  expect(await page.locator('#run-step').innerText()).toBe('Cancelled.');
  expect(await page.locator('#results').isVisible()).toBe(false);
  await page.getByRole('button', { name: 'Measure' }).click();
  await page.locator('#run[data-state="done"]').waitFor();
});

test('says what is wrong when the server has no such model', async () => {
  const page = await open('?model=absent');
  await page.locator('#run[data-state="failed"]').waitFor();
  expect(await page.locator('#run-problem').innerText()).toContain('absent');
});

test('the playground leads to it', async () => {
  const page = await playground.open(await playground.newVisitor());
  await page.getByRole('link', { name: 'How fast is it on your machine?' }).click();
  await page.locator('#run').waitFor();
  expect(new URL(page.url()).pathname).toBe('/bench/');
});
