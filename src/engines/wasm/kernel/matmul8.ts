// 8-bit, f16 and f32 matrices. The head (8-bit) is read once a token in two memory streams; a tile of
// tokens goes 4 rows x 4 tokens at a time, so that each weight is widened once for four of them.
import {
  BLOCK8_BYTES, BLOCK8_FINE_BYTES, FINE_HEAD_BYTES, SUM_UP, highHalves, lowHalves, multiplyAdd,
} from './layout';

const ACTIVATION_BYTES: i32 = 72; // int16 in both builds: 64 B values, scale, total
const FINE_HEAD: usize = <usize>FINE_HEAD_BYTES;

// @ts-ignore: decorator
@inline
function dot(acc: v128, w: v128, x: v128): v128 {
  return i32x4.add(acc, i32x4.dot_i16x8_s(w, x));
}

// @ts-ignore: decorator
@inline
function dotLow(acc: v128, w: v128, x: v128): v128 {
  return i32x4.add(acc, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(w), x));
}

// @ts-ignore: decorator
@inline
function dotHigh(acc: v128, w: v128, x: v128): v128 {
  return i32x4.add(acc, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(w), x));
}

// @ts-ignore: decorator
@inline
function settle(sum: v128, acc: v128, d: v128, scale: v128): v128 {
  return multiplyAdd(f32x4.convert_i32x4_s(acc), f32x4.mul(d, scale), sum);
}

// @ts-ignore: decorator
@inline
function finish(sum: v128): v128 {
  return f32x4.mul(sum, f32x4.splat(SUM_UP));
}

/** One token: out[8 * groups] f32. */
export function matvec8(w: usize, groups: i32, blocks: i32, x: usize, out: usize): void {
  const half = groups >> 1;
  const groupBytes = blocks * BLOCK8_BYTES;
  const streamOffset = <usize>(half * groupBytes);
  const outOffset = <usize>(half * 32);
  for (let g = 0; g < half; g++) {
    twoGroups(w, w + streamOffset, blocks, x, out, out + outOffset);
    w += <usize>groupBytes;
    out += 32;
  }
  if (groups & 1) oneGroup(w + streamOffset, false, blocks, x, out + outOffset);
}

function twoGroups(a: usize, b: usize, blocks: i32, x: usize, outA: usize, outB: usize): void {
  const zero = i32x4.splat(0);
  let sumA0 = zero, sumA1 = zero, sumB0 = zero, sumB1 = zero;
  for (let i = 0; i < blocks; i++) {
    let accA0 = zero, accA1 = zero, accB0 = zero, accB1 = zero;
    for (let p: usize = 0; p < 256; p += 16) {
      const pair = v128.load32_splat(x + (p >> 2));
      // Loading and widening at once is cheaper than widening both halves of one load.
      accA0 = dot(accA0, v128.load8x8_s(a + p, 16), pair);
      accA1 = dot(accA1, v128.load8x8_s(a + p, 24), pair);
      accB0 = dot(accB0, v128.load8x8_s(b + p, 16), pair);
      accB1 = dot(accB1, v128.load8x8_s(b + p, 24), pair);
    }
    const scale = v128.load32_splat(x, 64), dA = v128.load(a), dB = v128.load(b);
    sumA0 = settle(sumA0, accA0, lowHalves(dA), scale);
    sumA1 = settle(sumA1, accA1, highHalves(dA), scale);
    sumB0 = settle(sumB0, accB0, lowHalves(dB), scale);
    sumB1 = settle(sumB1, accB1, highHalves(dB), scale);
    a += BLOCK8_BYTES;
    b += BLOCK8_BYTES;
    x += ACTIVATION_BYTES;
  }
  v128.store(outA, finish(sumA0));
  v128.store(outA, finish(sumA1), 16);
  v128.store(outB, finish(sumB0));
  v128.store(outB, finish(sumB1), 16);
}

/** One token, finer scales. */
export function matvec8Fine(w: usize, groups: i32, blocks: i32, x: usize, out: usize): void {
  for (let g = 0; g < groups; g++) {
    oneGroup(w, true, blocks, x, out);
    w += <usize>(blocks * BLOCK8_FINE_BYTES);
    out += 32;
  }
}

