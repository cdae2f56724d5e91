// 4-bit matrix times quantised activations. One token: two memory streams (both halves of the rows
// at once), since decoding is bound by reading. A tile of tokens: 4 rows x 4 or 8 tokens, since a
// prompt is bound by arithmetic and registers.
import { BLOCK4_BYTES, SUM_UP, highHalves, lowHalves, multiplyAdd } from './layout';

const ACTIVATION_BYTES: i32 = ASC_FEATURE_RELAXED_SIMD ? 40 : 72; // per block and token
const PART_BYTES: i32 = ASC_FEATURE_RELAXED_SIMD ? 8 : 16; // per 8 columns and token
const VALUE_BYTES: i32 = ASC_FEATURE_RELAXED_SIMD ? 32 : 64; // values of a block and token

// Loaded, not written as constants: V8 rebuilds a SIMD constant with three instructions at each use.
const MASKS = memory.data<u16>([
  0x000f, 0x000f, 0x000f, 0x000f, 0x000f, 0x000f, 0x000f, 0x000f,
  0x0f0f, 0x0f0f, 0x0f0f, 0x0f0f, 0x0f0f, 0x0f0f, 0x0f0f, 0x0f0f,
]);
const MASK: usize = MASKS + (ASC_FEATURE_RELAXED_SIMD ? 16 : 0);
const ONES = memory.data<u16>([1, 1, 1, 1, 1, 1, 1, 1]);

/**
 * acc + the dot products of 4 rows with 8 columns. Relaxed: eight i16 sums of int8 products, at
 * most 16 * 15 * 127 = 30,480 over a block, so they never overflow; portable: four i32 sums.
 */
// @ts-ignore: decorator
@inline
function dot8(acc: v128, w: v128, x: usize, mask: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    const low = v128.and(w, mask);
    const high = v128.and(i16x8.shr_u(w, 4), mask);
    acc = i16x8.add(acc, i16x8.relaxed_dot_i8x16_i7x16_s(v128.load32_splat(x), low));
    return i16x8.add(acc, i16x8.relaxed_dot_i8x16_i7x16_s(v128.load32_splat(x, 4), high));
  }
  const odd = i16x8.shr_u(w, 8);
  acc = i32x4.add(acc, i32x4.dot_i16x8_s(v128.and(w, mask), v128.load32_splat(x)));
  acc = i32x4.add(acc, i32x4.dot_i16x8_s(v128.and(odd, mask), v128.load32_splat(x, 4)));
  acc = i32x4.add(acc, i32x4.dot_i16x8_s(v128.and(w, i16x8.shl(mask, 4)), v128.load32_splat(x, 8)));
  return i32x4.add(acc, i32x4.dot_i16x8_s(i16x8.shr_u(w, 12), v128.load32_splat(x, 12)));
}

/** The block's integer sums of 4 rows as f32. */
// @ts-ignore: decorator
@inline
function widened(acc: v128, ones: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.convert_i32x4_s(i32x4.dot_i16x8_s(acc, ones));
  return f32x4.convert_i32x4_s(acc);
}

/** sum + dots * d * scale + m * scaledTotal. */
// @ts-ignore: decorator
@inline
function settle(sum: v128, acc: v128, d: v128, m: v128, scales: usize, totalOffset: usize, ones: v128): v128 {
  sum = multiplyAdd(widened(acc, ones), f32x4.mul(d, v128.load32_splat(scales)), sum);
  return multiplyAdd(m, v128.load32_splat(scales + totalOffset), sum);
}

// @ts-ignore: decorator
@inline
function finish(sum: v128): v128 {
  return f32x4.mul(sum, f32x4.splat(SUM_UP));
}

/** One token: out[8 * groups] f32. */
export function matvec4(w: usize, groups: i32, blocks: i32, x: usize, out: usize): void {
  const half = groups >> 1;
  const groupBytes = blocks * BLOCK4_BYTES;
  const streamOffset = <usize>(half * groupBytes);
  const outOffset = <usize>(half * 32);
  for (let g = 0; g < half; g++) {
    twoGroups(w, w + streamOffset, blocks, x, out, out + outOffset);
    w += <usize>groupBytes;
    out += 32;
  }
  if (groups & 1) oneGroup(w + streamOffset, blocks, x, out + outOffset);
}

