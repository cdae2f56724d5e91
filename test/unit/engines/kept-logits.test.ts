import { describe, expect, it } from 'vitest';
import { createKeptLogits } from '../../../src/engines/wasm/kept-logits.ts';

const logits = (value: number): Float32Array => new Float32Array(4).fill(value);

describe('createKeptLogits', () => {
  it('finds what was kept, as it was then', () => {
    const kept = createKeptLogits(2);
    const scratch = logits(1);
    kept.keep(5, scratch);
    scratch.fill(9);
    expect(kept.find(5)).toEqual(logits(1));
    expect(kept.find(4)).toBeNull();
    kept.keep(5, logits(2));
    expect(kept.find(5)).toEqual(logits(2));
  });

  it('lets go of those after the fewest tokens first', () => {
    const kept = createKeptLogits(2);
    for (const length of [3, 4, 5]) kept.keep(length, logits(length));
    expect(kept.find(3)).toBeNull();
    expect(kept.find(4)).toEqual(logits(4));
    expect(kept.find(5)).toEqual(logits(5));
  });

  it('forgets what came after tokens that are gone, and uses its memory again', () => {
    const kept = createKeptLogits(2);
    kept.keep(3, logits(3));
    kept.keep(6, logits(6));
    const memory = kept.find(6)?.buffer;
    kept.cutTo(5);
    expect(kept.find(6)).toBeNull();
    expect(kept.find(3)).toEqual(logits(3));
    kept.keep(7, logits(7));
    expect(kept.find(7)?.buffer).toBe(memory);
    expect(kept.find(3)).toEqual(logits(3));
  });

  it('keeps nothing where there is no room', () => {
    const kept = createKeptLogits(0);
    kept.keep(1, logits(1));
    expect(kept.find(1)).toBeNull();
  });
});
