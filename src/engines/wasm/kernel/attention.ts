// One token's attention over the KV cache of one layer.
//   keys:   [kv head][position / 4][headDim][4]  - four scores per vector, no horizontal sums
//   values: [kv head][headDim / 16][position][16] - each pass over sixteen columns reads straight on
// Query heads that share a kv head pass over it in pairs, so that each key and value is loaded once
// for two of them.
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
    for (let d = 0; d < headDim; d += 16) {
      memory.copy(values + <usize>((d * context + position * 16) * 4), v + <usize>(d * 4), 64);
    }
    k += <usize>(headDim * 4);
    v += <usize>(headDim * 4);
    keys += headBytes;
    values += headBytes;
  }
}

/**
 * Positions from `first` to before `length` are visible. `scores` is scratch for two rows of
 * `context` + 16 f32.
 */
export function attend(
  q: usize, keys: usize, values: usize, out: usize, scores: usize,
  first: i32, length: i32, context: i32, heads: i32, kvHeads: i32, headDim: i32,
): void {
  // Keys lie in groups of four positions: whole groups are skipped, the rest weighs nothing.
  const skipped = first & ~3, hidden = first & 3;
  keys += <usize>(skipped * headDim * 4);
  values += <usize>(skipped * 64);
  length -= skipped;
  const share = heads / kvHeads;
  const cacheBytes = <usize>(context * headDim * 4);
  const rowBytes = <usize>(headDim * 4);
  const second = scores + <usize>((context + 16) * 4);
  for (let h = 0; h < kvHeads; h++) {
    let left = share;
    for (; left >= 2; left -= 2) {
      scoreRows(q, q + rowBytes, keys, scores, second, length, headDim);
      const totalA = softmax(scores, hidden, length), totalB = softmax(second, hidden, length);
      for (let d = 0; d < headDim; d += 16) {
        const offset = <usize>(d * 4);
        const column = values + <usize>(d * context * 4);
        sumPair(scores, second, column, out + offset, out + rowBytes + offset, length, totalA, totalB);
      }
      q += 2 * rowBytes;
      out += 2 * rowBytes;
    }
    if (left == 1) {
      scoreRows(q, q, keys, scores, scores, length, headDim);
      const total = softmax(scores, hidden, length);
      for (let d = 0; d < headDim; d += 16) {
        const offset = <usize>(d * 4);
        sumOne(scores, values + <usize>(d * context * 4), out + offset, length, total);
      }
      q += rowBytes;
      out += rowBytes;
    }
    keys += cacheBytes;
    values += cacheBytes;
  }
}

/**
 * Scaled scores of two query rows against every position, sixteen positions at a time: eight
 * independent sums keep both multipliers busy.
 */
function scoreRows(
  qa: usize, qb: usize, keys: usize, outA: usize, outB: usize, length: i32, headDim: i32,
): void {
  const scale = f32x4.splat(<f32>1.0 / sqrt<f32>(<f32>headDim));
  const groupBytes = <usize>(headDim * 16);
  for (let p = 0; p < length; p += 16) {
    // Groups past the end are read again from the last one and overwritten or ignored later.
    const k1 = p + 4 < length ? keys + groupBytes : keys;
    const k2 = p + 8 < length ? k1 + groupBytes : k1;
    const k3 = p + 12 < length ? k2 + groupBytes : k2;
    let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    for (let d: usize = 0; d < groupBytes; d += 16) {
      const x = v128.load32_splat(qa + (d >> 2)), y = v128.load32_splat(qb + (d >> 2));
      let key = v128.load(keys + d);
      a0 = multiplyAdd(x, key, a0); b0 = multiplyAdd(y, key, b0);
      key = v128.load(k1 + d);
      a1 = multiplyAdd(x, key, a1); b1 = multiplyAdd(y, key, b1);
      key = v128.load(k2 + d);
      a2 = multiplyAdd(x, key, a2); b2 = multiplyAdd(y, key, b2);
      key = v128.load(k3 + d);
      a3 = multiplyAdd(x, key, a3); b3 = multiplyAdd(y, key, b3);
    }
    const a = outA + <usize>(p * 4), b = outB + <usize>(p * 4);
    v128.store(a, f32x4.mul(a0, scale)); v128.store(a, f32x4.mul(a1, scale), 16);
    v128.store(a, f32x4.mul(a2, scale), 32); v128.store(a, f32x4.mul(a3, scale), 48);
    v128.store(b, f32x4.mul(b0, scale)); v128.store(b, f32x4.mul(b1, scale), 16);
    v128.store(b, f32x4.mul(b2, scale), 32); v128.store(b, f32x4.mul(b3, scale), 48);
    keys += 4 * groupBytes;
  }
}

/**
 * Scores to exp(score - max) in place; returns their sum. Positions before `hidden` and past `length`
 * weigh nothing.
 */
export function softmax(scores: usize, hidden: i32, length: i32): f32 {
  const padded = (length + 3) & ~3;
  for (let i = length; i < padded; i++) store<f32>(scores + <usize>(i * 4), -Infinity);
  for (let i = 0; i < hidden; i++) store<f32>(scores + <usize>(i * 4), -Infinity);
  const end = scores + <usize>(padded * 4);
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
export function storeScaled(out: usize, a: v128, b: v128, c: v128, d: v128, total: f32): void {
  const factor = f32x4.splat(<f32>1.0 / total);
  v128.store(out, f32x4.mul(a, factor));
  v128.store(out, f32x4.mul(b, factor), 16);
  v128.store(out, f32x4.mul(c, factor), 32);
  v128.store(out, f32x4.mul(d, factor), 48);
}

/** 16 columns of the weighted sum of values, for two rows of weights. */
function sumPair(
  scores: usize, second: usize, values: usize, outA: usize, outB: usize,
  length: i32, totalA: f32, totalB: f32,
): void {
  let a = f32x4.splat(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  const end = scores + <usize>(length * 4);
  while (scores < end) {
    const x = v128.load32_splat(scores), y = v128.load32_splat(second);
    const v0 = v128.load(values), v1 = v128.load(values, 16), v2 = v128.load(values, 32), v3 = v128.load(values, 48);
    a = multiplyAdd(x, v0, a); b = multiplyAdd(x, v1, b); c = multiplyAdd(x, v2, c); d = multiplyAdd(x, v3, d);
    e = multiplyAdd(y, v0, e); f = multiplyAdd(y, v1, f); g = multiplyAdd(y, v2, g); h = multiplyAdd(y, v3, h);
    values += 64;
    scores += 4;
    second += 4;
  }
  storeScaled(outA, a, b, c, d, totalA);
  storeScaled(outB, e, f, g, h, totalB);
}

function sumOne(scores: usize, values: usize, out: usize, length: i32, total: f32): void {
  let a = f32x4.splat(0), b = a, c = a, d = a;
  const end = scores + <usize>(length * 4);
  while (scores < end) {
    const x = v128.load32_splat(scores);
    a = multiplyAdd(x, v128.load(values), a);
    b = multiplyAdd(x, v128.load(values, 16), b);
    c = multiplyAdd(x, v128.load(values, 32), c);
    d = multiplyAdd(x, v128.load(values, 48), d);
    values += 64;
    scores += 4;
  }
  storeScaled(out, a, b, c, d, total);
}
