// The page that visitors measure their own machine with, run in this machine's browser: `npm run demo`
// serves it, its button is pressed, its own result is read. `--save` keeps the figures as those that the page
// shows beside the visitor's.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright';
import { ensureBrowser } from '../scripts/ensure-browser.mjs';
import { root } from '../scripts/helpers/command.mjs';
import { describeMachine, loadAverageNow } from './bench-page.mjs';
import { atMost } from './report.mjs';

const RUN_TIMEOUT_MS = 180_000;
/** As for `decode`, through the package: a token may take so many times what reading its bytes takes. */
const READ_BAR = 2;
const READ_GOAL = 1.3;
const referenceFile = path.join(root, 'demo/bench/reference.json');

export async function measure({ isSaved }) {
  const demo = await startDemo();
  const browser = await chromium.launch({ executablePath: ensureBrowser() });
  try {
    const machine = describeMachine(browser);
    const { figures, context } = await runPage(browser, demo.url);
    if (isSaved) save(figures, machine);
    return {
      figures,
      bars: [
        {
          ...atMost('decode (fast) relative to reading its bytes', figures.fastPerRead, READ_BAR),
          goal: READ_GOAL,
        },
      ],
      context: { ...context, ...machine, loadAverageAfter: loadAverageNow() },
    };
  } finally {
    await browser.close();
    await demo.stop();
  }
}

async function startDemo() {
  const child = spawn(process.execPath, [path.join(root, 'scripts/demo.mjs'), '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let printed = '';
  const url = await new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      printed += chunk;
      const found = /http:\/\/127\.0\.0\.1:\d+\/bench\//.exec(printed);
      if (found !== null) resolve(found[0]);
    });
    void ended.then((code) => reject(new Error(`The demo ended with ${code}:\n${printed}`)));
  });
  return {
    url,
    stop() {
      child.kill('SIGINT');
      return ended;
    },
  };
}

async function runPage(browser, url) {
  const permissions = ['clipboard-read', 'clipboard-write'];
  const page = await (await browser.newContext({ permissions })).newPage();
  page.setDefaultTimeout(RUN_TIMEOUT_MS);
  await page.goto(url);
  await page.locator('#start:enabled').click();
  const run = page.locator('#run:is([data-state="done"], [data-state="failed"])');
  await run.waitFor();
  if ((await run.getAttribute('data-state')) === 'failed') {
    throw new Error(`The page says: ${await page.locator('#run-problem').innerText()}`);
  }
  await page.locator('#copy-json').click();
  await page.locator('#copy-note:not(:empty)').waitFor();
  return JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
}

function save(figures, { cpu, cores, browser }) {
  const reference = JSON.parse(readFileSync(referenceFile, 'utf8'));
  const machine = `${cpu}, ${cores} shared cores, ${browser}, ${new Date().toISOString().slice(0, 10)}.`;
  const kept = { ...reference, machine, figures };
  writeFileSync(referenceFile, `${JSON.stringify(kept, null, 2)}\n`);
}
