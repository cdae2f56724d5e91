/// <reference lib="webworker" />
// What one thread can do at most, measured in the same rounds as the engines: reading, and multiplying.
import type { Precision } from '../../src/types.ts';
import { answerCalls } from '../worker-client.ts';
import { createDotRate, type DotRate } from './dot-rate.ts';
import { createReadLoop, type ReadLoop } from './read-loop.ts';

/** Passes per turn: one of some milliseconds alone says little. */
const PASSES = 4;

let readLoop: ReadLoop;
let dotRates: Readonly<Record<Precision, DotRate>>;

answerCalls({
  async load(byteLength: number) {
    readLoop = await createReadLoop(byteLength);
    dotRates = { exact: await createDotRate('exact'), fast: await createDotRate('fast') };
  },
  readMs: () => Array.from({ length: PASSES }, () => readLoop.passMs()),
  gigaMacs: (precision: Precision) =>
    Array.from({ length: PASSES }, () => dotRates[precision].gigaMacs()),
});
