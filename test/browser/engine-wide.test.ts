import { expect, it } from 'vitest';
import wideVectors from '../golden/wide-360m.json' with { type: 'json' };
import { loadDecoder, runGolden, shortOnly } from '../unit/engines/golden-run.ts';

/** Some servers unpack `.gz` files themselves, as Vite's does. */
async function fetchPacked(url: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
  if (bytes[0] !== 0x1f) return bytes;
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

it('the fast build agrees with the reference on the widths and heads of SmolLM2 360M', async () => {
  const file = await fetchPacked('/models/fixture/wide-360m.gguf.gz');
  expect(file.length).toBe(wideVectors.model.sizeBytes);
  const result = runGolden(await loadDecoder(file, 'fast'), shortOnly(wideVectors));
  expect(result.tokens).toBeGreaterThanOrEqual(16 * 24);
  // A tenth of the random model's tokens are closer than 0.1 (0.06 of the default model's), and its
  // feed-forward widens errors 2.3 times: fewer are equal than on trained weights, the direction is the same.
  expect(result.equalTokens / result.tokens).toBeGreaterThanOrEqual(0.9);
  expect(result.lowestCosine).toBeGreaterThan(0.999);
}, 60_000);
