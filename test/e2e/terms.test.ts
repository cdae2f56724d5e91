import { afterAll, beforeAll, expect, test } from 'vitest';

import { createModelsWithTerms, type ModelsFolder, TERMS } from '../helpers/models-with-terms.ts';
import { type Playground, startPlayground, waitForModel } from './open-playground.ts';

let models: ModelsFolder;
let playground: Playground;

beforeAll(async () => {
  models = createModelsWithTerms();
  playground = await startPlayground(['--no-pull', '--models', models.folder]);
});

afterAll(async () => {
  await playground.close();
  models.remove();
});

test('terms of a model are shown and accepted before a byte of it is downloaded', async () => {
  const visitor = await playground.newVisitor();
  const page = await visitor.newPage();
  await page.goto(`${playground.proxy.url}?model=tiny`);
  await page.locator('#model-terms').waitFor();
  expect(await page.locator('#model-notice').innerText()).toBe(TERMS.notice);
  expect(await page.locator('#model-terms-link').getAttribute('href')).toBe(TERMS.url);
  expect(await page.locator('#download').isDisabled()).toBe(true);
  const weights = (): boolean =>
    playground.proxy.requests.some(({ path }) => path.endsWith('.gguf'));
  expect(weights()).toBe(false);
  await page.locator('#accept-licence').check();
  await page.locator('#download').click();
  await waitForModel(page, 'ready');
  expect(weights()).toBe(true);
  await visitor.close();
});
