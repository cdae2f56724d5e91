// exp on four f32, relative error below 2e-7 in [-87, 88]; smaller inputs give (almost) 0.
// Range reduction x = n ln2 + r with ln2 in two parts, then the Taylor polynomial of degree 7 on
// |r| <= ln2 / 2, whose remainder is below 1e-8.
import { multiplyAdd } from './layout';

// Loaded, not written as constants: V8 rebuilds a SIMD constant with three instructions at each use.
const NUMBERS = memory.data<f32>([
  -87.3, 88.0, 1.44269504, -0.693359375, 2.12194440e-4,
  1.98412698e-4, 1.38888889e-3, 8.33333333e-3, 4.16666667e-2, 0.166666667, 0.5, 1,
]);

// @ts-ignore: decorator
@inline
function number(index: usize): v128 {
  return v128.load32_splat(NUMBERS + index * 4);
}

// @ts-ignore: decorator
@inline
export function exponential(x: v128): v128 {
  const clamped = f32x4.min(f32x4.max(x, number(0)), number(1));
  const n = f32x4.nearest(f32x4.mul(clamped, number(2)));
  let r = multiplyAdd(n, number(3), clamped);
  r = multiplyAdd(n, number(4), r);
  let p = multiplyAdd(number(5), r, number(6));
  p = multiplyAdd(p, r, number(7));
  p = multiplyAdd(p, r, number(8));
  p = multiplyAdd(p, r, number(9));
  p = multiplyAdd(p, r, number(10));
  p = multiplyAdd(p, r, number(11));
  p = multiplyAdd(p, r, number(11));
  // 2^n: n, at most 127 in size, as an integer in the low bits of n + 1.5 * 2^23.
  const shifted = f32x4.add(n, f32x4.splat(12582912.0));
  const power = i32x4.shl(i32x4.add(shifted, i32x4.splat(127)), 23);
  return f32x4.mul(p, power);
}
