// The formats every kernel agrees on. Sizes in bytes.
//
// Matrices are stored in groups of 8 rows; a block is 32 consecutive columns (k) of one group.
//   4-bit block, 160 B: [8 x f16 scale d][8 x f16 min m], then for j = 0..3 two vectors of 16 B
//     (rows 0-3, rows 4-7): byte r * 4 + i holds column 8j + i (low nibble) and 8j + 4 + i (high).
//     weight = d * nibble + m.
//   8-bit block, 272 B: [8 x f16 scale d], then 16 vectors: int8 pairs (2i, 2i + 1) of rows 0..7.
//   8-bit block with finer scales, 304 B: [8 x f16 scale of columns 0-15][8 x f16 scale of columns
//     16-31][8 x f16 min m], then 16 vectors as above. weight = d * byte + m.
//   f16: per column 8 x f16; f32: per column 8 x f32.
// Eight f16 stand in the order of rows 0 4 1 5 2 6 3 7: the even and the odd ones of a vector turn
// into f32 with shifts alone.
//
// Quantised activations are interleaved for a tile of T tokens so that one pointer with constant
// offsets reaches them all. Per block of 32 columns:
//   int8:  for j = 0..3, for t: 8 B (columns 8j .. 8j + 7)
//   int16, 4-bit order: for j = 0..3, for t: pairs (0,2) (1,3) (4,6) (5,7) of columns 8j + ...;
//          the pair (4,6) is divided by 16, since its nibbles are used unshifted.
//   int16, plain order: for i = 0..15, for t: pair (2i, 2i + 1)
//   then T x f32 scale, then T x f32 scale * sum of the quantised values.

export const ROWS: i32 = 8;
export const BLOCK: i32 = 32;
export const BLOCK4_BYTES: i32 = 160;
export const BLOCK8_BYTES: i32 = 272;
export const BLOCK8_FINE_BYTES: i32 = 304;
export const FINE_HEAD_BYTES: i32 = 48;

// A f16 moved into f32 by shifting its bits is 2^-112 too small. Activation scales carry 2^64 and
// sums are multiplied by 2^48 at the end: nothing on the way becomes denormal (which is slow) or
// overflows.
export const SCALE_UP: f32 = 18446744073709551616.0; // 2^64
export const SUM_UP: f32 = 281474976710656.0; // 2^48

/** Where the f16 of row `r` of a group stands among the eight. */
// @ts-ignore: decorator
@inline
export function halfSlot(r: i32): i32 {
  return r < 4 ? 2 * r : 2 * r - 7;
}

/** The f16 of rows 0-3 as f32 times 2^-112. */
// @ts-ignore: decorator
@inline
export function lowHalves(h: v128): v128 {
  return v128.and(i32x4.shr_s(i32x4.shl(h, 16), 3), i32x4.splat(0x8fffe000));
}

/** The f16 of rows 4-7 as f32 times 2^-112. */
// @ts-ignore: decorator
@inline
export function highHalves(h: v128): v128 {
  return v128.and(i32x4.shr_s(h, 3), i32x4.splat(0x8fffe000));
}

/** a * b + c. One instruction where the browser has relaxed SIMD. */
// @ts-ignore: decorator
@inline
export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

// @ts-ignore: decorator
@inline
export function sumLanes(v: v128): f32 {
  const pairs = f32x4.add(v, i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

// @ts-ignore: decorator
@inline
export function maxLanes(v: v128): f32 {
  const pairs = f32x4.max(v, i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/** Scalar f16 bits to f32, exact. */
export function halfToFloat(h: i32): f32 {
  const bits = ((h & 0x7fff) << 13) | ((h & 0x8000) << 16);
  return reinterpret<f32>(bits) * 5192296858534827628530496329220096.0; // 2^112
}

/** f32 to the bits of the nearest f16, ties to even; too large ones become the largest. */
export function floatToHalf(value: f32): i32 {
  const bits = reinterpret<i32>(value);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // Below 2^-14: adding 0.5, whose last bit is 2^-24, rounds to a subnormal f16.
  if (magnitude < 0x38800000) {
    return sign | (reinterpret<i32>(reinterpret<f32>(magnitude) + <f32>0.5) - 0x3f000000);
  }
  const rounded = (magnitude + 0xfff + ((magnitude >> 13) & 1) - 0x38000000) >> 13;
  return sign | min(rounded, 0x7bff);
}