// One group times one token. `isFine` picks the block format; inlined, so it is a constant.
// @ts-ignore: decorator
@inline
function oneGroup(w: usize, isFine: bool, blocks: i32, x: usize, out: usize): void {
  const zero = i32x4.splat(0);
  let sum0 = zero, sum1 = zero;
  for (let i = 0; i < blocks; i++) {
    const scale = v128.load32_splat(x, 64), d = v128.load(w);
    let acc0 = zero, acc1 = zero, at = w + (isFine ? FINE_HEAD : 16), pairs = x;
    const half = at + 128;
    for (; at < half; at += 16, pairs += 4) {
      const pair = v128.load32_splat(pairs), v = v128.load(at);
      acc0 = dotLow(acc0, v, pair);
      acc1 = dotHigh(acc1, v, pair);
    }
    if (isFine) {
      sum0 = settle(sum0, acc0, lowHalves(d), scale);
      sum1 = settle(sum1, acc1, highHalves(d), scale);
      acc0 = zero;
      acc1 = zero;
    }
    for (const end = half + 128; at < end; at += 16, pairs += 4) {
      const pair = v128.load32_splat(pairs), v = v128.load(at);
      acc0 = dotLow(acc0, v, pair);
      acc1 = dotHigh(acc1, v, pair);
    }
    const second = isFine ? v128.load(w, 16) : d;
    sum0 = settle(sum0, acc0, lowHalves(second), scale);
    sum1 = settle(sum1, acc1, highHalves(second), scale);
    if (isFine) {
      const total = v128.load32_splat(x, 68), m = v128.load(w, 32);
      sum0 = multiplyAdd(lowHalves(m), total, sum0);
      sum1 = multiplyAdd(highHalves(m), total, sum1);
    }
    w += <usize>(isFine ? BLOCK8_FINE_BYTES : BLOCK8_BYTES);
    x += ACTIVATION_BYTES;
  }
  v128.store(out, finish(sum0));
  v128.store(out, finish(sum1), 16);
}

/** A tile of 4 or 8 tokens: out[t * stride + row]. */
export function matmul8(
  w: usize, groups: i32, blocks: i32, x: usize, out: usize, stride: i32, tokens: i32,
): void {
  for (let g = 0; g < groups; g++) {
    for (let t = 0; t < tokens; t += 4) {
      const from = x + <usize>(t * 4), to = out + <usize>(t * stride);
      rows4x4(w, false, false, blocks, from, tokens, to, stride);
      rows4x4(w, true, false, blocks, from, tokens, to + 16, stride);
    }
    w += <usize>(blocks * BLOCK8_BYTES);
    out += 32;
  }
}

/** The same, finer scales. */
export function matmul8Fine(
  w: usize, groups: i32, blocks: i32, x: usize, out: usize, stride: i32, tokens: i32,
): void {
  for (let g = 0; g < groups; g++) {
    for (let t = 0; t < tokens; t += 4) {
      const from = x + <usize>(t * 4), to = out + <usize>(t * stride);
      rows4x4(w, false, true, blocks, from, tokens, to, stride);
      rows4x4(w, true, true, blocks, from, tokens, to + 16, stride);
    }
    w += <usize>(blocks * BLOCK8_FINE_BYTES);
    out += 32;
  }
}

// @ts-ignore: decorator
@inline
function halvesOf(h: v128, upper: bool): v128 {
  return upper ? highHalves(h) : lowHalves(h);
}

