import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { main } from '../../../src/cli/main.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'edgewise-relay-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const MODEL = {
  id: 'tiny',
  name: 'Tiny',
  description: 'Random weights.',
  licence: { id: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
  languages: ['en'],
  architecture: 'llama',
  quantisation: 'Q4_1',
  file: 'tiny.gguf',
  sizeBytes: 1,
  sha256: 'a'.repeat(64),
  contextLength: 64,
};

/** What the command prints until it serves; it is stopped then, as Ctrl+C would. */
async function printedAtStart(...argv: string[]): Promise<string> {
  let printed = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    if (printed.includes('Ctrl+C')) process.listeners('SIGINT').at(-1)?.('SIGINT');
    return true;
  });
  expect(await main(['relay', '--port', '0', ...argv])).toBe(0);
  write.mockRestore();
  return printed;
}

it('says at start that the folder of --local holds no model', async () => {
  const nowhere = path.join(folder, 'nope');
  const printed = await printedAtStart('--local', '--models-dir', nowhere);
  expect(printed).toContain(`no model in ${nowhere}`);
  expect(printed).toContain(`npx --no-install edgewise pull --out ${nowhere}`);
});

it.each([
  ['an empty catalogue', '[]'],
  ['a damaged catalogue', '[{'],
])('says so for %s too', async (_what, text) => {
  await writeFile(path.join(folder, 'catalogue.json'), text);
  expect(await printedAtStart('--local', '--models-dir', folder)).toContain('no model in');
});

it('warns of a configured model the folder does not have, and of no other', async () => {
  await writeFile(path.join(folder, 'catalogue.json'), JSON.stringify([MODEL]));
  expect(await printedAtStart('--local', '--models-dir', folder)).not.toContain('no model');
  const config = path.join(folder, 'relay.json');
  const upstreams = ['tiny', 'other'].map((model) => {
    return { id: model, kind: 'local', model, modelsDir: folder };
  });
  await writeFile(config, JSON.stringify({ upstreams }));
  const printed = await printedAtStart('--config', config);
  expect(printed).toContain(`no model "other" in ${folder}`);
  expect(printed).not.toContain('no model "tiny"');
});

it('names the packages it needs in its help', async () => {
  let printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((printed += String(text)), true));
  expect(await main(['relay', '--help'])).toBe(0);
  expect(printed).toContain('npm install hono @hono/node-server valibot');
});
