// Compiles the loops that measure what one thread can read and multiply at most. Does nothing where they are
// newer than their sources. Also run by `npm run demo`, whose page measures them on the visitor's machine.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileKernel, isUpToDate } from '../scripts/build-kernel.mjs';

const folder = path.join(import.meta.dirname, 'kernels');

const ROOFS = [
  { source: 'read-loop', name: 'read-loop', features: ['simd'] },
  { source: 'dot-rate', name: 'dot-rate-exact', features: ['simd'] },
  { source: 'dot-rate', name: 'dot-rate-fast', features: ['simd', 'relaxed-simd'] },
];

export async function buildRoofs() {
  for (const { source, name, features } of ROOFS) {
    const entry = path.join(folder, `${source}.ts`);
    const outFile = path.join(folder, `${name}.wasm`);
    if (!isUpToDate(outFile, [entry])) await compileKernel({ entry, outFile, features });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  buildRoofs().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
