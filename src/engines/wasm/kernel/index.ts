// Entry of both kernel builds: everything the TypeScript side calls.
export { repackQ4_0, repackQ4_1, repackQ8_0, repackF16, repackF32 } from './repack';
export { repackQ5_0, repackQ5_1, repackQ4_K, repackQ5_K, repackQ6_K } from './repack-5bit';
export { quantizeInt8, quantizeInt16 } from './quantize';
export { matvec4, matmul4x4, matmul4x8 } from './matmul4';
export { matvec8, matvec8Fine, matmul8, matmul8Fine, matmulF16, matmulF32 } from './matmul8';
export { embedRow4, embedRow8, embedRow8Fine, embedRowF16, embedRowF32 } from './embed';
export { rmsNorm, add, scale, siluMultiply, geluMultiply, rotate, rotateHalves } from './elementwise';
export { storeKeyValue, attend } from './attention';
export { storeKeyValueHalf, attendHalf } from './attention-half';
export { warmCache } from './warm-cache';
export { pickGreedy } from './pick';

/** First byte of memory that is free for weights, caches and scratch. */
export function heapBase(): usize {
  return __heap_base;
}

/** 1 in the relaxed SIMD build (int8 activations for 4-bit matrices), else 0. */
export function usesInt8(): i32 {
  return ASC_FEATURE_RELAXED_SIMD ? 1 : 0;
}
