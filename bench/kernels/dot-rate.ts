/**
 * `rounds` times 256 multiply-adds of the kind prompts are computed with, from registers: the most that
 * one WebAssembly thread can do. Relaxed: int8 x int7 into eight i16 sums; portable: int16 pairs into
 * four i32 sums. Gives a checksum so that nothing can be left out.
 */
export function dotRate(rounds: i32): i32 {
  const w = i8x16.splat(1), x = i8x16.splat(2), y = i8x16.splat(3), z = i8x16.splat(4);
  let p = i8x16.splat(5), q = i8x16.splat(6), r = i8x16.splat(7), t = i8x16.splat(8);
  let a = i32x4.splat(0), b = a, c = a, d = a;
  for (let round = 0; round < rounds; round++) {
    // Sixteen different products: of equal ones a compiler computes one.
    a = step(a, w, p); b = step(b, x, p); c = step(c, y, p); d = step(d, z, p);
    a = step(a, w, q); b = step(b, x, q); c = step(c, y, q); d = step(d, z, q);
    a = step(a, w, r); b = step(b, x, r); c = step(c, y, r); d = step(d, z, r);
    a = step(a, w, t); b = step(b, x, t); c = step(c, y, t); d = step(d, z, t);
    // New operands for the next round, so that nothing is computed before the loop.
    p = v128.xor(p, w); q = v128.xor(q, w); r = v128.xor(r, w); t = v128.xor(t, w);
  }
  const sum = v128.xor(v128.xor(a, b), v128.xor(c, d));
  return i32x4.extract_lane(sum, 0) ^ i32x4.extract_lane(sum, 3);
}

/** Multiply-adds of one step. */
export function stepSize(): i32 {
  return ASC_FEATURE_RELAXED_SIMD ? 16 : 8;
}

// @ts-ignore: decorator
@inline
function step(sum: v128, x: v128, y: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i16x8.add(sum, i16x8.relaxed_dot_i8x16_i7x16_s(x, y));
  return i32x4.add(sum, i32x4.dot_i16x8_s(x, y));
}
