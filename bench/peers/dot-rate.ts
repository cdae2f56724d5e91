import type { Precision } from '../../src/types.ts';

/** Long enough for the clock of a page that is not isolated (0.1 ms), short enough to repeat. */
const ROUNDS = 400_000;
const STEPS_PER_ROUND = 16;

export interface DotRate {
  /** Billions of multiply-adds a second, now. */
  gigaMacs(): number;
}

/** The loop of ../kernels/dot-rate.ts in the build that this precision computes with. */
export async function createDotRate(precision: Precision): Promise<DotRate> {
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 32_768 });
  const bytes = await fetchKernel(precision);
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } });
  const dotRate = instance.exports['dotRate'] as (rounds: number) => number;
  const stepSize = instance.exports['stepSize'] as () => number;
  const expected = dotRate(ROUNDS);
  return {
    gigaMacs() {
      const startedAt = performance.now();
      const sum = dotRate(ROUNDS);
      const ms = performance.now() - startedAt;
      if (sum !== expected) throw new Error('The dot loop gave another sum');
      return (ROUNDS * STEPS_PER_ROUND * stepSize()) / ms / 1e6;
    },
  };
}

/** Whether this browser has the instructions: `fast` needs relaxed SIMD. */
export async function canCompute(precision: Precision): Promise<boolean> {
  return WebAssembly.validate(await fetchKernel(precision));
}

async function fetchKernel(precision: Precision): Promise<ArrayBuffer> {
  const url =
    precision === 'fast'
      ? new URL('../kernels/dot-rate-fast.wasm', import.meta.url)
      : new URL('../kernels/dot-rate-exact.wasm', import.meta.url);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.pathname} could not be read: HTTP ${response.status}`);
  return response.arrayBuffer();
}
