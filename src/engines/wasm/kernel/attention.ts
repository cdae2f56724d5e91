// One token's attention over the KV cache of one layer.
//   keys:   [kv head][position / 4][headDim][4]  - four scores per vector, no horizontal sums
//   values: [kv head][position][headDim]
import { exponential } from './exponential';
import { maxLanes, multiplyAdd, sumLanes } from './layout';

/** Puts one token's k and v (kvHeads * headDim f32 each) into the cache at `position`. */
export function storeKeyValue(
  k: usize, v: usize, keys: usize, values: usize, position: i32, context: i32, kvHeads: i32, headDim: i32,
): void {
  const headBytes = <usize>(context * headDim * 4);
  for (let h = 0; h < kvHeads; h++) {
    let to = keys + <usize>(((position >> 2) * headDim * 4 + (position & 3)) * 4);
    for (let d = 0; d < headDim; d++) {
      store<f32>(to, load<f32>(k + <usize>(d * 4)));
      to += 16;
    }
    memory.copy(values + <usize>(position * headDim * 4), v, <usize>(headDim * 4));
    k += <usize>(headDim * 4);
    v += <usize>(headDim * 4);
    keys += headBytes;
    values += headBytes;
  }
}

/** `length` positions are visible. `scores` is scratch for context f32. */
export function attend(
  q: usize, keys: usize, values: usize, out: usize, scores: usize,
  length: i32, context: i32, heads: i32, kvHeads: i32, headDim: i32,
): void {
  const share = heads / kvHeads;
  const headBytes = <usize>(context * headDim * 4);
  const scale: f32 = <f32>1.0 / sqrt<f32>(<f32>headDim);
  for (let h = 0; h < heads; h++) {
    const cache = <usize>(h / share) * headBytes;
    scoreHead(q, keys + cache, scores, length, headDim, scale);
    const total = softmax(scores, length);
    for (let d = 0; d < headDim; d += 16) {
      sumValues(scores, values + cache + <usize>(d * 4), out + <usize>(d * 4), length, headDim, <f32>1.0 / total);
    }
    q += <usize>(headDim * 4);
    out += <usize>(headDim * 4);
  }
}

// @ts-ignore: decorator
@inline
function scoreHead(q: usize, keys: usize, scores: usize, length: i32, headDim: i32, scale: f32): void {
  const groups = (length + 3) >> 2;
  for (let g = 0; g < groups; g++) {
    let a = f32x4.splat(0), b = a, c = a, e = a;
    for (let d = 0; d < headDim; d += 4) {
      const from = q + <usize>(d * 4), key = keys + <usize>(d * 16);
      a = multiplyAdd(v128.load32_splat(from), v128.load(key), a);
      b = multiplyAdd(v128.load32_splat(from, 4), v128.load(key, 16), b);
      c = multiplyAdd(v128.load32_splat(from, 8), v128.load(key, 32), c);
      e = multiplyAdd(v128.load32_splat(from, 12), v128.load(key, 48), e);
    }
    const sum = f32x4.add(f32x4.add(a, b), f32x4.add(c, e));
    v128.store(scores + <usize>(g * 16), f32x4.mul(sum, f32x4.splat(scale)));
    keys += <usize>(headDim * 16);
  }
  // Positions past the end: weight 0.
  for (let i = length; i < groups * 4; i++) store<f32>(scores + <usize>(i * 4), -Infinity);
}

/** Scores to exp(score - max) in place; returns their sum. */
// @ts-ignore: decorator
@inline
function softmax(scores: usize, length: i32): f32 {
  const end = scores + <usize>(((length + 3) >> 2) * 16);
  let top = v128.load(scores);
  for (let i = scores + 16; i < end; i += 16) top = f32x4.max(top, v128.load(i));
  const highest = f32x4.splat(maxLanes(top));
  let total = f32x4.splat(0);
  for (let i = scores; i < end; i += 16) {
    const weight = exponential(f32x4.sub(v128.load(i), highest));
    v128.store(i, weight);
    total = f32x4.add(total, weight);
  }
  return sumLanes(total);
}

// @ts-ignore: decorator
@inline
function sumValues(scores: usize, values: usize, out: usize, length: i32, headDim: i32, scale: f32): void {
  let a = f32x4.splat(0), b = a, c = a, d = a;
  const stride = <usize>(headDim * 4);
  for (let p = 0; p < length; p++) {
    const weight = v128.load32_splat(scores + <usize>(p * 4));
    a = multiplyAdd(weight, v128.load(values), a);
    b = multiplyAdd(weight, v128.load(values, 16), b);
    c = multiplyAdd(weight, v128.load(values, 32), c);
    d = multiplyAdd(weight, v128.load(values, 48), d);
    values += stride;
  }
  const factor = f32x4.splat(scale);
  v128.store(out, f32x4.mul(a, factor));
  v128.store(out, f32x4.mul(b, factor), 16);
  v128.store(out, f32x4.mul(c, factor), 32);
  v128.store(out, f32x4.mul(d, factor), 48);
}
