import type { Engine } from '../types.ts';

/** How to get each engine; what a page does not use is never fetched. */
export type EngineTable = Readonly<Partial<Record<Engine['kind'], () => Promise<Engine>>>>;

export const ENGINES: EngineTable = {
  wasm: async () => {
    const { createWasmEngine } = await import('../engines/wasm/engine.ts');
    return createWasmEngine();
  },
};
