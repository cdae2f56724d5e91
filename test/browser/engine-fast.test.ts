import { describe, expect, it } from 'vitest';
import catalogue from '../../models/catalogue.json' with { type: 'json' };
import type { Precision } from '../../src/types.ts';
import realVectors from '../golden/smollm2-135m-instruct-q4_1.json' with { type: 'json' };
import tinyVectors from '../golden/tiny.json' with { type: 'json' };
import tinyGemmaVectors from '../golden/tiny-gemma.json' with { type: 'json' };
import tinyKVectors from '../golden/tiny-k.json' with { type: 'json' };
import tinyMixedVectors from '../golden/tiny-mixed.json' with { type: 'json' };
import { loadDecoder, runGolden } from '../unit/engines/golden-run.ts';
import type { GoldenFile, GoldenResult } from '../unit/engines/golden-run.ts';

const FIXTURES = [
  { file: 'tiny.gguf', golden: tinyVectors },
  { file: 'tiny-mixed.gguf', golden: tinyMixedVectors },
  { file: 'tiny-k.gguf', golden: tinyKVectors },
  { file: 'tiny-gemma.gguf', golden: tinyGemmaVectors },
];

async function fetchModel(url: string): Promise<Uint8Array | null> {
  const response = await fetch(url);
  // A development server answers unknown paths with its page.
  const isPage = response.headers.get('content-type')?.includes('text/html') === true;
  return response.ok && !isPage ? new Uint8Array(await response.arrayBuffer()) : null;
}

async function fetchRealModel(): Promise<Uint8Array | null> {
  const model = catalogue.models.find(({ id }) => id === catalogue.default)!;
  const bytes = await fetchModel(`/models/${model.id}/${model.file}`);
  if (bytes !== null || import.meta.env['EDGEWISE_OFFLINE'] === '1') return bytes;
  throw new Error(
    'The real model is not in public/models. Run: npx --no-install edgewise pull (or set EDGEWISE_OFFLINE=1 to leave these tests out).',
  );
}

async function measure(
  file: Uint8Array,
  golden: GoldenFile,
  precision: Precision,
): Promise<GoldenResult> {
  expect(file.length).toBe(golden.model.sizeBytes);
  const result = runGolden(await loadDecoder(file, precision), golden);
  expect(result.tokens).toBe(24 * 24);
  return result;
}

/** The default model has 0.97; rounding averages out less in fixtures of a tenth of its width. */
function expectFast(result: GoldenResult, equalShare: number): void {
  expect(result.equalTokens / result.tokens).toBeGreaterThanOrEqual(equalShare);
  for (const margin of result.missedMargins) expect(margin).toBeLessThan(0.3);
  // An engine prototype with int8 activations had 0.9877 at the least.
  expect(result.lowestCosine).toBeGreaterThan(0.98);
}

describe('in this browser, which is not cross-origin isolated', () => {
  it.each(FIXTURES)('the fast build agrees with the reference on $file', async (fixture) => {
    const file = (await fetchModel(`/models/fixture/${fixture.file}`))!;
    expect(crossOriginIsolated).toBe(false);
    expectFast(await measure(file, fixture.golden, 'fast'), 0.95);
  });

  it.each(FIXTURES)('the exact build does so with every token on $file', async (fixture) => {
    const file = (await fetchModel(`/models/fixture/${fixture.file}`))!;
    const result = await measure(file, fixture.golden, 'exact');
    expect(result.equalTokens / result.tokens).toBeGreaterThanOrEqual(0.995);
    expect(result.lowestCosine).toBeGreaterThanOrEqual(0.9999);
  });

  it('the fast build agrees with the reference on the default model', async ({ skip }) => {
    const file = await fetchRealModel();
    if (file === null) return skip('EDGEWISE_OFFLINE=1 and no model');
    expectFast(await measure(file, realVectors, 'fast'), 0.97);
  }, 180_000);
});
