// From GGUF rows (row-major blocks) to groups of 8 rows. `source` holds whole groups: 8 rows of
// `blocks` blocks each; rows past the end of the tensor are zero bytes there.
import { BLOCK4_BYTES, BLOCK8_BYTES, halfSlot } from './layout';

const Q4_0_BYTES: i32 = 18;
const Q4_1_BYTES: i32 = 20;
const Q8_0_BYTES: i32 = 34;

/** -8 * d of a f16 d: three steps up in exponent, sign flipped. Exact below the f16 limit. */
function minusEight(d: i32): i32 {
  const magnitude = d & 0x7fff;
  const sign = (d & 0x8000) ^ 0x8000;
  if (magnitude == 0) return 0;
  const exponent = magnitude >> 10;
  if (exponent != 0) return sign | min(magnitude + (3 << 10), 0x7bff);
  // Subnormal: three doublings; the first carry into bit 10 makes it normal.
  let value = magnitude;
  for (let i = 0; i < 3; i++) value = value >= 0x400 ? value + 0x400 : value << 1;
  return sign | value;
}

// GGUF nibbles: byte i = columns i (low) and i + 16 (high). Ours: byte i of part j = columns
// 8j + i (low) and 8j + 4 + i (high), so a 4-byte word of ours joins two 4-byte words of theirs.
// @ts-ignore: decorator
@inline
function word4(nibbles: usize, j: i32): i32 {
  const offset = <usize>((j & 1) << 3);
  const low = load<i32>(nibbles + offset);
  const high = load<i32>(nibbles + offset, 4);
  if (j < 2) return (low & 0x0f0f0f0f) | ((high & 0x0f0f0f0f) << 4);
  return ((low >>> 4) & 0x0f0f0f0f) | (high & 0xf0f0f0f0);
}

function repack4(source: usize, target: usize, groups: i32, blocks: i32, hasMin: bool): void {
  const blockBytes: i32 = hasMin ? Q4_1_BYTES : Q4_0_BYTES;
  const headBytes: i32 = hasMin ? 4 : 2;
  const rowBytes = blocks * blockBytes;
  for (let g = 0; g < groups; g++) {
    const rows = source + <usize>(g * 8 * rowBytes);
    for (let b = 0; b < blocks; b++) {
      for (let r = 0; r < 8; r++) {
        const from = rows + <usize>(r * rowBytes + b * blockBytes);
        const d = <i32>load<u16>(from);
        const m = hasMin ? <i32>load<u16>(from, 2) : minusEight(d);
        store<u16>(target + <usize>(halfSlot(r) * 2), <u16>d);
        store<u16>(target + <usize>(halfSlot(r) * 2), <u16>m, 16);
        for (let j = 0; j < 4; j++) {
          store<i32>(target + <usize>(32 + j * 32 + r * 4), word4(from + <usize>headBytes, j));
        }
      }
      target += BLOCK4_BYTES;
    }
  }
}

export function repackQ4_0(source: usize, target: usize, groups: i32, blocks: i32): void {
  repack4(source, target, groups, blocks, false);
}

export function repackQ4_1(source: usize, target: usize, groups: i32, blocks: i32): void {
  repack4(source, target, groups, blocks, true);
}

export function repackQ8_0(source: usize, target: usize, groups: i32, blocks: i32): void {
  const rowBytes = blocks * Q8_0_BYTES;
  for (let g = 0; g < groups; g++) {
    const rows = source + <usize>(g * 8 * rowBytes);
    for (let b = 0; b < blocks; b++) {
      for (let r = 0; r < 8; r++) {
        const from = rows + <usize>(r * rowBytes + b * Q8_0_BYTES);
        store<u16>(target + <usize>(halfSlot(r) * 2), load<u16>(from));
        for (let i = 0; i < 16; i++) {
          store<u16>(target + <usize>(16 + i * 16 + r * 2), load<u16>(from + <usize>(i * 2), 2));
        }
      }
      target += BLOCK8_BYTES;
    }
  }
}

export function repackF16(source: usize, target: usize, groups: i32, columns: i32): void {
  for (let g = 0; g < groups; g++) {
    for (let k = 0; k < columns; k++) {
      for (let r = 0; r < 8; r++) {
        const value = load<u16>(source + <usize>(((g * 8 + r) * columns + k) * 2));
        store<u16>(target + <usize>(halfSlot(r) * 2), value);
      }
      target += 16;
    }
  }
}

export function repackF32(source: usize, target: usize, groups: i32, columns: i32): void {
  for (let g = 0; g < groups; g++) {
    for (let k = 0; k < columns; k++) {
      for (let r = 0; r < 8; r++) {
        store<u32>(target, load<u32>(source + <usize>(((g * 8 + r) * columns + k) * 4)));
        target += 4;
      }
    }
  }
}
