// Norm, rotary embedding, gate and addition. Lengths are multiples of 4.
import { exponential } from './exponential';
import { multiplyAdd, sumLanes } from './layout';

/** out = x / rms(x) * weight, for `tokens` rows of `size` f32. */
export function rmsNorm(x: usize, weight: usize, out: usize, size: i32, tokens: i32, epsilon: f32): void {
  const bytes = <usize>(size * 4);
  for (let t = 0; t < tokens; t++) {
    let squares = f32x4.splat(0);
    for (let i: usize = 0; i < bytes; i += 16) {
      const v = v128.load(x + i);
      squares = multiplyAdd(v, v, squares);
    }
    const scale = f32x4.splat(<f32>1.0 / sqrt<f32>(sumLanes(squares) / <f32>size + epsilon));
    for (let i: usize = 0; i < bytes; i += 16) {
      v128.store(out + i, f32x4.mul(f32x4.mul(v128.load(x + i), scale), v128.load(weight + i)));
    }
    x += bytes;
    out += bytes;
  }
}

/** x += y over `size` f32. */
export function add(x: usize, y: usize, size: i32): void {
  const end = x + <usize>(size * 4);
  while (x < end) {
    v128.store(x, f32x4.add(v128.load(x), v128.load(y)));
    x += 16;
    y += 16;
  }
}

/** gate = gate * sigmoid(gate) * up over `size` f32. */
export function siluMultiply(gate: usize, up: usize, size: i32): void {
  const end = gate + <usize>(size * 4);
  const one = f32x4.splat(1);
  while (gate < end) {
    const g = v128.load(gate);
    const sigmoid = f32x4.div(one, f32x4.add(one, exponential(f32x4.neg(g))));
    v128.store(gate, f32x4.mul(f32x4.mul(g, sigmoid), v128.load(up)));
    gate += 16;
    up += 16;
  }
}

/** gate = gelu(gate) * up in the tanh form, z = sqrt(2/pi) (g + 0.044715 g^3): g * sigmoid(2 z). */
export function geluMultiply(gate: usize, up: usize, size: i32): void {
  const end = gate + <usize>(size * 4);
  const one = f32x4.splat(1);
  while (gate < end) {
    const g = v128.load(gate);
    // -2 sqrt(2/pi), and that times 0.044715.
    const inner = multiplyAdd(f32x4.mul(g, g), f32x4.splat(-0.0713548162726), f32x4.splat(-1.59576912161));
    const sigmoid = f32x4.div(one, f32x4.add(one, exponential(f32x4.mul(g, inner))));
    v128.store(gate, f32x4.mul(f32x4.mul(g, sigmoid), v128.load(up)));
    gate += 16;
    up += 16;
  }
}

/** x *= factor over `size` f32. */
export function scale(x: usize, factor: f32, size: i32): void {
  for (const end = x + <usize>(size * 4); x < end; x += 16) {
    v128.store(x, f32x4.mul(v128.load(x), f32x4.splat(factor)));
  }
}

/** Rotates the pairs (i, i + headDim / 2) of `heads` heads in place; `angles` as in `rotate`. */
export function rotateHalves(x: usize, heads: i32, headDim: i32, angles: usize): void {
  const halfBytes = <usize>(headDim * 2);
  for (let h = 0; h < heads; h++) {
    for (let i: usize = 0; i < halfBytes; i += 16) {
      const a = v128.load(angles + 2 * i), b = v128.load(angles + 2 * i, 16);
      const cosine = i8x16.shuffle(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
      const sine = i8x16.shuffle(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
      const first = v128.load(x + i), second = v128.load(x + halfBytes + i);
      v128.store(x + i, f32x4.sub(f32x4.mul(first, cosine), f32x4.mul(second, sine)));
      v128.store(x + halfBytes + i, f32x4.add(f32x4.mul(first, sine), f32x4.mul(second, cosine)));
    }
    x += 2 * halfBytes;
  }
}

/**
 * Rotates adjacent pairs of `heads` heads in place; `angles` holds cos, sin per pair of this
 * position.
 */
export function rotate(x: usize, heads: i32, headDim: i32, angles: usize): void {
  const sign = f32x4(-1, 1, -1, 1);
  const headBytes = <usize>(headDim * 4);
  for (let h = 0; h < heads; h++) {
    for (let i: usize = 0; i < headBytes; i += 16) {
      const v = v128.load(x + i), a = v128.load(angles + i);
      const cosine = i8x16.shuffle(a, a, 0, 1, 2, 3, 0, 1, 2, 3, 8, 9, 10, 11, 8, 9, 10, 11);
      const sine = i8x16.shuffle(a, a, 4, 5, 6, 7, 4, 5, 6, 7, 12, 13, 14, 15, 12, 13, 14, 15);
      const swapped = i8x16.shuffle(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
      v128.store(x + i, f32x4.add(f32x4.mul(v, cosine), f32x4.mul(f32x4.mul(swapped, sign), sine)));
    }
    x += headBytes;
  }
}
