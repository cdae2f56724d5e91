// Attention over a cache of f16, for long contexts: half the memory, and half the bytes to read.
//   keys:   [kv head][position / 8][headDim][8]  - the eight positions in the order of `halfSlot`
//   values: [kv head][headDim / 16][position][16] - each eight columns in that order
import { softmax, storeScaled } from './attention';
import { SCALE_UP, SUM_UP, floatToHalf, halfSlot, highHalves, lowHalves, multiplyAdd } from './layout';

/** Puts one token's k and v (kvHeads * headDim f32 each) into the cache at `position`. */
export function storeKeyValueHalf(
  k: usize, v: usize, keys: usize, values: usize, position: i32, context: i32, kvHeads: i32, headDim: i32,
): void {
  const headBytes = <usize>(context * headDim * 2);
  for (let h = 0; h < kvHeads; h++) {
    const key = keys + <usize>(((position >> 3) * headDim * 8 + halfSlot(position & 7)) * 2);
    for (let d = 0; d < headDim; d++) {
      store<u16>(key + <usize>(d * 16), <u16>floatToHalf(load<f32>(k + <usize>(d * 4))));
      const column = (d & ~15) * context + position * 16 + (d & 8) + halfSlot(d & 7);
      store<u16>(values + <usize>(column * 2), <u16>floatToHalf(load<f32>(v + <usize>(d * 4))));
    }
    k += <usize>(headDim * 4);
    v += <usize>(headDim * 4);
    keys += headBytes;
    values += headBytes;
  }
}

/** As `attend`, over a cache of f16. `scores` is scratch for two rows of `context` + 16 f32. */
export function attendHalf(
  q: usize, keys: usize, values: usize, out: usize, scores: usize,
  first: i32, length: i32, context: i32, heads: i32, kvHeads: i32, headDim: i32,
): void {
  // Keys lie in groups of eight positions: whole groups are skipped, the rest weighs nothing.
  const skipped = first & ~7, hidden = first & 7;
  keys += <usize>(skipped * headDim * 2);
  values += <usize>(skipped * 32);
  length -= skipped;
  const share = heads / kvHeads;
  const cacheBytes = <usize>(context * headDim * 2);
  const rowBytes = <usize>(headDim * 4);
  const second = scores + <usize>((context + 16) * 4);
  for (let h = 0; h < kvHeads; h++) {
    for (let left = share; left > 0; left -= 2) {
      // The last of an odd number of heads goes twice over the same row.
      const isPair = left > 1, next = isPair ? rowBytes : 0;
      scoreRows(q, q + next, keys, scores, second, length, headDim);
      const totalA = softmax(scores, hidden, length), totalB = softmax(second, hidden, length);
      for (let d = 0; d < headDim; d += 16) {
        const offset = <usize>(d * 4);
        sumPair(scores, second, values + <usize>(d * context * 2), out + offset, out + next + offset, length, totalA, totalB);
      }
      q += isPair ? 2 * rowBytes : rowBytes;
      out += isPair ? 2 * rowBytes : rowBytes;
    }
    keys += cacheBytes;
    values += cacheBytes;
  }
}

// A f16 shifted into f32 is 2^-112 too small: one factor carries 2^64, the sums 2^48. See SCALE_UP.
function scoreRows(
  qa: usize, qb: usize, keys: usize, outA: usize, outB: usize, length: i32, headDim: i32,
): void {
  const scale = f32x4.splat(SUM_UP / sqrt<f32>(<f32>headDim)), up = f32x4.splat(SCALE_UP);
  const groupBytes = <usize>(headDim * 16);
  for (let p = 0; p < length; p += 8) {
    let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0;
    for (let d: usize = 0; d < groupBytes; d += 16) {
      const x = f32x4.mul(v128.load32_splat(qa + (d >> 2)), up);
      const y = f32x4.mul(v128.load32_splat(qb + (d >> 2)), up);
      const key = v128.load(keys + d), low = lowHalves(key), high = highHalves(key);
      a0 = multiplyAdd(x, low, a0);
      a1 = multiplyAdd(x, high, a1);
      b0 = multiplyAdd(y, low, b0);
      b1 = multiplyAdd(y, high, b1);
    }
    const a = outA + <usize>(p * 4), b = outB + <usize>(p * 4);
    v128.store(a, f32x4.mul(a0, scale)); v128.store(a, f32x4.mul(a1, scale), 16);
    v128.store(b, f32x4.mul(b0, scale)); v128.store(b, f32x4.mul(b1, scale), 16);
    keys += groupBytes;
  }
}

/** 16 columns of the weighted sum of values, for two rows of weights. */
function sumPair(
  scores: usize, second: usize, values: usize, outA: usize, outB: usize,
  length: i32, totalA: f32, totalB: f32,
): void {
  let a = f32x4.splat(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  const end = scores + <usize>(length * 4), up = f32x4.splat(SCALE_UP);
  while (scores < end) {
    const x = f32x4.mul(v128.load32_splat(scores), up), y = f32x4.mul(v128.load32_splat(second), up);
    const v = v128.load(values), w = v128.load(values, 16);
    const v0 = lowHalves(v), v1 = highHalves(v), v2 = lowHalves(w), v3 = highHalves(w);
    a = multiplyAdd(x, v0, a); b = multiplyAdd(x, v1, b); c = multiplyAdd(x, v2, c); d = multiplyAdd(x, v3, d);
    e = multiplyAdd(y, v0, e); f = multiplyAdd(y, v1, f); g = multiplyAdd(y, v2, g); h = multiplyAdd(y, v3, h);
    values += 32;
    scores += 4;
    second += 4;
  }
  storeScaled(outA, a, b, c, d, totalA / SUM_UP);
  storeScaled(outB, e, f, g, h, totalB / SUM_UP);
}
