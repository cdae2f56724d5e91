import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { BrowserContext, Page } from 'playwright';

import { realModelPath } from '../helpers/real-model.ts';
import { getModel, type Playground, startPlayground, waitForModel } from './open-playground.ts';

const isModelHere = realModelPath() !== null;
const QUESTION = 'Which heron nests beside the quarry?';

let playground: Playground;
let visitor: BrowserContext;
let page: Page;

async function begin(args: readonly string[]): Promise<void> {
  playground = await startPlayground(args);
  visitor = await playground.newVisitor();
  page = await playground.open(visitor);
  await getModel(page);
}

afterEach(async () => {
  await page.close();
  page = await playground.open(visitor);
  await waitForModel(page, 'ready');
});

async function ask(): Promise<void> {
  await page.getByRole('tab', { name: 'Ask' }).click();
  await page.locator('#ask').fill(QUESTION);
  await page.locator('#ask-submit').click();
  await page.locator('#answer[data-state="streaming"]').waitFor({ state: 'detached' });
  expect(await data('state')).toBe('done');
}

function data(name: string): Promise<string | null> {
  return page.locator('#answer').getAttribute(`data-${name}`);
}

/** Bodies that went to the relay since `start`. */
function bodiesSince(start: number): string[] {
  return playground.proxy.requests.slice(start).map(({ requestBody }) => requestBody);
}

describe.runIf(isModelHere)('without an endpoint', () => {
  beforeAll(() => begin([]));
  afterAll(() => playground.close());

  test('says that the model is not good at open questions', async () => {
    await page.getByRole('tab', { name: 'Ask' }).click();
    expect(await page.locator('#panel-ask').innerText()).toContain('not good at open questions');
  });

  test('shows exactly what would be sent, and sends nothing', async () => {
    const start = playground.proxy.requests.length;
    await ask();
    const shown = JSON.parse(await page.locator('#would-send').innerText());
    expect(shown.messages).toEqual([{ role: 'user', content: QUESTION }]);
    expect(shown.stream).toBe(true);
    expect(bodiesSince(start).join('')).not.toContain('heron');
    expect(await data('tier')).toBe('');
  });

  test('in only-on-device the device answers, says how little that means, and no byte leaves', async () => {
    const start = playground.proxy.requests.length;
    await page.locator('#mode').selectOption('only-on-device');
    await ask();
    expect(await data('tier')).toBe('device');
    expect(await data('finish')).toMatch(/^(stop|length)$/);
    expect(await data('confidence')).toBe('');
    expect(await page.locator('#ask-result .route').innerText()).toContain('does not tell');
    expect(playground.proxy.requests.slice(start)).toEqual([]);
    expect(playground.problems).toEqual([]);
  });
});

describe.runIf(isModelHere)('with an endpoint', () => {
  beforeAll(() => begin(['--local-upstream']));
  afterAll(() => playground.close());

  test('the question goes there and streams back with tier, decision and reason', async () => {
    const start = playground.proxy.requests.length;
    await page.evaluate(() => {
      const answer = document.querySelector<HTMLElement>('#answer')!;
      const seen: string[] = [];
      new MutationObserver(() => {
        if (answer.dataset['state'] === 'streaming') seen.push(answer.textContent ?? '');
      }).observe(answer, { childList: true });
      Object.assign(globalThis, { seen });
    });
    await ask();
    const seen = await page.evaluate(() => (globalThis as unknown as { seen: string[] }).seen);
    expect(new Set(seen.filter((text) => text !== '')).size).toBeGreaterThan(3);
    expect(await data('tier')).not.toBe('device');
    expect(await data('tier')).not.toBe('');
    expect(await data('finish')).toMatch(/^(stop|length)$/);
    const route = await page.locator('#ask-result .route').innerText();
    expect(route).toContain('On open questions the device cannot tell whether it is right');
    const receipt = await page.locator('#ask-result .receipt').innerText();
    expect(receipt).toMatch(/Unknown\s+confidence, cost, energy, carbon/);
    expect(bodiesSince(start).filter((body) => body.includes('heron'))).toHaveLength(1);
  });

  test('in only-on-device no request carries a byte of the question', async () => {
    const start = playground.proxy.requests.length;
    await page.locator('#mode').selectOption('only-on-device');
    await ask();
    expect(await data('tier')).toBe('device');
    expect(playground.proxy.requests.slice(start)).toEqual([]);
  });

  test('a newer question has the view to itself', async () => {
    await page.getByRole('tab', { name: 'Ask' }).click();
    await page.evaluate(() => {
      const answer = document.querySelector<HTMLElement>('#answer')!;
      const states: string[] = [];
      new MutationObserver(() => states.push(answer.dataset['state'] ?? '')).observe(answer, {
        attributeFilter: ['data-state'],
      });
      Object.assign(globalThis, { states });
    });
    await page.locator('#ask').fill('Tell a long story about the sea.');
    await page.locator('#ask-submit').click();
    await page.waitForFunction(() => document.querySelector('#answer')?.textContent !== '');
    await ask();
    const states = await page.evaluate(
      () => (globalThis as unknown as { states: string[] }).states,
    );
    expect(states).toEqual(['streaming', 'streaming', 'done']);
    expect(await data('finish')).toMatch(/^(stop|length)$/);
    expect(await page.locator('#ask-result .route').innerText()).not.toContain('Stopped');
  });

  test('after Stop the focus is in the question, and what was written stays', async () => {
    await page.getByRole('tab', { name: 'Ask' }).click();
    await page.locator('#ask').fill('Tell a long story about the sea.');
    await page.locator('#ask-submit').click();
    await page.waitForFunction(() => document.querySelector('#answer')?.textContent !== '');
    await page.locator('#ask-stop').click();
    await page.locator('#answer[data-state="done"]').waitFor();
    expect(await data('finish')).toBe('abort');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('ask');
    expect(await page.locator('#answer').innerText()).not.toBe('');
  });

  test('in only-in-cloud the server answers', async () => {
    await page.locator('#mode').selectOption('only-in-cloud');
    await ask();
    expect(await data('tier')).not.toBe('device');
    expect(await page.locator('#ask-result .route').innerText()).toContain('only the server');
  });

  test('pulling the plug cuts the server off: the page says what it cannot do and goes on', async () => {
    await page.locator('#plug').click();
    expect(await page.locator('#plug-note').innerText()).toContain('open questions have to wait');
    const start = playground.proxy.requests.length;
    await ask();
    expect(await page.locator('#answer').innerText()).toContain('plug is pulled');
    expect(JSON.parse(await page.locator('#would-send').innerText()).messages).toHaveLength(1);
    expect(playground.proxy.requests.slice(start)).toEqual([]);

    await page.getByRole('tab', { name: 'Rewrite' }).click();
    await page.locator('#rewrite-continue').click();
    await page.locator('#rewrite-answer[data-state="done"]').waitFor();
    expect(await page.locator('#rewrite-answer').getAttribute('data-tier')).toBe('device');

    await page.locator('#plug').click();
    await ask();
    expect(await data('tier')).not.toBe('device');
    expect(await data('tier')).not.toBe('');
  });
});
