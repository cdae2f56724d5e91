import { UnsupportedError } from '../errors.ts';

/**
 * A module with one function that uses one SIMD instruction: `() → v128: i8x16.splat(0)`. Browsers
 * without SIMD find it invalid.
 */
// oxfmt-ignore
const SIMD_PROBE = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, // magic, version 1
  0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b, // type: () → v128
  0x03, 0x02, 0x01, 0x00, // function 0 has type 0
  0x0a, 0x08, 0x01, 0x06, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x0b, // i32.const 0, i8x16.splat
]);

/** What of the environment decides whether a model can run here. */
export interface Capabilities {
  readonly hasWorker: boolean;
  readonly hasWebAssembly: boolean;
  readonly hasSimd: boolean;
  /** `AbortSignal.any` and `Intl.Segmenter`, which cancelling and finding words need. */
  readonly hasCurrentApis: boolean;
  /** The page was opened from disk: browsers then refuse module workers and fetch. */
  readonly isFilePage: boolean;
}

/** Looks at the environment; every test of it that the worker folder needs is here. */
export function readCapabilities(): Capabilities {
  const hasWebAssembly = typeof WebAssembly === 'object';
  return {
    hasWorker: typeof Worker === 'function',
    hasWebAssembly,
    hasSimd: hasWebAssembly && WebAssembly.validate(SIMD_PROBE),
    hasCurrentApis: typeof AbortSignal.any === 'function' && typeof Intl.Segmenter === 'function',
    isFilePage: typeof location === 'object' && location.protocol === 'file:',
  };
}

/** Why a model cannot run here, with what to do about it; `null` when it can. */
export function findObstacle(
  capabilities: Capabilities,
  options: { readonly isInProcess: boolean },
): UnsupportedError | null {
  if (capabilities.isFilePage) {
    return new UnsupportedError(
      'file-page',
      'This page was opened from disk (file:), where browsers allow neither module workers nor fetch. Serve its folder over http, for example with `npx vite`, and open the printed address.',
    );
  }
  if (!capabilities.hasWebAssembly) {
    return new UnsupportedError(
      'no-wasm',
      'This browser has no WebAssembly (or switched it off, as lockdown modes do), so the model cannot run on the device. Use another browser, or configure an endpoint for the cloud.',
    );
  }
  if (!capabilities.hasSimd) {
    return new UnsupportedError(
      'no-simd',
      'This browser has WebAssembly without SIMD, which the engine needs. Update it (Chrome 116, Firefox 125, Safari 17.4 or later), or configure an endpoint for the cloud.',
    );
  }
  if (!capabilities.hasCurrentApis) {
    return new UnsupportedError(
      'feature-missing',
      'This browser is too old: it lacks AbortSignal.any or Intl.Segmenter. Update it (Chrome 116, Firefox 125, Safari 17.4 or later).',
    );
  }
  if (!capabilities.hasWorker && !options.isInProcess) {
    return new UnsupportedError(
      'no-worker',
      'There are no web workers here. To run the model on this thread, say so: createRuntime({ inProcess: true }).',
    );
  }
  return null;
}

/** Web Locks, where the page may use them (https or localhost). */
export function findLocks(): LockManager | null {
  return typeof navigator === 'object' ? (navigator.locks ?? null) : null;
}
