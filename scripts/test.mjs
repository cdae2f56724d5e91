// `npm test`: everything but the slow checks. Browser, check, model, then the tests: unit and contract
// in Node, browser in Chromium, end to end on the built files. The last line counts all of it.
import { ensureBrowser } from './ensure-browser.mjs';
import { runChecks } from './check.mjs';
import { runNode } from './helpers/command.mjs';
import { createTally, runVitest } from './helpers/test-tally.mjs';

const MINUTE_MS = 60_000;

/** A group that hangs is stopped well before the whole run's budget of ten minutes is lost twice. */
const GROUPS = [
  { name: 'unit and contract', projects: ['unit', 'contract'], timeoutMs: 5 * MINUTE_MS },
  { name: 'browser', projects: ['browser'], timeoutMs: 5 * MINUTE_MS },
  { name: 'end to end', projects: ['e2e'], timeoutMs: 6 * MINUTE_MS },
];

const tally = createTally();

function findBrowser() {
  try {
    const browser = ensureBrowser();
    console.log(`browser  ${browser}`);
    return { ...process.env, EDGEWISE_CHROMIUM: browser };
  } catch (error) {
    console.error(error.message);
    tally.fail('browser: none found');
    return process.env;
  }
}

async function check() {
  console.log('\n== check');
  for (const { name, isOk } of await runChecks()) {
    if (isOk) tally.pass();
    else tally.fail(`check: ${name}`);
  }
}

/** The real model: 98 MB once per user. Without it the tests that need it cannot say anything. */
async function pullModel() {
  console.log('\n== model');
  if (process.env['EDGEWISE_OFFLINE'] === '1')
    return tally.skip('model: pull', 'EDGEWISE_OFFLINE=1');
  const result = await runNode('dist/cli/edgewise.js', ['pull'], { echo: true });
  if (result.code === 0) tally.pass();
  else tally.fail('model: pull (set EDGEWISE_OFFLINE=1 to test without it)');
}

const env = findBrowser();
await check();
await pullModel();
for (const { name, projects, timeoutMs } of GROUPS) {
  const vitestArguments = projects.map((project) => `--project=${project}`);
  await runVitest(tally, { name, vitestArguments, timeoutMs, env });
}
tally.close();
