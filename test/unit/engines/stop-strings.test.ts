import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStopFilter } from '../../../src/engines/wasm/stop-strings.ts';

describe('createStopFilter', () => {
  it('passes text on when there is nothing to stop at', () => {
    expect(createStopFilter([]).push('anything')).toEqual({ text: 'anything', isStopped: false });
  });

  it('holds back what may become a stop string and releases it when it does not', () => {
    const filter = createStopFilter(['END']);
    expect(filter.push('the EN')).toEqual({ text: 'the ', isStopped: false });
    expect(filter.push('Emy')).toEqual({ text: 'ENEmy', isStopped: false });
  });

  it('stops at a string that spans several pieces', () => {
    const filter = createStopFilter(['\n\n', 'END']);
    expect(filter.push('one E')).toEqual({ text: 'one ', isStopped: false });
    expect(filter.push('N')).toEqual({ text: '', isStopped: false });
    expect(filter.push('D two')).toEqual({ text: '', isStopped: true });
    expect(filter.flush()).toBe('');
  });

  it('gives what it held when the text is over', () => {
    const filter = createStopFilter(['END']);
    filter.push('the E');
    expect(filter.flush()).toBe('E');
    expect(filter.flush()).toBe('');
  });

  it('refuses an empty stop string', () => {
    expect(() => createStopFilter([''])).toThrow(TypeError);
  });

  it('gives the text before the first stop string, however it is cut into pieces', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 30 });
    const stops = fc.array(
      fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 }),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(letters, stops, fc.array(fc.integer({ min: 1, max: 5 })), (text, ends, cuts) => {
        const filter = createStopFilter(ends);
        let out = '';
        let at = 0;
        let isStopped = false;
        for (let index = 0; at < text.length && !isStopped; index++) {
          const piece = text.slice(at, at + (cuts[index] ?? 1));
          at += piece.length;
          const result = filter.push(piece);
          out += result.text;
          isStopped = result.isStopped;
        }
        // Token by token the first string to be complete ends it, as a reader of the stream sees it.
        const end = firstComplete(text, ends, isStopped ? at : text.length);
        expect(out + filter.flush()).toBe(end === null ? text : text.slice(0, end));
        expect(isStopped).toBe(end !== null);
      }),
      { numRuns: 2000 },
    );
  });
});

/** Where the earliest stop string begins in the text that had come when one was complete. */
function firstComplete(text: string, stops: readonly string[], length: number): number | null {
  const starts = stops.map((stop) => text.slice(0, length).indexOf(stop)).filter((at) => at >= 0);
  return starts.length === 0 ? null : Math.min(...starts);
}
