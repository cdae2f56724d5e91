// 5-bit types and the types with 256 columns a block ("K"), from GGUF rows to groups of 8 rows.
// Q4_K becomes the 4-bit format; everything of 5 and 6 bits becomes bytes. `source` as in repack.ts;
// `blocks` counts 32 columns, 8 of them to one K block.
//
// K blocks give each 32 (Q6_K: 16) columns an integer scale times a f16; the product is rounded to
// f16 once more: a relative error of at most 2^-11, far below the step of the weights themselves.
import { BLOCK4_BYTES, BLOCK8_BYTES, BLOCK8_FINE_BYTES, FINE_HEAD_BYTES, floatToHalf, halfSlot, halfToFloat } from './layout';

const Q5_0_BYTES: i32 = 22;
const Q5_1_BYTES: i32 = 24;
const Q4_K_BYTES: i32 = 144;
const Q5_K_BYTES: i32 = 176;
const Q6_K_BYTES: i32 = 210;

/** Bits 0 and 1 of `bits` at bits 4 and 12: the fifth bits of two bytes. */
// @ts-ignore: decorator
@inline
function fifthBits(bits: i32): i32 {
  return ((bits & 1) << 4) | ((bits & 2) << 11);
}

// The nibbles of two columns: byte i of `nibbles` holds columns i (low) and i + 16 (high).
// @ts-ignore: decorator
@inline
function pairOf(nibbles: usize, i: i32): i32 {
  const value = <i32>load<u16>(nibbles + <usize>((i & 7) * 2));
  return (i < 8 ? value : value >> 4) & 0x0f0f;
}

export function repackQ5_0(source: usize, target: usize, groups: i32, blocks: i32): void {
  const rowBytes = blocks * Q5_0_BYTES;
  for (let g = 0; g < groups; g++) {
    for (let b = 0; b < blocks; b++) {
      for (let r = 0; r < 8; r++) {
        const from = source + <usize>((g * 8 + r) * rowBytes + b * Q5_0_BYTES);
        const high = load<i32>(from, 2);
        store<u16>(target + <usize>(halfSlot(r) * 2), load<u16>(from));
        for (let i = 0; i < 16; i++) {
          // q - 16 as a signed byte: the nibble, and the top four bits set where the fifth is not.
          const sign = (fifthBits(~(high >> (2 * i))) >> 4) * 0xf0;
          store<u16>(target + <usize>(16 + i * 16 + r * 2), <u16>(pairOf(from + 6, i) | sign));
        }
      }
      target += BLOCK8_BYTES;
    }
  }
}

// @ts-ignore: decorator
@inline
function storeScales(target: usize, r: i32, first: i32, second: i32, m: i32): void {
  const slot = target + <usize>(halfSlot(r) * 2);
  store<u16>(slot, <u16>first);
  store<u16>(slot, <u16>second, 16);
  store<u16>(slot, <u16>m, 32);
}

export function repackQ5_1(source: usize, target: usize, groups: i32, blocks: i32): void {
  const rowBytes = blocks * Q5_1_BYTES;
  for (let g = 0; g < groups; g++) {
    for (let b = 0; b < blocks; b++) {
      for (let r = 0; r < 8; r++) {
        const from = source + <usize>((g * 8 + r) * rowBytes + b * Q5_1_BYTES);
        const d = <i32>load<u16>(from), high = load<i32>(from, 4);
        storeScales(target, r, d, d, <i32>load<u16>(from, 2));
        for (let i = 0; i < 16; i++) {
          const value = pairOf(from + 8, i) | fifthBits(high >> (2 * i));
          store<u16>(target + <usize>(FINE_HEAD_BYTES + i * 16 + r * 2), <u16>value);
        }
      }
      target += BLOCK8_FINE_BYTES;
    }
  }
}

// Eight 6-bit scales and eight 6-bit mins in 12 bytes: the first four of each whole, the low four
// bits of the others in bytes 8 to 11 and their high two bits on top of bytes 0 to 7.
// @ts-ignore: decorator
@inline
function scaleK(packed: usize, s: i32): i32 {
  const at = packed + <usize>s;
  if (s < 4) return <i32>load<u8>(at) & 63;
  return (<i32>load<u8>(at, 4) & 15) | ((<i32>load<u8>(at - 4) >> 6) << 4);
}

// @ts-ignore: decorator
@inline
function minK(packed: usize, s: i32): i32 {
  const at = packed + <usize>s;
  if (s < 4) return <i32>load<u8>(at, 4) & 63;
  return (<i32>load<u8>(at, 4) >> 4) | ((<i32>load<u8>(at) >> 6) << 4);
}

