import { describe, expect, it } from 'vitest';
import { applyMap } from '../../../src/cascade/calibration-map.ts';
import { calibrateCompletion } from '../../../src/evaluate/complete/calibrate.ts';
import { evaluateComplete } from '../../../src/evaluate/complete.ts';
import { offersOfMemory, offersOfPasses } from '../../../src/evaluate/complete/sources.ts';
import type { WritingTurn } from '../../../src/evaluate/complete/turns.ts';
import { createWordMemory } from '../../../src/completion/word-memory.ts';

const SENTENCES = [
  'I would like a coffee please',
  'Can I have a small green tea',
  'That is all thank you',
];

function turnsOf(count: number): WritingTurn[] {
  return Array.from({ length: count }, (_, index) => ({
    id: String(index),
    text: SENTENCES[index % SENTENCES.length]!,
    context: [],
  }));
}

function restOfWord(text: string, position: number): string {
  return /^ ?[^ ]*/.exec(text.slice(position))?.[0] ?? '';
}

function memoryOf(messages: readonly string[]) {
  const memory = createWordMemory();
  for (const message of messages) memory.learn(message);
  return memory;
}

const common = { passes: null, seed: 1, context: {} };

describe('the worth of completion', () => {
  it('is high for a memory of the very texts, and none for one of other texts', async () => {
    const turns = turnsOf(30);
    const knowing = offersOfMemory(turns, memoryOf(SENTENCES), { withSpace: true });
    const strange = offersOfMemory(turns, memoryOf(['zzz yyy']), { withSpace: true });
    const high = await evaluateComplete({ ...common, turns, sources: [knowing] });
    const low = await evaluateComplete({ ...common, turns, sources: [strange] });
    expect(high.figures['keystrokesSaved']).toBeGreaterThan(0.5);
    expect(high.figures['flashesPer100Keys']).toBeLessThanOrEqual(5);
    expect(low.figures['keystrokesSaved']).toBeLessThanOrEqual(0.01);
  });

  it('of two sources is compared with the better one alone', async () => {
    const turns = turnsOf(30);
    const memory = offersOfMemory(turns, memoryOf(SENTENCES), { withSpace: true });
    const silent = turns.map(({ text }) =>
      Array.from({ length: text.length }, () => ({ pieces: [], isEnded: false, ms: 1 })),
    );
    const model = offersOfPasses(turns, silent, { withSpace: true });
    const { figures } = await evaluateComplete({ ...common, turns, sources: [model, memory] });
    expect(figures['modelAloneSaved']).toBe(0);
    expect(figures['bothMinusBetter']).toBeCloseTo(0, 6);
  });

  it('leaves a source out that costs more than it saves', () => {
    const turns = turnsOf(40);
    const sentences = offersOfMemory(turns, memoryOf(SENTENCES), { withSpace: true });
    // As sure and as right as the memory, and never more than a word: shown first, it costs keys.
    const words = turns.map(({ text }) =>
      Array.from({ length: text.length }, (_, position) => ({
        pieces: [{ text: restOfWord(text, position), logProbability: 0, isTyped: false }],
        isEnded: true,
        ms: 1,
      })),
    );
    const short = offersOfPasses(turns, words, { withSpace: true });
    const options = { turns, flashBudget: 5, messages: 3 };
    const both = calibrateCompletion({ ...options, sources: [short, sentences] });
    expect(applyMap(both.maps.model!, 1)).toBeLessThan(0.01);
    expect(applyMap(both.maps.memory!, 1)).toBeGreaterThan(0.5);
  });

  it('can be judged with a calibration that was fitted on other turns', async () => {
    const turns = turnsOf(30);
    const sources = [offersOfMemory(turns, memoryOf(SENTENCES), { withSpace: true })];
    const options = { turns, sources, flashBudget: 5, messages: SENTENCES.length };
    const entry = calibrateCompletion(options);
    expect(entry.history).toBe('1-99');
    const { figures } = await evaluateComplete({ ...common, turns, sources, entry });
    expect(figures['threshold']).toBe(entry.threshold);
    expect(figures['keystrokesSaved']).toBeGreaterThan(0.5);
  });

  it('fails the bars that are asked for and missed', async () => {
    const turns = turnsOf(30);
    const sources = [offersOfMemory(turns, memoryOf(['zzz']), { withSpace: true })];
    const report = await evaluateComplete({ ...common, turns, sources, bars: { leastSaved: 0.2 } });
    expect(report.ok).toBe(false);
    expect(report.bars).toHaveLength(1);
  });

  it('is the same each time with the same seed', async () => {
    const turns = turnsOf(24);
    const sources = [offersOfMemory(turns, memoryOf(SENTENCES.slice(1)), { withSpace: false })];
    const once = await evaluateComplete({ ...common, turns, sources });
    expect(await evaluateComplete({ ...common, turns, sources })).toEqual(once);
  });

  it('needs some turns', async () => {
    const turns = turnsOf(3);
    const sources = [offersOfMemory(turns, memoryOf(SENTENCES), { withSpace: true })];
    await expect(evaluateComplete({ ...common, turns, sources })).rejects.toThrow('Only 3 turns');
  });
});
