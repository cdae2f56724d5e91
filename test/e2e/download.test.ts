import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { BrowserContext, Page } from 'playwright';

import { realModelPath } from '../helpers/real-model.ts';
import catalogue from '../../models/catalogue.json' with { type: 'json' };
import { getModel, type Playground, startPlayground, waitForModel } from './open-playground.ts';
import type { Recorded } from './recording-proxy.ts';

const MEBIBYTE = 1024 * 1024;
const SHARD_BYTES = 4 * MEBIBYTE;
const MODEL_BYTES = catalogue.models[0]?.sizeBytes ?? 0;
const isModelHere = realModelPath() !== null;

let playground: Playground;
const visitors: BrowserContext[] = [];

beforeAll(async () => {
  if (!isModelHere) return;
  playground = await startPlayground();
});

afterEach(async () => {
  if (!isModelHere) return;
  playground.proxy.release();
  await Promise.all(visitors.splice(0).map((visitor) => visitor.close()));
});

afterAll(async () => {
  if (isModelHere) await playground.close();
});

async function newVisitor(): Promise<BrowserContext> {
  const visitor = await playground.newVisitor();
  visitors.push(visitor);
  return visitor;
}

/** Requests for weights since `start`. */
function weightRequests(start: number): Recorded[] {
  return playground.proxy.requests.slice(start).filter(({ path }) => path.endsWith('.gguf'));
}

/** The bytes after a shard count only once it is stored: what shows includes all shards below it. */
async function waitForShownMegabytes(page: Page, megabytes: number): Promise<void> {
  await page.waitForFunction((least) => {
    const shown = document.querySelector('#download-bytes')?.textContent ?? '';
    return Number.parseFloat(shown) >= least;
  }, megabytes);
}

function sentBytes(requests: readonly Recorded[]): number {
  return requests.reduce((sum, request) => sum + request.sentBytes, 0);
}

test.runIf(isModelHere)('asks before anything is downloaded', async () => {
  const start = playground.proxy.requests.length;
  const page = await playground.open(await newVisitor());
  await page.locator('#download').waitFor();
  await waitForModel(page, 'absent');
  const panel = await page.locator('#model-panel').innerText();
  expect(panel).toContain('SmolLM2 135M Instruct');
  expect(panel).toContain('98.4 MB');
  expect(panel).toContain('Finishes words');
  expect(await page.locator('#model-licence').getAttribute('href')).toContain('apache.org');
  expect(weightRequests(start)).toEqual([]);
});

test.runIf(isModelHere)(
  'shows progress, then is ready; the next visit asks the network for no weights',
  async () => {
    const visitor = await newVisitor();
    const page = await playground.open(visitor);
    playground.proxy.holdWeightsAfter(20 * MEBIBYTE);
    await page.locator('#download').click();
    await waitForModel(page, 'downloading');
    await waitForShownMegabytes(page, 20);
    expect(await page.locator('#download-bytes').textContent()).toMatch(/^2\d\.\d MB of 98\.4 MB$/);
    expect(await page.locator('#download-source').textContent()).toBe('from this site');
    playground.proxy.release();
    await waitForModel(page, 'ready');
    await page.close();

    const start = playground.proxy.requests.length;
    const again = await playground.open(visitor);
    await waitForModel(again, 'ready');
    expect(weightRequests(start)).toEqual([]);
    expect(await again.locator('#model-panel').isVisible()).toBe(false);
    expect(playground.problems).toEqual([]);
  },
);

test.runIf(isModelHere)('a stored model is ready behind a log-in page, too', async () => {
  const visitor = await newVisitor();
  await getModel(await playground.open(visitor));
  await visitor.route('**/models/**', (route) =>
    route.fulfill({ status: 200, contentType: 'text/html', body: '<h1>Log in</h1>' }),
  );
  await waitForModel(await playground.open(visitor), 'ready');
});

test.runIf(isModelHere)(
  'removes the model after a second question, and offers it again',
  async () => {
    const page = await playground.open(await newVisitor());
    await getModel(page);
    await page.locator('#remove-model').click();
    await page.locator('#remove-no').click();
    expect(await page.locator('#status').getAttribute('data-model-state')).toBe('ready');
    await page.locator('#remove-model').click();
    await page.locator('#remove-yes').click();
    await waitForModel(page, 'absent');
    await page.locator('#download').waitFor();
    expect(await page.locator('#download').innerText()).toBe('Download');
    const availability = await page.evaluate(() => globalThis.edgewiseDemo?.models.availability());
    expect(availability).toBe('absent');
  },
);

test.runIf(isModelHere)('says how the browser keeps the model', async () => {
  const page = await playground.open(await newVisitor());
  await getModel(page);
  await expect
    .poll(() => page.locator('#storage-note').innerText())
    .toMatch(/^The browser (keeps the model until you remove it|may clear the model)/);
});

test.runIf(isModelHere)('follows what a script does with the model', async () => {
  const page = await playground.open(await newVisitor());
  await page.locator('#download').waitFor();
  await page.evaluate(() => globalThis.edgewiseDemo?.models.download());
  await waitForModel(page, 'absent');
  expect(await page.locator('#status').innerText()).toContain('Kept here');
  await page.evaluate(() => globalThis.edgewiseDemo?.models.load());
  await waitForModel(page, 'ready');
  await page.evaluate(() => globalThis.edgewiseDemo?.models.remove());
  await waitForModel(page, 'absent');
  await page.locator('#download').waitFor();
});

test.runIf(isModelHere)('pauses and goes on at the missing shards', async () => {
  const page = await playground.open(await newVisitor());
  playground.proxy.holdWeightsAfter(22 * MEBIBYTE);
  await page.locator('#download').click();
  await waitForShownMegabytes(page, 22);
  await page.locator('#pause').click();
  await waitForModel(page, 'absent');
  expect(await page.locator('#status').innerText()).toContain('paused');
  playground.proxy.release();

  const start = playground.proxy.requests.length;
  await page.locator('#download').click();
  await waitForModel(page, 'ready');
  const stored = 5 * SHARD_BYTES;
  expect(sentBytes(weightRequests(start))).toBeLessThanOrEqual(MODEL_BYTES - stored + SHARD_BYTES);
});

test.runIf(isModelHere)(
  'a reload in the middle of the download loses no finished shard',
  async () => {
    const page = await playground.open(await newVisitor());
    playground.proxy.holdWeightsAfter(42 * MEBIBYTE);
    await page.locator('#download').click();
    await waitForShownMegabytes(page, 43);
    await page.reload();
    playground.proxy.release();
    await page.locator('#download').waitFor();
    expect(await page.locator('#download').innerText()).toBe('Resume');

    const start = playground.proxy.requests.length;
    await getModel(page);
    const stored = 10 * SHARD_BYTES;
    expect(sentBytes(weightRequests(start))).toBeLessThanOrEqual(
      MODEL_BYTES - stored + SHARD_BYTES,
    );
  },
);
