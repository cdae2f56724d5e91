import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { optionalModelPath, realModelPath } from '../../helpers/real-model.ts';
import type { CacheFormat } from '../../../src/engines/wasm/decoder.ts';
import { loadDecoder, runGolden } from './golden-run.ts';
import type { GoldenFile, GoldenResult } from './golden-run.ts';

/** Node 20 does not compile relaxed SIMD: the fast build has the same test in the browser project. */
async function measure(
  modelPath: string,
  vectors: string,
  cacheFormat: CacheFormat = 'f32',
): Promise<GoldenResult> {
  const golden = JSON.parse(await readFile(local(`test/golden/${vectors}`), 'utf8')) as GoldenFile;
  const file = new Uint8Array(await readFile(modelPath));
  expect(file.length).toBe(golden.model.sizeBytes);
  return runGolden(await loadDecoder(file, 'exact', cacheFormat), golden);
}

function local(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url));
}

function expectExact(result: GoldenResult): void {
  expect(result.prompts).toBe(24);
  expect(result.tokens).toBe(24 * 24);
  expect(result.lowestCosine).toBeGreaterThanOrEqual(0.9999);
  expect(result.equalTokens / result.tokens).toBeGreaterThanOrEqual(0.995);
  for (const margin of result.missedMargins) expect(margin).toBeLessThan(0.01);
  // The evidence that confidence is made of; int16 activations were measured to move it by 0.02.
  expect(result.largestLogProbabilityError).toBeLessThan(0.05);
  expect(result.largestMarginError).toBeLessThan(0.05);
  expect(result.largestLogSumExpError).toBeLessThan(0.05);
}

describe('the exact build agrees with an independent float32 computation', () => {
  it.each(['tiny', 'tiny-mixed', 'tiny-k', 'tiny-thirds', 'tiny-gemma'])(
    'on the fixture model %s',
    async (name) => {
      expectExact(await measure(local(`models/fixture/${name}.gguf`), `${name}.json`));
    },
  );

  it.each(['tiny', 'tiny-gemma'])(
    'on the fixture model %s, with keys and values kept in f16',
    async (name) => {
      expectExact(await measure(local(`models/fixture/${name}.gguf`), `${name}.json`, 'f16'));
    },
  );

  const realModel = realModelPath();
  it.runIf(realModel !== null)(
    'on the default model',
    async () => {
      const result = await measure(realModel!, 'smollm2-135m-instruct-q4_1.json');
      expectExact(result);
    },
    120_000,
  );

  const gemma = optionalModelPath('gemma-3-270m-q4_k_m');
  it.runIf(gemma !== null)(
    'on Gemma 3 270M, where it was pulled',
    async () => {
      expectExact(await measure(gemma!, 'gemma-3-270m-q4_k_m.json'));
    },
    240_000,
  );
});