// @ts-ignore: decorator
@inline
function product(half: usize, factor: i32): i32 {
  return floatToHalf(halfToFloat(<i32>load<u16>(half)) * <f32>factor);
}

export function repackQ4_K(source: usize, target: usize, groups: i32, blocks: i32): void {
  const rowBytes = (blocks >> 3) * Q4_K_BYTES;
  for (let g = 0; g < groups; g++) {
    for (let b = 0; b < blocks; b++) {
      const s = b & 7, shift = (s & 1) * 4;
      for (let r = 0; r < 8; r++) {
        const from = source + <usize>((g * 8 + r) * rowBytes + (b >> 3) * Q4_K_BYTES);
        const slot = target + <usize>(halfSlot(r) * 2);
        store<u16>(slot, <u16>product(from, scaleK(from + 4, s)));
        store<u16>(slot, <u16>product(from + 2, -minK(from + 4, s)), 16);
        const nibbles = from + <usize>(16 + (s >> 1) * 32);
        for (let j = 0; j < 4; j++) {
          const low = (load<i32>(nibbles + <usize>(j * 8)) >>> shift) & 0x0f0f0f0f;
          const high = (load<i32>(nibbles + <usize>(j * 8), 4) >>> shift) & 0x0f0f0f0f;
          store<i32>(target + <usize>(32 + j * 32 + r * 4), low | (high << 4));
        }
      }
      target += BLOCK4_BYTES;
    }
  }
}

export function repackQ5_K(source: usize, target: usize, groups: i32, blocks: i32): void {
  const rowBytes = (blocks >> 3) * Q5_K_BYTES;
  for (let g = 0; g < groups; g++) {
    for (let b = 0; b < blocks; b++) {
      const s = b & 7, shift = (s & 1) * 4;
      for (let r = 0; r < 8; r++) {
        const from = source + <usize>((g * 8 + r) * rowBytes + (b >> 3) * Q5_K_BYTES);
        const d = product(from, scaleK(from + 4, s));
        storeScales(target, r, d, d, product(from + 2, -minK(from + 4, s)));
        const nibbles = from + <usize>(48 + (s >> 1) * 32);
        for (let i = 0; i < 16; i++) {
          // Bit s of byte k is the fifth bit of column k.
          const high = ((<i32>load<u16>(from + <usize>(i * 2), 16) >> s) & 0x0101) << 4;
          const low = (<i32>load<u16>(nibbles + <usize>(i * 2)) >> shift) & 0x0f0f;
          store<u16>(target + <usize>(FINE_HEAD_BYTES + i * 16 + r * 2), <u16>(low | high));
        }
      }
      target += BLOCK8_FINE_BYTES;
    }
  }
}

export function repackQ6_K(source: usize, target: usize, groups: i32, blocks: i32): void {
  const rowBytes = (blocks >> 3) * Q6_K_BYTES;
  for (let g = 0; g < groups; g++) {
    for (let b = 0; b < blocks; b++) {
      const s = b & 7, quarter = s & 3;
      for (let r = 0; r < 8; r++) {
        const from = source + <usize>((g * 8 + r) * rowBytes + (b >> 3) * Q6_K_BYTES);
        const scales = from + <usize>(192 + s * 2), d = from + 208;
        storeScales(target, r, product(d, <i32>load<i8>(scales)), product(d, <i32>load<i8>(scales, 1)), 0);
        // Halves of 128 columns; in each, quarters 0 and 1 are the low nibbles of 64 bytes, 2 and 3
        // the high ones; 32 bytes hold two more bits of each quarter.
        const low = from + <usize>((s >> 2) * 64 + (quarter & 1) * 32), lowShift = (quarter >> 1) * 4;
        const high = from + <usize>(128 + (s >> 2) * 32), highShift = quarter * 2;
        for (let i = 0; i < 16; i++) {
          const four = (<i32>load<u16>(low + <usize>(i * 2)) >> lowShift) & 0x0f0f;
          const two = ((<i32>load<u16>(high + <usize>(i * 2)) >> highShift) & 0x0303) << 4;
          // q - 32 as a signed byte, two at a time: bit 5 flipped and spread over bits 5 to 7.
          const flipped = (four | two) ^ 0x2020;
          const value = flipped | ((flipped & 0x2020) << 1) | ((flipped & 0x2020) << 2);
          store<u16>(target + <usize>(FINE_HEAD_BYTES + i * 16 + r * 2), <u16>value);
        }
      }
      target += BLOCK8_FINE_BYTES;
    }
  }
}
