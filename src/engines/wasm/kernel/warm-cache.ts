// Asks for a layer's keys and values at once, before attention reads them. Between two visits of a
// layer the weights push them out of every cache; the loops of attention would then wait for each
// line in turn (measured: 0.95 ms a token at 128 positions, 0.58 with this).

const PAGE_BYTES: usize = 4096;
const LINE_BYTES: usize = 64;
const SEEN = memory.data(16);

/** `bytesPerNumber`: 4 or 2. Positions from `first` to before `length` are read. */
export function warmCache(
  keys: usize, values: usize, first: i32, length: i32, context: i32, kvHeads: i32, headDim: i32, bytesPerNumber: i32,
): void {
  const start = first & ~7;
  const keyBytes = <usize>(headDim * bytesPerNumber), valueBytes = <usize>(16 * bytesPerNumber);
  const count = <usize>(length - start);
  const headBytes = <usize>context * keyBytes, columnBytes = <usize>context * valueBytes;
  keys += <usize>start * keyBytes;
  values += <usize>start * valueBytes;
  const columns = headDim >> 4;
  let seen: i32 = 0;
  // Addresses first: looking up a page costs more than a line, and several are looked up at once.
  for (let h = 0; h < kvHeads; h++) {
    const head = <usize>h * headBytes;
    seen |= touch(keys + head, count * keyBytes, PAGE_BYTES);
    for (let c = 0; c < columns; c++) {
      seen |= touch(values + head + <usize>c * columnBytes, count * valueBytes, PAGE_BYTES);
    }
  }
  for (let h = 0; h < kvHeads; h++) {
    const head = <usize>h * headBytes;
    seen |= touchInFour(keys + head, count * keyBytes);
    for (let c = 0; c < columns; c++) {
      seen |= touchInFour(values + head + <usize>c * columnBytes, count * valueBytes);
    }
  }
  // Kept, so that no load is left out.
  store<i32>(SEEN, seen);
}

function touch(from: usize, bytes: usize, step: usize): i32 {
  let seen: i32 = 0;
  for (const end = from + bytes; from < end; from += step) seen |= load<i32>(from);
  return seen;
}

/** Four streams at once: one alone does not fill the memory's queue. */
function touchInFour(from: usize, bytes: usize): i32 {
  const quarter = (bytes >> 2) & ~(LINE_BYTES - 1);
  let seen: i32 = 0;
  for (const end = from + quarter; from < end; from += LINE_BYTES) {
    seen |= load<i32>(from) | load<i32>(from + quarter) | load<i32>(from + 2 * quarter) | load<i32>(from + 3 * quarter);
  }
  return seen;
}
