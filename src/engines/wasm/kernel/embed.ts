// One row of the embedding, read from the same bytes as the head.
import {
  BLOCK4_BYTES, BLOCK8_BYTES, BLOCK8_FINE_BYTES, FINE_HEAD_BYTES, halfSlot, halfToFloat,
} from './layout';

export function embedRow4(w: usize, row: i32, blocks: i32, out: usize): void {
  const r = row & 7;
  let block = w + <usize>((row >> 3) * blocks) * BLOCK4_BYTES;
  for (let b = 0; b < blocks; b++) {
    const d = halfToFloat(load<u16>(block + <usize>(halfSlot(r) * 2)));
    const m = halfToFloat(load<u16>(block + <usize>(halfSlot(r) * 2), 16));
    for (let j = 0; j < 4; j++) {
      for (let i = 0; i < 4; i++) {
        const byte = <i32>load<u8>(block + <usize>(32 + j * 32 + r * 4 + i));
        store<f32>(out + <usize>((8 * j + i) * 4), d * <f32>(byte & 15) + m);
        store<f32>(out + <usize>((8 * j + 4 + i) * 4), d * <f32>(byte >> 4) + m);
      }
    }
    block += BLOCK4_BYTES;
    out += 128;
  }
}

export function embedRow8(w: usize, row: i32, blocks: i32, out: usize): void {
  const r = row & 7;
  let block = w + <usize>((row >> 3) * blocks) * BLOCK8_BYTES;
  for (let b = 0; b < blocks; b++) {
    const d = halfToFloat(load<u16>(block + <usize>(halfSlot(r) * 2)));
    for (let i = 0; i < 16; i++) {
      const pair = block + <usize>(16 + i * 16 + r * 2);
      store<f32>(out + <usize>(i * 8), d * <f32>load<i8>(pair));
      store<f32>(out + <usize>(i * 8), d * <f32>load<i8>(pair, 1), 4);
    }
    block += BLOCK8_BYTES;
    out += 128;
  }
}

export function embedRow8Fine(w: usize, row: i32, blocks: i32, out: usize): void {
  const r = row & 7;
  const slot = <usize>(halfSlot(r) * 2);
  let block = w + <usize>((row >> 3) * blocks) * BLOCK8_FINE_BYTES;
  for (let b = 0; b < blocks; b++) {
    const m = halfToFloat(load<u16>(block + slot, 32));
    for (let i = 0; i < 16; i++) {
      const d = halfToFloat(load<u16>(block + slot + <usize>((i >> 3) * 16)));
      const pair = block + <usize>(FINE_HEAD_BYTES + i * 16 + r * 2);
      store<f32>(out + <usize>(i * 8), d * <f32>load<i8>(pair) + m);
      store<f32>(out + <usize>(i * 8), d * <f32>load<i8>(pair, 1) + m, 4);
    }
    block += BLOCK8_FINE_BYTES;
    out += 128;
  }
}

export function embedRowF16(w: usize, row: i32, columns: i32, out: usize): void {
  const base = w + <usize>((row >> 3) * columns) * 16 + <usize>(halfSlot(row & 7) * 2);
  for (let k = 0; k < columns; k++) {
    store<f32>(out + <usize>(k * 4), halfToFloat(load<u16>(base + <usize>(k * 16))));
  }
}

export function embedRowF32(w: usize, row: i32, columns: i32, out: usize): void {
  const base = w + <usize>((row >> 3) * columns) * 32 + <usize>((row & 7) * 4);
  for (let k = 0; k < columns; k++) {
    store<f32>(out + <usize>(k * 4), load<f32>(base + <usize>(k * 32)));
  }
}
