import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { BrowserContext, Page } from 'playwright';

import { type ScriptedServer, startScriptedServer, streamOf } from '../helpers/scripted-server.ts';
import { type Playground, startPlayground } from './open-playground.ts';

const CLEAR = 'How do I change my PIN?';
const FOREIGN = 'Which heron nests beside the quarry?';
const CERTIFICATES = JSON.parse(
  readFileSync(
    path.resolve(import.meta.dirname, '../../models/students/banking77/certificates.json'),
    'utf8',
  ),
).certificates as readonly { alpha: number; keptShare: number; threshold: number }[];

let playground: Playground;
let visitor: BrowserContext;
let page: Page;

async function begin(args: readonly string[]): Promise<void> {
  playground = await startPlayground(['--no-pull', ...args]);
  visitor = await playground.newVisitor();
}

async function open(): Promise<void> {
  page = await playground.open(visitor);
  await page.locator('#budget').waitFor();
}

async function sort(text: string): Promise<void> {
  await page.locator('#triage').fill(text);
  await page.locator('#triage-submit').click();
  await page.locator('#triage-result[data-state="done"]').waitFor();
}

function data(name: string): Promise<string | null> {
  return page.locator('#triage-result').getAttribute(`data-${name}`);
}

/** Requests since `start` that could carry a text. The page itself may look for a newer student. */
function sentSince(start: number) {
  return playground.proxy.requests.slice(start).filter(({ method, path: address, requestBody }) => {
    const isPlain = method === 'GET' && requestBody === '' && !address.includes('?');
    return !isPlain;
  });
}

function resultText(): Promise<string> {
  return page.locator('#triage-result').innerText();
}

describe('without an endpoint', () => {
  beforeAll(() => begin([]));
  afterAll(() => playground.close());
  beforeEach(async () => {
    await open();
    return () => page.close();
  });

  test('a message is sorted before anything was agreed to, and nothing is sent', async () => {
    const start = playground.proxy.requests.length;
    expect(await page.locator('#model-panel').isVisible()).toBe(true);
    await page.locator('#mode').selectOption('only-on-device');
    await sort(CLEAR);
    expect(await data('label')).toBe('change_pin');
    expect(await data('tier')).toBe('student');
    expect(await data('reason')).toBe('confident');
    expect(Number(await data('confidence'))).toBeGreaterThan(0.9);
    expect(await resultText()).toContain('nothing left this device');
    await sort(FOREIGN);
    expect(await data('tier')).toBe('student');
    expect(await data('reason')).toBe('mode-only-on-device');
    expect(sentSince(start)).toEqual([]);
    expect(playground.problems).toEqual([]);
  });

  test('sorting takes milliseconds', async () => {
    await sort(CLEAR);
    const times = await page.evaluate(async (text) => {
      const taken: number[] = [];
      for (let index = 0; index < 30; index += 1) {
        const input = { kind: 'text', text: `${text} ${index}` } as const;
        const sorted = await globalThis.edgewiseDemo?.classify({ task: 'classify', input });
        taken.push(sorted?.receipt.busyMs ?? Number.NaN);
      }
      return taken.toSorted((left, right) => left - right);
    }, CLEAR);
    expect(times[15]).toBeLessThan(5);
  });

  test('below the threshold the page says that nobody else can be asked', async () => {
    const start = playground.proxy.requests.length;
    await sort(FOREIGN);
    expect(await data('tier')).toBe('student');
    expect(await data('reason')).toBe('remote-unavailable');
    expect(await resultText()).toMatch(
      /Not sure enough \(0\.\d\d, needs 0\.\d\d\)\. No server is set up to ask\. This is a best guess\./,
    );
    expect(sentSince(start)).toEqual([]);
  });

  test('each prepared message is sorted with one press', async () => {
    const examples = page.locator('.example');
    expect(await examples.count()).toBe(8);
    const reasons: (string | null)[] = [];
    for (const example of await examples.all()) {
      const text = await example.innerText();
      await example.click();
      await page.locator('#triage-result[data-state="done"]').waitFor();
      expect(await page.locator('#triage').inputValue()).toBe(text);
      reasons.push(await data('reason'));
    }
    expect(reasons.slice(0, 3)).toEqual(['confident', 'confident', 'confident']);
    // The last two are no matter of a bank.
    expect(reasons.slice(-2)).toEqual(['remote-unavailable', 'remote-unavailable']);
  });

  test('the loss budget redraws what stays here and its certificate', async () => {
    for (const [index, { alpha, keptShare, threshold }] of CERTIFICATES.entries()) {
      await page.locator('#loss-budget').fill(String(index));
      const certificate = page.locator('#certificate');
      expect(await certificate.getAttribute('data-kept')).toBe(keptShare.toFixed(4));
      expect(await certificate.getAttribute('data-threshold')).toBe(threshold.toFixed(4));
      expect(
        await page.locator('#kept-bar').evaluate((bar: HTMLProgressElement) => bar.value),
      ).toBe(keptShare);
      expect(await page.locator('#loss-budget-value').innerText()).toBe(`${alpha * 100} %`);
      const text = await certificate.innerText();
      expect(text).toContain('3,080 labelled messages');
      expect(text).toMatch(/SHA-256 [0-9a-f]{8}…\), \d{4}-\d{2}-\d{2}/);
      expect(text).toContain('CC BY 4.0');
    }
  });

  test('a tighter budget keeps less: the message is judged anew', async () => {
    await page.getByRole('button', { name: 'The exchange rate abroad looks wrong.' }).click();
    await page.locator('#triage-result[data-state="done"]').waitFor();
    await page.locator('#loss-budget').fill('2');
    await page.locator('#triage-result[data-reason="confident"]').waitFor();
    await page.locator('#loss-budget').fill('0');
    await page.locator('#triage-result[data-reason="remote-unavailable"]').waitFor();
  });

  test('works by keyboard alone', async () => {
    await page.locator('#triage').focus();
    await page.keyboard.type(CLEAR);
    await page.keyboard.press('Enter');
    await page.locator('#triage-result[data-state="done"]').waitFor();
    expect(await page.locator('#triage').inputValue()).toBe(CLEAR);
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('triage-submit');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForFunction(
      () =>
        document.querySelector<HTMLElement>('#triage-result')?.dataset['label'] !== 'change_pin',
    );
    await page.locator('#loss-budget').focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#loss-budget').getAttribute('aria-valuetext')).toBe('5 %');
  });

  test('an emptied field clears the result and takes the focus', async () => {
    await sort(CLEAR);
    await page.locator('#triage').fill(' ');
    await page.locator('#triage-submit').click();
    expect(await data('state')).toBe('idle');
    expect(await data('label')).toBe('');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('triage');
  });

  test('the second visit needs no network for it', async () => {
    await sort(CLEAR);
    await page.close();
    await visitor.route('**/models/students/**', (route) => route.abort());
    await open();
    await sort(CLEAR);
    expect(await data('label')).toBe('change_pin');
    await visitor.unroute('**/models/students/**');
  });
});