// Rows 0-3 or 4-7 (`upper`) of a group times 4 tokens of a tile of `tokens`.
// @ts-ignore: decorator
@inline
function rows4x4(
  w: usize, upper: bool, isFine: bool, blocks: i32, x: usize, tokens: i32, out: usize, stride: i32,
): void {
  const zero = i32x4.splat(0), pairBytes = <usize>(tokens * 4), blockBytes = <usize>(ACTIVATION_BYTES * tokens);
  let s0 = zero, s1 = zero, s2 = zero, s3 = zero;
  for (let i = 0; i < blocks; i++) {
    const scales = x + 16 * pairBytes;
    let a0 = zero, a1 = zero, a2 = zero, a3 = zero, pairs = x;
    let at = w + (isFine ? FINE_HEAD : 16) + (upper ? 8 : 0);
    const half = at + 128, end = half + 128;
    for (; at < half; at += 16, pairs += pairBytes) {
      const v = v128.load8x8_s(at);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v, v128.load32_splat(pairs)));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v, v128.load32_splat(pairs, 4)));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v, v128.load32_splat(pairs, 8)));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v, v128.load32_splat(pairs, 12)));
    }
    if (isFine) {
      const d = halvesOf(v128.load(w), upper);
      s0 = settle(s0, a0, d, v128.load32_splat(scales));
      s1 = settle(s1, a1, d, v128.load32_splat(scales, 4));
      s2 = settle(s2, a2, d, v128.load32_splat(scales, 8));
      s3 = settle(s3, a3, d, v128.load32_splat(scales, 12));
      a0 = zero;
      a1 = zero;
      a2 = zero;
      a3 = zero;
    }
    for (; at < end; at += 16, pairs += pairBytes) {
      const v = v128.load8x8_s(at);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v, v128.load32_splat(pairs)));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v, v128.load32_splat(pairs, 4)));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v, v128.load32_splat(pairs, 8)));
      a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v, v128.load32_splat(pairs, 12)));
    }
    const d = halvesOf(isFine ? v128.load(w, 16) : v128.load(w), upper);
    s0 = settle(s0, a0, d, v128.load32_splat(scales));
    s1 = settle(s1, a1, d, v128.load32_splat(scales, 4));
    s2 = settle(s2, a2, d, v128.load32_splat(scales, 8));
    s3 = settle(s3, a3, d, v128.load32_splat(scales, 12));
    if (isFine) {
      const m = halvesOf(v128.load(w, 32), upper), totals = scales + pairBytes;
      s0 = multiplyAdd(m, v128.load32_splat(totals), s0);
      s1 = multiplyAdd(m, v128.load32_splat(totals, 4), s1);
      s2 = multiplyAdd(m, v128.load32_splat(totals, 8), s2);
      s3 = multiplyAdd(m, v128.load32_splat(totals, 12), s3);
    }
    w += <usize>(isFine ? BLOCK8_FINE_BYTES : BLOCK8_BYTES);
    x += blockBytes;
  }
  v128.store(out, finish(s0));
  v128.store(out + <usize>stride, finish(s1));
  v128.store(out + <usize>(2 * stride), finish(s2));
  v128.store(out + <usize>(3 * stride), finish(s3));
}

/** f16 weights, f32 activations (`xStride` bytes a token). */
export function matmulF16(
  w: usize, groups: i32, columns: i32, x: usize, xStride: i32, out: usize, stride: i32, tokens: i32,
): void {
  for (let g = 0; g < groups; g++) {
    for (let t = 0; t < tokens; t++) {
      const values = x + <usize>(t * xStride);
      let sum0 = f32x4.splat(0), sum1 = f32x4.splat(0);
      for (let k = 0; k < columns; k++) {
        const h = v128.load(w + <usize>(k * 16));
        // 2^64 here and 2^48 at the end: see SCALE_UP.
        const value = f32x4.mul(v128.load32_splat(values + <usize>(k * 4)), f32x4.splat(18446744073709551616.0));
        sum0 = multiplyAdd(lowHalves(h), value, sum0);
        sum1 = multiplyAdd(highHalves(h), value, sum1);
      }
      v128.store(out + <usize>(t * stride), finish(sum0));
      v128.store(out + <usize>(t * stride), finish(sum1), 16);
    }
    w += <usize>(columns * 16);
    out += 32;
  }
}

/** f32 weights, f32 activations. */
export function matmulF32(
  w: usize, groups: i32, columns: i32, x: usize, xStride: i32, out: usize, stride: i32, tokens: i32,
): void {
  for (let g = 0; g < groups; g++) {
    for (let t = 0; t < tokens; t++) {
      const values = x + <usize>(t * xStride);
      let sum0 = f32x4.splat(0), sum1 = f32x4.splat(0);
      for (let k = 0; k < columns; k++) {
        const value = v128.load32_splat(values + <usize>(k * 4));
        sum0 = multiplyAdd(v128.load(w + <usize>(k * 32)), value, sum0);
        sum1 = multiplyAdd(v128.load(w + <usize>(k * 32), 16), value, sum1);
      }
      v128.store(out + <usize>(t * stride), sum0);
      v128.store(out + <usize>(t * stride), sum1, 16);
    }
    w += <usize>(columns * 32);
    out += 32;
  }
}
