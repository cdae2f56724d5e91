/// <reference lib="webworker" />
// What one thread can do at most, measured in the same rounds as the engines: reading, and multiplying.
import type { Precision } from '../../src/types.ts';
import { answerCalls } from '../worker-client.ts';
import { createDotRate, type DotRate } from './dot-rate.ts';
import { createReadLoop, type ReadLoop } from './read-loop.ts';

/** Passes per turn: one of some milliseconds alone says little. */
const PASSES = 4;

let readLoop: ReadLoop;
const dotRates: Partial<Record<Precision, DotRate>> = {};

answerCalls({
  async load(byteLength: number) {
    readLoop = await createReadLoop(byteLength);
  },
  readMs: () => Array.from({ length: PASSES }, () => readLoop.passMs()),
  async gigaMacs(precision: Precision) {
    const dotRate = (dotRates[precision] ??= await createDotRate(precision));
    return Array.from({ length: PASSES }, () => dotRate.gigaMacs());
  },
});
