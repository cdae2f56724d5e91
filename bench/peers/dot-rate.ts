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
  const url =
    precision === 'fast'
      ? new URL('../kernels/dot-rate-fast.wasm', import.meta.url)
      : new URL('../kernels/dot-rate-exact.wasm', import.meta.url);
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 32_768 });
  const bytes = await (await fetch(url)).arrayBuffer();
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
