// Writes the catalogue and manifests that serve models/fixture to tests. Run it when a fixture model
// changes: node test/helpers/fixture-models/write-manifests.mjs
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const here = import.meta.dirname;
/** Small, so that a model of a few hundred kB has several shards. */
const SHARD_BYTES = 64 * 1024;

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const write = (file, value) =>
  writeFileSync(path.join(here, file), `${JSON.stringify(value, null, 2)}\n`);

function describe(id) {
  const file = `${id}.gguf`;
  const bytes = readFileSync(path.join(here, '../../../models/fixture', file));
  const entry = {
    id,
    name: `Fixture ${id}`,
    description: 'Random weights, for tests.',
    licence: { id: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    languages: ['en'],
    architecture: 'llama',
    quantisation: 'mixed',
    file,
    sizeBytes: bytes.length,
    sha256: sha256(bytes),
    contextLength: 256,
  };
  const shards = [];
  for (let start = 0; start < bytes.length; start += SHARD_BYTES) {
    shards.push(sha256(bytes.subarray(start, start + SHARD_BYTES)));
  }
  mkdirSync(path.join(here, id), { recursive: true });
  write(`${id}/manifest.json`, { version: 1, ...entry, shardBytes: SHARD_BYTES, shards });
  const link = path.join(here, id, file);
  if (!existsSync(link)) symlinkSync(`../../../../models/fixture/${file}`, link);
  return entry;
}

write('catalogue.json', ['tiny', 'tiny-mixed'].map(describe));
