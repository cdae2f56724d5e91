import { describe, expect, it } from 'vitest';
import { commonPrefixLength, createSlotTable } from '../../../src/engines/wasm/slots.ts';
import type { SlotTable } from '../../../src/engines/wasm/slots.ts';
import { EngineError } from '../../../src/errors.ts';

function createTable(maxSlots: number, memorySlots = Infinity): SlotTable {
  let made = 0;
  return createSlotTable({
    maxSlots,
    keptLogits: 2,
    addSlot() {
      if (made >= memorySlots) throw new EngineError('out-of-memory', 'no room');
      return made++;
    },
  });
}

describe('createSlotTable', () => {
  it('gives a session its own slot again, with its tokens', () => {
    const table = createTable(2);
    const slot = table.take('a');
    slot.tokens.push(1, 2, 3);
    table.free(slot);
    table.free(table.take('b'));
    expect(table.take('a')).toBe(slot);
    expect(slot.tokens).toEqual([1, 2, 3]);
  });

  it('makes slots up to the limit, then takes the one idle for longest, emptied', () => {
    const table = createTable(2);
    const first = table.take('a');
    const second = table.take('b');
    first.tokens.push(1);
    second.tokens.push(2);
    table.free(second);
    table.free(first);
    const third = table.take('c');
    expect(third.index).toBe(second.index);
    expect(third.tokens).toEqual([]);
    table.free(table.take('a'));
    expect(first.tokens).toEqual([1]);
  });

  it('takes the slot of a single answer before that of a session, however often', () => {
    const table = createTable(2);
    const field = table.take('field');
    field.tokens.push(1, 2);
    table.free(field);
    for (const answer of ['a', 'b', 'c', 'd']) table.free(table.take(answer), { isOneShot: true });
    expect(table.take('field')).toBe(field);
    expect(field.tokens).toEqual([1, 2]);
  });

  it('never takes a slot that is in use', () => {
    const table = createTable(2);
    const first = table.take('a');
    const second = table.take('b');
    expect(table.canTake('c')).toBe(false);
    expect(() => table.take('c')).toThrow(TypeError);
    table.free(second);
    expect(table.canTake('c')).toBe(true);
    expect(table.take('c').index).toBe(second.index);
    expect(first.index).not.toBe(second.index);
  });

  it('allows one run per session', () => {
    const table = createTable(4);
    const slot = table.take('a');
    expect(table.canTake('a')).toBe(false);
    expect(() => table.take('a')).toThrow(/release/u);
    table.free(slot);
    expect(table.canTake('a')).toBe(true);
  });

  it('frees a slot once, not the slot of the session that has it now', () => {
    const table = createTable(1);
    const slot = table.take('a');
    table.free(slot);
    table.free(slot);
    table.take('b');
    expect(table.canTake('c')).toBe(false);
  });

  it('makes do with fewer slots when memory runs out', () => {
    const table = createTable(4, 1);
    table.free(table.take('a'));
    expect(table.take('b').index).toBe(0);
    expect(table.canTake('c')).toBe(false);
  });

  it('passes the error on when not even one slot fits', () => {
    expect(() => createTable(4, 0).take('a')).toThrow(EngineError);
  });
});

describe('commonPrefixLength', () => {
  it.each<[number[], number[], number]>([
    [[], [], 0],
    [[1, 2], [1, 2, 3], 2],
    [[1, 2, 3], [1, 4, 3], 1],
    [[5], [1], 0],
  ])('of %j and %j is %d', (left, right, length) => {
    expect(commonPrefixLength(left, right)).toBe(length);
    expect(commonPrefixLength(right, left)).toBe(length);
  });
});
