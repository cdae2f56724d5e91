import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import wideVectors from '../../golden/wide-360m.json' with { type: 'json' };
import { loadDecoder, runGolden, shortOnly } from './golden-run.ts';

const PACKED = fileURLToPath(new URL('../../../models/fixture/wide-360m.gguf.gz', import.meta.url));

describe('the exact build agrees with an independent float32 computation', () => {
  it('on the widths and heads of SmolLM2 360M, two layers of it', async () => {
    const file = new Uint8Array(gunzipSync(await readFile(PACKED)));
    expect(file.length).toBe(wideVectors.model.sizeBytes);
    const result = runGolden(await loadDecoder(file, 'exact'), shortOnly(wideVectors));
    expect(result.tokens).toBeGreaterThanOrEqual(16 * 24);
    expect(result.lowestCosine).toBeGreaterThanOrEqual(0.9999);
    expect(result.equalTokens / result.tokens).toBeGreaterThanOrEqual(0.995);
    for (const margin of result.missedMargins) expect(margin).toBeLessThan(0.01);
    expect(result.largestLogProbabilityError).toBeLessThan(0.05);
    expect(result.largestLogSumExpError).toBeLessThan(0.05);
  }, 60_000);
});
