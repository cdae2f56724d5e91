import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { BrowserContext, Page } from 'playwright';

import { realModelPath } from '../helpers/real-model.ts';
import {
  getModel,
  ghostOf,
  type Playground,
  startPlayground,
  waitForGhost,
  waitForModel,
} from './open-playground.ts';

const isModelHere = realModelPath() !== null;
const TYPED = 'Please let me know if you have any ques';

let playground: Playground;
let visitor: BrowserContext;
let page: Page;

beforeAll(async () => {
  if (!isModelHere) return;
  playground = await startPlayground();
  visitor = await playground.newVisitor();
  page = await playground.open(visitor);
  await getModel(page);
});

afterEach(async () => {
  if (!isModelHere) return;
  await page.close();
  page = await playground.open(visitor);
  await waitForModel(page, 'ready');
});

afterAll(async () => {
  if (isModelHere) await playground.close();
});

function composed(): Promise<string> {
  return page.locator('#compose').inputValue();
}

test.runIf(isModelHere)('typing brings a ghost that continues the word', async () => {
  await page.locator('#compose').click();
  await page.keyboard.type(TYPED);
  const ghost = await waitForGhost(page);
  expect(ghost).toBe('tions ');
  expect(await composed()).toBe(TYPED);
  expect(playground.problems).toEqual([]);
});

test.runIf(isModelHere)('the ghost is the one the runtime computes', async () => {
  await page.locator('#compose').click();
  await page.keyboard.type(TYPED);
  const ghost = await waitForGhost(page);
  const computed = await page.evaluate(async (before) => {
    const runtime = globalThis.edgewiseDemo;
    return runtime?.complete.suggest({ before, after: '', field: 'check' });
  }, TYPED);
  expect(computed?.text).toBe(ghost);
});

test.runIf(isModelHere)('Tab inserts the ghost as one undo step', async () => {
  await page.locator('#compose').click();
  await page.keyboard.type(TYPED);
  const ghost = await waitForGhost(page);
  await page.keyboard.press('Tab');
  expect(await composed()).toBe(TYPED + ghost);
  await page.keyboard.press('Control+z');
  expect(await composed()).toBe(TYPED);
});

test.runIf(isModelHere)('Escape drops the ghost and keeps the text', async () => {
  await page.locator('#compose').click();
  await page.keyboard.type(TYPED);
  await waitForGhost(page);
  await page.keyboard.press('Escape');
  expect(await ghostOf(page)).toBe('');
  expect(await composed()).toBe(TYPED);
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('compose');
});

test.runIf(isModelHere)('typing along shrinks the ghost at once', async () => {
  await page.locator('#compose').click();
  await page.keyboard.type(TYPED);
  const ghost = await waitForGhost(page);
  const letter = ghost.slice(0, 1);
  const after = await page.evaluate((text) => {
    document.execCommand('insertText', false, text);
    return document.querySelector('[data-ghost]')?.textContent;
  }, letter);
  expect(after).toBe(ghost.slice(1));
});

test.runIf(isModelHere)('writing sends nothing anywhere', async () => {
  const start = playground.proxy.requests.length;
  await page.locator('#compose').click();
  await page.keyboard.type(TYPED);
  await waitForGhost(page);
  expect(playground.proxy.requests.slice(start)).toEqual([]);
});

test.runIf(isModelHere)(
  'rewriting is answered here when nobody else is there, and says so',
  async () => {
    await page.getByRole('tab', { name: 'Rewrite' }).click();
    await page.locator('#rewrite-continue').click();
    await page.locator('#rewrite-answer[data-state="done"]').waitFor();
    const answer = page.locator('#rewrite-answer');
    expect(await answer.getAttribute('data-tier')).toBe('device');
    expect((await answer.innerText()).trim()).not.toBe('');
    expect(await answer.getAttribute('data-confidence')).toMatch(/^[01]\.\d{3}$/);
    const receipt = await page.locator('#rewrite-result .receipt').innerText();
    expect(receipt).toContain('smollm2-135m-instruct-q4_1');
    expect(receipt).toMatch(/\d+ in.*, \d+ out/);
    expect(await page.locator('#rewrite-result .route').innerText()).toMatch(
      /^(Not sure after the first words \(0\.\d\d, needs 0\.\d\d\)\. )?No server is set up, so here is the device’s answer: take it with care\.( Cut at the length limit\.)?$/,
    );
  },
);

test.runIf(isModelHere)('an emptied field clears the answer and takes the focus', async () => {
  await page.getByRole('tab', { name: 'Rewrite' }).click();
  await page.locator('#rewrite-continue').click();
  await page.locator('#rewrite-answer[data-state="done"]').waitFor();
  await page.locator('#rewrite').fill(' ');
  await page.locator('#rewrite-continue').click();
  expect(await page.locator('#rewrite-result').isVisible()).toBe(false);
  expect(await page.locator('#rewrite-answer').getAttribute('data-state')).toBe('idle');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('rewrite');
});

test.runIf(isModelHere)('the note about a ghost goes with the ghost', async () => {
  await page.locator('#compose').click();
  await page.keyboard.type(TYPED);
  await waitForGhost(page);
  const note = page.locator('#write-note');
  expect(await note.innerText()).toMatch(
    /^(This device|Your own words), .+, confidence (over )?0\.\d\d, calibrated$/,
  );
  await page.keyboard.press('Escape');
  expect(await note.innerText()).toBe('');
  expect(await page.locator('#take').isVisible()).toBe(false);
});

test.runIf(isModelHere)('in only-in-cloud nothing is offered while one types', async () => {
  await page.locator('#mode').selectOption('only-in-cloud');
  expect(await page.locator('#mode-note').innerText()).toContain('no words are finished');
  const refused = page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        globalThis.edgewiseDemo?.addEventListener('decision', ({ detail }) =>
          resolve(`${detail.task}: ${detail.decision.reason}`),
        );
      }),
  );
  await page.locator('#compose').click();
  await page.keyboard.type(TYPED);
  expect(await refused).toBe('complete: mode-only-in-cloud');
  expect(await ghostOf(page)).toBe('');
});
