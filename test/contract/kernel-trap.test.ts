import { afterEach, describe, expect, it, vi } from 'vitest';
import { connect } from '../../src/worker/connect.ts';
import { collect, request, tokensOf } from './host.contract.ts';

const FIXTURES = new URL('../helpers/fixture-models/', import.meta.url);

/** Lets the kernels that exist when `trap` is called trap from then on; later ones are sound. */
function watchKernels(): { count(): number; trap(): void } {
  const instantiate = WebAssembly.instantiate.bind(WebAssembly);
  let count = 0;
  let lastBroken = 0;
  const watch = async (
    source: WebAssembly.Module | BufferSource,
    imports?: WebAssembly.Imports,
  ): Promise<unknown> => {
    // Others use WebAssembly here too, the test runner among them.
    if (source instanceof WebAssembly.Module || imports?.['env']?.['memory'] === undefined) {
      return instantiate(source, imports);
    }
    const { module, instance } = await instantiate(source, imports);
    count += 1;
    const number = count;
    const isBroken = (): boolean => number <= lastBroken;
    return { module, instance: { exports: guardAll(instance.exports, isBroken) } };
  };
  vi.spyOn(WebAssembly, 'instantiate').mockImplementation(watch as never);
  return {
    count: () => count,
    trap() {
      lastBroken = count;
    },
  };
}

function guardAll(exports: WebAssembly.Exports, isBroken: () => boolean): WebAssembly.Exports {
  return Object.fromEntries(
    Object.entries(exports).map(([name, value]) => {
      if (typeof value !== 'function') return [name, value];
      const guarded = (...parameters: readonly unknown[]): unknown => {
        if (isBroken()) throw new WebAssembly.RuntimeError('unreachable');
        return Reflect.apply(value, undefined, parameters);
      };
      return [name, guarded];
    }),
  );
}

describe('a kernel that traps', () => {
  afterEach(() => void vi.restoreAllMocks());

  it('fails its answer as worth repeating, and the next call gets a new kernel', async () => {
    const kernels = watchKernels();
    const connection = connect({ baseUrl: FIXTURES, inProcess: true });
    try {
      const before = tokensOf(await collect(connection, request('a', 'Hello', 4)));
      expect(kernels.count()).toBe(1);
      kernels.trap();
      await expect(collect(connection, request('a', 'Hello you', 4))).rejects.toMatchObject({
        code: 'internal',
        isRetryable: true,
      });
      expect(tokensOf(await collect(connection, request('a', 'Hello', 4)))).toEqual(before);
      expect(kernels.count()).toBe(2);
    } finally {
      connection.close();
    }
  });
});
