// `npm run test:full`: the slow checks. Cross-origin isolated pages, and what a customer does: install
// the packed package, build an app with it, open it in a browser.
import { ensureBrowser } from './ensure-browser.mjs';
import { runNode } from './helpers/command.mjs';
import { createTally, runVitest } from './helpers/test-tally.mjs';

const MINUTE_MS = 60_000;

const GROUPS = [
  { name: 'isolated', config: 'vitest.isolated.config.ts', timeoutMs: 10 * MINUTE_MS },
  { name: 'full', config: 'vitest.full.config.ts', timeoutMs: 30 * MINUTE_MS },
];

const tally = createTally();

async function build() {
  for (const script of ['scripts/build-kernel.mjs', 'scripts/build-package.mjs']) {
    const result = await runNode(script, [], { echo: true });
    if (result.code !== 0) return tally.fail(script);
  }
}

function browserEnvironment() {
  try {
    return { ...process.env, EDGEWISE_CHROMIUM: ensureBrowser() };
  } catch (error) {
    console.error(error.message);
    tally.fail('browser: none found');
    return process.env;
  }
}

const env = browserEnvironment();
await build();
for (const { name, config, timeoutMs } of GROUPS) {
  await runVitest(tally, { name, vitestArguments: ['--config', config], timeoutMs, env });
}
tally.close();
