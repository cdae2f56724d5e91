// Greedy choice with its log-probability and margin, so that 12 bytes leave WebAssembly and not the
// logits of the whole vocabulary. `count` is a multiple of 4 (padding holds -Infinity).
import { exponential } from './exponential';
import { maxLanes, sumLanes } from './layout';

/** Writes index (i32), log-probability (f32), margin (f32) to `out`. NaN logits give index -1. */
export function pickGreedy(logits: usize, count: i32, out: usize): void {
  const end = logits + <usize>(count * 4);
  let best = f32x4.splat(-Infinity), second = best;
  for (let i = logits; i < end; i += 16) {
    const v = v128.load(i);
    second = f32x4.max(second, f32x4.min(best, v));
    best = f32x4.max(best, v);
  }
  const top = maxLanes(best);
  const index = indexOf(logits, count, top);
  store<i32>(out, index);
  store<f32>(out, -logOfSum(logits, end, top), 4);
  store<f32>(out, top - secondOf(best, second, top), 8);
}

function indexOf(logits: usize, count: i32, value: f32): i32 {
  for (let i = 0; i < count; i++) {
    if (load<f32>(logits + <usize>(i * 4)) == value) return i;
  }
  return -1;
}

// The second best overall: the best lane's own second, or another lane's best.
function secondOf(best: v128, second: v128, top: f32): f32 {
  let isTaken = false;
  let result = maxLanes(second);
  for (let lane = 0; lane < 4; lane++) {
    const value = laneOf(best, lane);
    if (value == top && !isTaken) isTaken = true;
    else result = max(result, value);
  }
  return result;
}

function laneOf(v: v128, lane: i32): f32 {
  if (lane == 0) return f32x4.extract_lane(v, 0);
  if (lane == 1) return f32x4.extract_lane(v, 1);
  if (lane == 2) return f32x4.extract_lane(v, 2);
  return f32x4.extract_lane(v, 3);
}

function logOfSum(logits: usize, end: usize, top: f32): f32 {
  const highest = f32x4.splat(top);
  // Sums of 1,024 terms are added in f64: 49,152 small f32 would lose digits.
  let total: f64 = 0;
  let from = logits;
  while (from < end) {
    const stop = min(from + 4096, end);
    let part = f32x4.splat(0);
    for (; from < stop; from += 16) {
      part = f32x4.add(part, exponential(f32x4.sub(v128.load(from), highest)));
    }
    total += <f64>sumLanes(part);
  }
  return <f32>Math.log(total);
}
