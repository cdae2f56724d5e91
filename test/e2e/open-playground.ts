import { type Browser, type BrowserContext, chromium, type Page } from 'playwright';

import { type Demo, startDemo } from './demo-process.ts';
import { type RecordingProxy, startRecordingProxy } from './recording-proxy.ts';

/** The demo with a browser in front of it and a recorder between. */
export interface Playground {
  readonly demo: Demo;
  readonly proxy: RecordingProxy;
  readonly browser: Browser;
  /** Errors and policy violations of every page, in order. */
  readonly problems: readonly string[];
  /** A visitor with a storage of their own. */
  newVisitor(options?: Parameters<Browser['newContext']>[0]): Promise<BrowserContext>;
  open(visitor: BrowserContext): Promise<Page>;
  close(): Promise<void>;
}

export async function startPlayground(args: readonly string[] = []): Promise<Playground> {
  const demo = await startDemo(args);
  const proxy = await startRecordingProxy(demo.url);
  const browser = await chromium.launch({
    executablePath: process.env['EDGEWISE_CHROMIUM'] ?? '/usr/bin/chromium',
  });
  const problems: string[] = [];
  return {
    demo,
    proxy,
    browser,
    problems,
    newVisitor: (options) => browser.newContext(options),
    async open(visitor) {
      const page = await visitor.newPage();
      page.on('pageerror', (error) => problems.push(error.message));
      page.on('console', (message) => {
        if (message.text().includes('Content Security Policy')) problems.push(message.text());
      });
      await page.goto(proxy.url);
      return page;
    },
    async close() {
      await browser.close();
      await proxy.close();
      await demo.stop();
    },
  };
}

export async function waitForModel(page: Page, state: string): Promise<void> {
  await page.locator(`#status[data-model-state="${state}"]`).waitFor();
}

/** Downloads the model as a visitor would. */
export async function getModel(page: Page): Promise<void> {
  await page.locator('#download').click();
  await waitForModel(page, 'ready');
}

/** What the ghost offers now. */
export async function ghostOf(page: Page): Promise<string> {
  return (await page.locator('[data-ghost]').textContent()) ?? '';
}

/** Waits for a ghost and gives it. */
export async function waitForGhost(page: Page): Promise<string> {
  await page.waitForFunction(() => document.querySelector('[data-ghost]')?.textContent !== '');
  return ghostOf(page);
}
