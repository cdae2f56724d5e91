import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { createRuntime, type Runtime, type RuntimeOptions } from '../../src/index.ts';

const runtimes: Runtime[] = [];
const written = (text: string) => ({ text, previous: '', field: 'note' });
const typing = { before: 'See you tom', after: '', field: 'note' };

function open(options: RuntimeOptions = {}): Runtime {
  const runtime = createRuntime({
    models: { baseUrl: '/test/helpers/fixture-models/' },
    model: 'tiny',
    ...options,
  });
  runtimes.push(runtime);
  return runtime;
}

beforeEach(async () => {
  await open().memory.forget();
});

afterEach(() => {
  vi.unstubAllGlobals();
  for (const runtime of runtimes.splice(0)) runtime.close();
});

async function learn(runtime: Runtime, ...texts: string[]): Promise<void> {
  const had = await runtime.memory.count();
  for (const text of texts) runtime.complete.learn!(written(text));
  await vi.waitFor(async () => expect(await runtime.memory.count()).toBe(had + texts.length));
}

test('what was typed is completed without a model, and without the network', async () => {
  const runtime = open();
  await learn(runtime, 'See you tomorrow', 'See you tomorrow');
  const fetchSpy = vi.fn(globalThis.fetch);
  vi.stubGlobal('fetch', fetchSpy);
  expect(await runtime.complete.suggest(typing)).toMatchObject({ text: 'orrow ', tier: 'memory' });
  expect(fetchSpy).not.toHaveBeenCalled();
});

test('what was typed is there again on the next visit', async () => {
  const first = open();
  await learn(first, 'See you tomorrow');
  first.close();
  await vi.waitFor(async () => {
    const next = open();
    expect(await next.memory.count()).toBe(1);
  });
});

test('a memory that is switched off neither learns nor offers', async () => {
  const runtime = open();
  await learn(runtime, 'See you tomorrow', 'See you tomorrow');
  runtime.memory.isOn = false;
  runtime.complete.learn!(written('never to be known'));
  expect(await runtime.complete.suggest(typing)).toBeNull();
  expect(await runtime.memory.count()).toBe(2);
  expect(open({ memory: false }).memory.isOn).toBe(false);
  expect(() => {
    runtime.memory.isOn = 'no' as never;
  }).toThrow(TypeError);
});

test('forgetting leaves nothing on the disk', async () => {
  const runtime = open();
  await learn(runtime, 'my secret plan');
  await runtime.memory.forget();
  expect(await runtime.memory.count()).toBe(0);
  runtime.close();
  expect(await open().memory.count()).toBe(0);
});