describe('with an endpoint', () => {
  let upstream: ScriptedServer;
  let folder: string;

  beforeAll(async () => {
    upstream = await startScriptedServer();
    folder = mkdtempSync(path.join(tmpdir(), 'edgewise-sort-'));
    const file = path.join(folder, 'relay.json');
    const baseUrl = `${upstream.origin}/v1`;
    const row = { id: 'big', alias: 'frontier', kind: 'openai', baseUrl, model: 'm-1' };
    writeFileSync(file, JSON.stringify({ upstreams: [row] }));
    await begin(['--relay-config', file]);
  });
  afterAll(async () => {
    await playground.close();
    await upstream.close();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    await open();
    return () => page.close();
  });

  const say = (...words: string[]): void =>
    upstream.play((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(streamOf(words));
    });

  test('what the device is not sure of is sorted there, with the reason', async () => {
    say('lost_or_', 'stolen_card');
    const start = playground.proxy.requests.length;
    await sort(FOREIGN);
    expect(await data('tier')).toBe('frontier');
    expect(await data('label')).toBe('lost_or_stolen_card');
    expect(await data('reason')).toBe('low-confidence');
    expect(await resultText()).toMatch(
      /Not sure enough \(0\.\d\d, needs 0\.\d\d\), so the server was asked\./,
    );
    const bodies = sentSince(start).map(({ requestBody }) => requestBody);
    expect(bodies.filter((body) => body.includes('heron'))).toHaveLength(1);
  });

  test('what the device is sure of never leaves it', async () => {
    const start = playground.proxy.requests.length;
    await sort(CLEAR);
    expect(await data('tier')).toBe('student');
    expect(sentSince(start)).toEqual([]);
  });

  test('an answer that is no topic is not taken for one', async () => {
    say('Herons ', 'are birds.');
    await sort(FOREIGN);
    expect(await data('tier')).toBe('student');
    expect(await resultText()).toContain('The server named none of the topics.');
  });

  test('with the plug pulled the best guess stands, and says why', async () => {
    await page.locator('#plug').click();
    const start = playground.proxy.requests.length;
    await sort(FOREIGN);
    expect(await data('tier')).toBe('student');
    expect(await resultText()).toContain('The plug is pulled.');
    expect(sentSince(start)).toEqual([]);
  });
});
