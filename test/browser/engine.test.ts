import { createWasmEngine } from '../../src/engines/wasm/engine.ts';
import { describeEngine } from '../contract/engine.contract.ts';

// The fast build where the browser has relaxed SIMD: the cases are those that Node runs.
describeEngine('wasm in this browser', {
  createEngine: createWasmEngine,
  readModel: async () => {
    const response = await fetch('/models/fixture/tiny.gguf');
    return new Uint8Array(await response.arrayBuffer());
  },
});
