// Activations: f32 rows to int8 or int16 tiles, one scale per block of 32.
import { BLOCK, SCALE_UP, maxLanes, multiplyAdd } from './layout';

// @ts-ignore: decorator
@inline
function largest(source: usize): f32 {
  let m = f32x4.abs(v128.load(source));
  for (let i = 1; i < 8; i++) m = f32x4.max(m, f32x4.abs(v128.load(source + <usize>(i * 16))));
  return maxLanes(m);
}

// @ts-ignore: decorator
@inline
function rounded(source: usize, inverse: v128): v128 {
  // Adding 1.5 * 2^23 leaves the nearest integer in the low bits of the f32: two instructions where
  // a saturating conversion takes eight. Right for |value| < 2^22; ours stay below 2^15.
  const shifted = multiplyAdd(v128.load(source), inverse, f32x4.splat(12582912.0));
  return i32x4.sub(shifted, i32x4.splat(0x4b400000));
}

// @ts-ignore: decorator
@inline
function eight16(source: usize, inverse: v128): v128 {
  return i16x8.narrow_i32x4_s(rounded(source, inverse), rounded(source + 16, inverse));
}

// @ts-ignore: decorator
@inline
function sumLanesInt(v: v128): i32 {
  const pairs = i32x4.add(v, i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1);
}

/** `tokens` rows of `blocks` * 32 f32 (`stride` bytes apart) to one int8 tile. |value| <= 127. */
export function quantizeInt8(source: usize, stride: i32, target: usize, blocks: i32, tokens: i32): void {
  const ones = i16x8.splat(1);
  for (let t = 0; t < tokens; t++) {
    let from = source + <usize>(t * stride);
    let to = target + <usize>(t * 8);
    let scales = target + <usize>(BLOCK * tokens + t * 4);
    for (let b = 0; b < blocks; b++) {
      const top = largest(from);
      const inverse = f32x4.splat(top > 0 ? <f32>127.0 / top : 0);
      let total = i32x4.splat(0);
      for (let j = 0; j < 4; j++) {
        const values = eight16(from + <usize>(j * 32), inverse);
        total = i32x4.add(total, i32x4.dot_i16x8_s(values, ones));
        v128.store64_lane(to + <usize>(j * 8 * tokens), i8x16.narrow_i16x8_s(values, values), 0);
      }
      const scale = (top / <f32>127.0) * SCALE_UP;
      store<f32>(scales, scale);
      store<f32>(scales + <usize>(tokens * 4), scale * <f32>sumLanesInt(total));
      from += BLOCK * 4;
      to += <usize>((BLOCK + 8) * tokens);
      scales += <usize>((BLOCK + 8) * tokens);
    }
  }
}

/** The same to one int16 tile; `order` 0 = plain pairs (8-bit weights), 1 = 4-bit weights. */
export function quantizeInt16(
  source: usize, stride: i32, target: usize, blocks: i32, tokens: i32, order: i32,
): void {
  for (let t = 0; t < tokens; t++) {
    let from = source + <usize>(t * stride);
    let to = target;
    for (let b = 0; b < blocks; b++) {
      const top = largest(from);
      const inverse = f32x4.splat(top > 0 ? <f32>32767.0 / top : 0);
      const scale = (top / <f32>32767.0) * SCALE_UP;
      const total = order == 1 ? store4BitOrder(from, to, inverse, t, tokens) : storePlain(from, to, inverse, t, tokens);
      const scales = to + <usize>(BLOCK * 2 * tokens + t * 4);
      store<f32>(scales, scale);
      store<f32>(scales + <usize>(tokens * 4), scale * total);
      from += BLOCK * 4;
      to += <usize>((BLOCK * 2 + 8) * tokens);
    }
  }
}

function storePlain(from: usize, to: usize, inverse: v128, t: i32, tokens: i32): f32 {
  const ones = i16x8.splat(1);
  let total = i32x4.splat(0);
  for (let j = 0; j < 4; j++) {
    const values = eight16(from + <usize>(j * 32), inverse);
    total = i32x4.add(total, i32x4.dot_i16x8_s(values, ones));
    const at = to + <usize>((j * 4 * tokens + t) * 4);
    v128.store32_lane(at, values, 0);
    v128.store32_lane(at + <usize>(tokens * 4), values, 1);
    v128.store32_lane(at + <usize>(tokens * 8), values, 2);
    v128.store32_lane(at + <usize>(tokens * 12), values, 3);
  }
  return <f32>sumLanesInt(total);
}

// The sum is that of the values as the kernel will see them, the divided pair times 16.
function store4BitOrder(from: usize, to: usize, inverse: v128, t: i32, tokens: i32): f32 {
  const scaled = f32x4.mul(inverse, f32x4.splat(0.0625));
  const weights = i16x8.splat(1);
  let total = i32x4.splat(0);
  for (let j = 0; j < 4; j++) {
    const at = from + <usize>(j * 32);
    const low = rounded(at, inverse);
    const high = rounded(at + 16, inverse);
    const highDivided = rounded(at + 16, scaled);
    // low = 0 1 2 3, high = 4 5 6 7: lanes (0,2,1,3) and (4',6',5,7).
    const first = i8x16.shuffle(low, low, 0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15);
    const second = i8x16.shuffle(highDivided, high, 0, 1, 2, 3, 8, 9, 10, 11, 20, 21, 22, 23, 28, 29, 30, 31);
    const pairs = i16x8.narrow_i32x4_s(first, second);
    total = i32x4.add(total, i32x4.dot_i16x8_s(pairs, i16x8.replace_lane(i16x8.replace_lane(weights, 4, 16), 5, 16)));
    v128.store(to + <usize>((j * tokens + t) * 16), pairs);
  }
  return <f32>sumLanesInt(total);
}