function twoGroups(a: usize, b: usize, blocks: i32, x: usize, outA: usize, outB: usize): void {
  const zero = i32x4.splat(0), mask = v128.load(MASK), ones = v128.load(ONES);
  let sumA0 = zero, sumA1 = zero, sumB0 = zero, sumB1 = zero;
  for (let i = 0; i < blocks; i++) {
    let accA0 = zero, accA1 = zero, accB0 = zero, accB1 = zero;
    // A real loop: unrolled, V8 loads everything first and then spills most of it.
    for (let j: usize = 0; j < 128; j += 32) {
      const at = x + (PART_BYTES == 8 ? j >> 2 : j >> 1);
      accA0 = dot8(accA0, v128.load(a + j, 32), at, mask);
      accA1 = dot8(accA1, v128.load(a + j, 48), at, mask);
      accB0 = dot8(accB0, v128.load(b + j, 32), at, mask);
      accB1 = dot8(accB1, v128.load(b + j, 48), at, mask);
    }
    const scales = x + VALUE_BYTES;
    const dA = v128.load(a), mA = v128.load(a, 16), dB = v128.load(b), mB = v128.load(b, 16);
    sumA0 = settle(sumA0, accA0, lowHalves(dA), lowHalves(mA), scales, 4, ones);
    sumA1 = settle(sumA1, accA1, highHalves(dA), highHalves(mA), scales, 4, ones);
    sumB0 = settle(sumB0, accB0, lowHalves(dB), lowHalves(mB), scales, 4, ones);
    sumB1 = settle(sumB1, accB1, highHalves(dB), highHalves(mB), scales, 4, ones);
    a += BLOCK4_BYTES;
    b += BLOCK4_BYTES;
    x += ACTIVATION_BYTES;
  }
  v128.store(outA, finish(sumA0));
  v128.store(outA, finish(sumA1), 16);
  v128.store(outB, finish(sumB0));
  v128.store(outB, finish(sumB1), 16);
}

function oneGroup(a: usize, blocks: i32, x: usize, out: usize): void {
  const zero = i32x4.splat(0), mask = v128.load(MASK), ones = v128.load(ONES);
  let sum0 = zero, sum1 = zero;
  for (let i = 0; i < blocks; i++) {
    let acc0 = zero, acc1 = zero;
    for (let j = 0; j < 4; j++) {
      const part = a + <usize>(32 + j * 32);
      acc0 = dot8(acc0, v128.load(part), x + <usize>(j * PART_BYTES), mask);
      acc1 = dot8(acc1, v128.load(part, 16), x + <usize>(j * PART_BYTES), mask);
    }
    const d = v128.load(a), m = v128.load(a, 16);
    sum0 = settle(sum0, acc0, lowHalves(d), lowHalves(m), x + VALUE_BYTES, 4, ones);
    sum1 = settle(sum1, acc1, highHalves(d), highHalves(m), x + VALUE_BYTES, 4, ones);
    a += BLOCK4_BYTES;
    x += ACTIVATION_BYTES;
  }
  v128.store(out, finish(sum0));
  v128.store(out, finish(sum1), 16);
}

/** A tile of 4 tokens: out[t * stride + row]. */
export function matmul4x4(w: usize, groups: i32, blocks: i32, x: usize, out: usize, stride: i32): void {
  for (let g = 0; g < groups; g++) {
    rows4x4(w, 32, false, blocks, x, out, stride);
    rows4x4(w, 48, true, blocks, x, out + 16, stride);
    w += <usize>(blocks * BLOCK4_BYTES);
    out += 32;
  }
}

