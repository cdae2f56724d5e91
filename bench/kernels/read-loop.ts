/**
 * Reads `byteLength` bytes (a multiple of 128) from `start` with SIMD loads and does nothing else
 * worth its time: the fastest that one WebAssembly thread can stream weights from memory. Two streams
 * at once, from the two halves, because the engine's kernels read that way too. Gives a checksum so
 * that no load can be left out.
 */
export function readLoop(start: usize, byteLength: usize): u32 {
  const half = byteLength >> 1;
  let first = start;
  let second = start + half;
  const end = second;
  let a = v128.splat<i32>(0);
  let b = v128.splat<i32>(0);
  let c = v128.splat<i32>(0);
  let d = v128.splat<i32>(0);
  while (first < end) {
    a = v128.xor(a, v128.load(first));
    b = v128.xor(b, v128.load(second));
    c = v128.xor(c, v128.load(first, 16));
    d = v128.xor(d, v128.load(second, 16));
    a = v128.xor(a, v128.load(first, 32));
    b = v128.xor(b, v128.load(second, 32));
    c = v128.xor(c, v128.load(first, 48));
    d = v128.xor(d, v128.load(second, 48));
    first += 64;
    second += 64;
  }
  const sum = v128.xor(v128.xor(a, b), v128.xor(c, d));
  return (
    i32x4.extract_lane(sum, 0) ^
    i32x4.extract_lane(sum, 1) ^
    i32x4.extract_lane(sum, 2) ^
    i32x4.extract_lane(sum, 3)
  );
}
