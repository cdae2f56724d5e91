import type { Manifest } from '../../src/types.ts';
import { sha256Hex } from '../../src/weights/verify.ts';

/** A made-up model file: random bytes and the manifest that fits them. */
export interface FixtureModel {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly manifest: Manifest;
  shard(index: number): Uint8Array<ArrayBuffer>;
}

/** The same seed gives the same bytes. Works in Node and in browsers. */
export async function createFixtureModel(
  options: { sizeBytes?: number; shardBytes?: number; seed?: number } = {},
): Promise<FixtureModel> {
  const { sizeBytes = 100_000, shardBytes = 16_384, seed = 1 } = options;
  const random = createRandom(seed);
  const bytes = Uint8Array.from({ length: sizeBytes }, () => Math.floor(random() * 256));
  const shard = (index: number): Uint8Array<ArrayBuffer> =>
    bytes.slice(index * shardBytes, (index + 1) * shardBytes);
  const indices = Array.from({ length: Math.ceil(sizeBytes / shardBytes) }, (_, index) => index);
  const shards = await Promise.all(indices.map((index) => sha256Hex(shard(index))));
  const manifest: Manifest = {
    version: 1,
    id: `fixture-${seed}`,
    name: 'Fixture',
    description: 'Random bytes.',
    licence: { id: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    languages: ['en'],
    architecture: 'llama',
    quantisation: 'Q4_1',
    file: 'fixture.gguf',
    sizeBytes,
    sha256: await sha256Hex(bytes),
    contextLength: 64,
    shardBytes,
    shards,
  };
  return { bytes, manifest, shard };
}

/** Random numbers from 0 to 1, the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
