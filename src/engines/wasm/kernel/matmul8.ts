// 8-bit, f16 and f32 matrices. The head (8-bit) is read once a token in two memory streams.
import { BLOCK8_BYTES, SUM_UP, highHalves, lowHalves, multiplyAdd } from './layout';

const ACTIVATION_BYTES: i32 = 72; // int16 in both builds: 64 B values, scale, total

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
  if (groups & 1) oneToken(w + streamOffset, blocks, x, ACTIVATION_BYTES, 4, out + outOffset);
}

function twoGroups(a: usize, b: usize, blocks: i32, x: usize, outA: usize, outB: usize): void {
  const zero = i32x4.splat(0);
  let sumA0 = zero, sumA1 = zero, sumB0 = zero, sumB1 = zero;
  for (let i = 0; i < blocks; i++) {
    let accA0 = zero, accA1 = zero, accB0 = zero, accB1 = zero;
    for (let p: usize = 0; p < 256; p += 16) {
      const pair = v128.load32_splat(x + (p >> 2));
      const va = v128.load(a + p, 16), vb = v128.load(b + p, 16);
      accA0 = dotLow(accA0, va, pair); accA1 = dotHigh(accA1, va, pair);
      accB0 = dotLow(accB0, vb, pair); accB1 = dotHigh(accB1, vb, pair);
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

/** One group times one token of a tile: pairs are `pairStride` apart, blocks `blockStride`. */
function oneToken(w: usize, blocks: i32, x: usize, blockStride: i32, pairStride: i32, out: usize): void {
  let sum0 = i32x4.splat(0), sum1 = i32x4.splat(0);
  for (let i = 0; i < blocks; i++) {
    let acc0 = i32x4.splat(0), acc1 = i32x4.splat(0);
    for (let p = 0; p < 16; p++) {
      const pair = v128.load32_splat(x + <usize>(p * pairStride));
      const v = v128.load(w + <usize>(p * 16), 16);
      acc0 = dotLow(acc0, v, pair);
      acc1 = dotHigh(acc1, v, pair);
    }
    const scale = v128.load32_splat(x + <usize>(16 * pairStride)), d = v128.load(w);
    sum0 = settle(sum0, acc0, lowHalves(d), scale);
    sum1 = settle(sum1, acc1, highHalves(d), scale);
    w += BLOCK8_BYTES;
    x += <usize>blockStride;
  }
  v128.store(out, finish(sum0));
  v128.store(out, finish(sum1), 16);
}

/** A tile of 4 or 8 tokens: the group stays in the cache while the tokens pass. */
export function matmul8(
  w: usize, groups: i32, blocks: i32, x: usize, out: usize, stride: i32, tokens: i32,
): void {
  for (let g = 0; g < groups; g++) {
    for (let t = 0; t < tokens; t++) {
      oneToken(w, blocks, x + <usize>(t * 4), ACTIVATION_BYTES * tokens, 4 * tokens, out + <usize>(t * stride));
    }
    w += <usize>(blocks * BLOCK8_BYTES);
    out += 32;
  }
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
