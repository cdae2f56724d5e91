import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createWasmEngine } from '../../src/engines/wasm/engine.ts';
import type { LoadedModel } from '../../src/types.ts';
import { realModelPath } from '../helpers/real-model.ts';
import { describeEngine, generate, prefixRequest, sourceOf } from './engine.contract.ts';

for (const fixture of ['tiny', 'tiny-mixed', 'tiny-gemma']) {
  describeEngine(`wasm on ${fixture}`, {
    createEngine: createWasmEngine,
    readModel: async () =>
      new Uint8Array(
        await readFile(new URL(`../../models/fixture/${fixture}.gguf`, import.meta.url)),
      ),
  });
}

describe('in a browser that cannot compute it', () => {
  const load = async (): Promise<LoadedModel> => {
    const file = await readFile(new URL('../../models/fixture/tiny.gguf', import.meta.url));
    return createWasmEngine().load(sourceOf(new Uint8Array(file)));
  };

  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  it('says that WebAssembly is missing', async () => {
    vi.stubGlobal('WebAssembly', undefined);
    await expect(load()).rejects.toMatchObject({ name: 'UnsupportedError', code: 'no-wasm' });
  });

  it('says that SIMD is missing', async () => {
    vi.spyOn(WebAssembly, 'validate').mockReturnValue(false);
    await expect(load()).rejects.toMatchObject({ name: 'UnsupportedError', code: 'no-simd' });
  });

  it('says that memory is missing', async () => {
    vi.spyOn(WebAssembly.Memory.prototype, 'grow').mockImplementation(() => {
      throw new RangeError('Maximum memory size exceeded');
    });
    await expect(load()).rejects.toMatchObject({ name: 'EngineError', code: 'out-of-memory' });
  });
});

const realModel = realModelPath();

describe.runIf(realModel !== null)('wasm on the default model', () => {
  let model: LoadedModel;

  beforeAll(async () => {
    const file = new Uint8Array(await readFile(realModel!));
    model = await createWasmEngine().load(sourceOf(file, 4 * 1024 * 1024), { precision: 'exact' });
  }, 60_000);

  afterAll(() => model.dispose());

  it('keeps within the memory that the layout plans', () => {
    expect(model.info).toMatchObject({ vocabularySize: 49_152, parameters: 134_515_008 });
    // 96.6 MB weights, 11.8 MB for each slot of 512 positions in float32 twice, scratch.
    expect(model.info.memoryBytes).toBeLessThan(135_000_000);
  });

  // Each is what the word most plausibly becomes; without healing none of them comes out.
  it.each([
    ['The capital of Fra', 'nce'],
    ['I would like to tha', 'nk'],
    ['Thank you for your he', 'lp'],
    ['The meeting is on Thurs', 'day'],
    ['She said she doesn', "'t"],
    ['https://www.goo', 'gle'],
    ['See you tom', 'orrow'],
    ['Best reg', 'ards'],
  ])('finishes the word in "%s"', async (before, rest) => {
    const { text, evidence } = await generate(model, prefixRequest('typing', before));
    expect(text.startsWith(rest)).toBe(true);
    expect(evidence.length).toBeGreaterThan(0);
  });

  it('gives at each key what a new session gives', async () => {
    const text = 'Thank you for your letter of the 3rd';
    for (const length of [14, 15, 16, 18, 25, 26, 22, 23, 33, 36]) {
      const request = prefixRequest('keys', text.slice(0, length), { maxTokens: 3 });
      const warm = await generate(model, request);
      const cold = await generate(model, { ...request, sessionId: `cold ${length}` });
      expect(warm.text).toBe(cold.text);
      expect(warm.evidence).toEqual(cold.evidence);
    }
  });

  it('knows the capital of France', async () => {
    const input = { kind: 'text', text: 'What is the capital of France?' } as const;
    const { text, reason } = await generate(model, { sessionId: 'chat', input, maxTokens: 30 });
    expect(text).toContain('Paris');
    expect(reason).toBe('stop');
  });
});
