const PAGE_BYTES = 65_536;
/** What the kernels of this folder are compiled to expect. */
const LEAST_PAGES = 16;
/** The loop reads whole steps of this many bytes. */
const STEP_BYTES = 128;

export interface ReadLoop {
  /** Time of one pass over all bytes. */
  passMs(): number;
}

/** A memory of its own with so many bytes, all touched, and the loop of ../kernels/read-loop.ts over it. */
export async function createReadLoop(byteLength: number): Promise<ReadLoop> {
  const length = Math.ceil(byteLength / STEP_BYTES) * STEP_BYTES;
  const memory = new WebAssembly.Memory({
    initial: Math.max(LEAST_PAGES, Math.ceil(length / PAGE_BYTES) + 1),
    maximum: 32_768,
  });
  const words = new Uint32Array(memory.buffer);
  for (let index = 0; index < words.length; index++) words[index] = Math.imul(index, 2_654_435_761);
  const response = await fetch(new URL('../kernels/read-loop.wasm', import.meta.url));
  const { instance } = await WebAssembly.instantiate(await response.arrayBuffer(), {
    env: { memory },
  });
  const readLoop = instance.exports['readLoop'] as (start: number, bytes: number) => number;
  const expected = readLoop(0, length);
  return {
    passMs() {
      const startedAt = performance.now();
      const sum = readLoop(0, length);
      const ms = performance.now() - startedAt;
      if (sum !== expected) throw new Error('The read loop gave another sum');
      return ms;
    },
  };
}