// `upper` picks rows 4-7 of the group; inlined, so it is a constant in each copy.
// @ts-ignore: decorator
@inline
function rows4x4(w: usize, first: usize, upper: bool, blocks: i32, x: usize, out: usize, stride: i32): void {
  const zero = i32x4.splat(0), mask = v128.load(MASK), ones = v128.load(ONES);
  let s0 = zero, s1 = zero, s2 = zero, s3 = zero;
  for (let i = 0; i < blocks; i++) {
    let a0 = zero, a1 = zero, a2 = zero, a3 = zero;
    for (let j = 0; j < 4; j++) {
      const weights = v128.load(w + first + <usize>(j * 32));
      const at = x + <usize>(j * 4 * PART_BYTES);
      a0 = dot8(a0, weights, at, mask);
      a1 = dot8(a1, weights, at + PART_BYTES, mask);
      a2 = dot8(a2, weights, at + 2 * PART_BYTES, mask);
      a3 = dot8(a3, weights, at + 3 * PART_BYTES, mask);
    }
    const d = upper ? highHalves(v128.load(w)) : lowHalves(v128.load(w));
    const m = upper ? highHalves(v128.load(w, 16)) : lowHalves(v128.load(w, 16));
    const scales = x + 4 * VALUE_BYTES;
    s0 = settle(s0, a0, d, m, scales, 16, ones);
    s1 = settle(s1, a1, d, m, scales + 4, 16, ones);
    s2 = settle(s2, a2, d, m, scales + 8, 16, ones);
    s3 = settle(s3, a3, d, m, scales + 12, 16, ones);
    w += BLOCK4_BYTES;
    x += 4 * ACTIVATION_BYTES;
  }
  v128.store(out, finish(s0));
  v128.store(out + <usize>stride, finish(s1));
  v128.store(out + <usize>(2 * stride), finish(s2));
  v128.store(out + <usize>(3 * stride), finish(s3));
}

/** A tile of 8 tokens. */
export function matmul4x8(w: usize, groups: i32, blocks: i32, x: usize, out: usize, stride: i32): void {
  for (let g = 0; g < groups; g++) {
    rows4x8(w, false, blocks, x, out, stride);
    rows4x8(w, true, blocks, x, out + 16, stride);
    w += <usize>(blocks * BLOCK4_BYTES);
    out += 32;
  }
}

// @ts-ignore: decorator
@inline
function rows4x8(w: usize, upper: bool, blocks: i32, x: usize, out: usize, stride: i32): void {
  const zero = i32x4.splat(0), mask = v128.load(MASK), ones = v128.load(ONES);
  let s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero;
  const end = x + <usize>(blocks * 8 * ACTIVATION_BYTES);
  while (x < end) {
    let a0 = zero, a1 = zero, a2 = zero, a3 = zero, a4 = zero, a5 = zero, a6 = zero, a7 = zero;
    const valuesEnd = x + 8 * VALUE_BYTES;
    do {
      const weights = upper ? v128.load(w, 48) : v128.load(w, 32);
      a0 = dot8(a0, weights, x, mask);
      a1 = dot8(a1, weights, x + PART_BYTES, mask);
      a2 = dot8(a2, weights, x + 2 * PART_BYTES, mask);
      a3 = dot8(a3, weights, x + 3 * PART_BYTES, mask);
      a4 = dot8(a4, weights, x + 4 * PART_BYTES, mask);
      a5 = dot8(a5, weights, x + 5 * PART_BYTES, mask);
      a6 = dot8(a6, weights, x + 6 * PART_BYTES, mask);
      a7 = dot8(a7, weights, x + 7 * PART_BYTES, mask);
      w += 32;
      x += 8 * PART_BYTES;
    } while (x < valuesEnd);
    const d = upper ? highHalves(v128.load(w - 128)) : lowHalves(v128.load(w - 128));
    const m = upper ? highHalves(v128.load(w - 112)) : lowHalves(v128.load(w - 112));
    s0 = settle(s0, a0, d, m, x, 32, ones);
    s1 = settle(s1, a1, d, m, x + 4, 32, ones);
    s2 = settle(s2, a2, d, m, x + 8, 32, ones);
    s3 = settle(s3, a3, d, m, x + 12, 32, ones);
    s4 = settle(s4, a4, d, m, x + 16, 32, ones);
    s5 = settle(s5, a5, d, m, x + 20, 32, ones);
    s6 = settle(s6, a6, d, m, x + 24, 32, ones);
    s7 = settle(s7, a7, d, m, x + 28, 32, ones);
    w += 32;
    x += 8 * 8;
  }
  v128.store(out, finish(s0));
  v128.store(out + <usize>stride, finish(s1));
  v128.store(out + <usize>(2 * stride), finish(s2));
  v128.store(out + <usize>(3 * stride), finish(s3));
  v128.store(out + <usize>(4 * stride), finish(s4));
  v128.store(out + <usize>(5 * stride), finish(s5));
  v128.store(out + <usize>(6 * stride), finish(s6));
  v128.store(out + <usize>(7 * stride), finish(s7));
}
