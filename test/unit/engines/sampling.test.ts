import { describe, expect, it } from 'vitest';
import type { Decoder } from '../../../src/engines/wasm/decoder.ts';
import { createSampler } from '../../../src/engines/wasm/sampling.ts';
import { EngineError } from '../../../src/errors.ts';
import type { Sampling } from '../../../src/types.ts';
import { pickOf } from './fake-decoder.ts';

const PROBABILITIES = [0.05, 0.4, 0.1, 0.25, 0.15, 0.05];
const LOGITS = Float32Array.from(PROBABILITIES, (probability) => Math.log(probability) + 3);

function decoderOf(logits: Float32Array): Pick<Decoder, 'logits' | 'pick'> {
  return { logits: () => logits, pick: () => pickOf(logits) };
}

/** Share of each token in many draws. */
function shares(sampling: Sampling, logits = LOGITS, allowed: Uint32Array | null = null): number[] {
  const sampler = createSampler({ seed: 5, ...sampling }, new Set());
  const counts = Array.from(logits, () => 0);
  const decoder = decoderOf(logits) as Decoder;
  const draws = logits.length > 100 ? 500 : 20_000;
  for (let draw = 0; draw < draws; draw++) counts[sampler.choose(decoder, allowed).id]! += 1;
  return counts.map((count) => count / draws);
}

function expectShares(found: readonly number[], expected: readonly number[]): void {
  const total = expected.reduce((sum, weight) => sum + weight, 0);
  // Four standard deviations of a share of 0.5 in 20,000 draws.
  for (const [id, weight] of expected.entries()) {
    expect(Math.abs(found[id]! - weight / total)).toBeLessThan(0.015);
    if (weight === 0) expect(found[id]).toBe(0);
  }
}

describe('createSampler', () => {
  it.each<Sampling>([{}, { temperature: 0 }, { topK: 3, topP: 0.5, minP: 0.1, seed: 3 }])(
    'chooses greedily for %j',
    (sampling) => {
      const pick = createSampler(sampling, new Set()).choose(decoderOf(LOGITS) as Decoder, null);
      expect(pick.id).toBe(1);
      expect(pick.logProbability).toBeCloseTo(Math.log(0.4), 5);
      expect(pick.margin).toBeCloseTo(Math.log(0.4 / 0.25), 5);
    },
  );

  it('renormalises evidence over the allowed tokens', () => {
    const allowed = Uint32Array.of(0, 2, 4);
    const pick = createSampler({}, new Set()).choose(decoderOf(LOGITS) as Decoder, allowed);
    expect(pick.id).toBe(4);
    expect(pick.logProbability).toBeCloseTo(Math.log(0.15 / 0.3), 5);
    expect(pick.margin).toBeCloseTo(Math.log(0.15 / 0.1), 5);
    const only = createSampler({}, new Set()).choose(
      decoderOf(LOGITS) as Decoder,
      Uint32Array.of(5),
    );
    expect(only).toEqual({ id: 5, logProbability: 0, margin: Infinity });
  });

  it('draws tokens by their probability', () => {
    expectShares(shares({ temperature: 1 }), PROBABILITIES);
  });

  it('sharpens with a low temperature and flattens with a high one', () => {
    expectShares(
      shares({ temperature: 0.5 }),
      PROBABILITIES.map((probability) => probability ** 2),
    );
    expectShares(
      shares({ temperature: 2 }),
      PROBABILITIES.map((probability) => Math.sqrt(probability)),
    );
  });

  it('keeps the k best tokens', () => {
    expectShares(shares({ temperature: 1, topK: 2 }), [0, 0.4, 0, 0.25, 0, 0]);
    expectShares(shares({ temperature: 1, topK: 100 }), PROBABILITIES);
  });

  it('keeps the smallest set that reaches top-p', () => {
    expectShares(shares({ temperature: 1, topP: 0.6 }), [0, 0.4, 0, 0.25, 0, 0]);
    expectShares(shares({ temperature: 1, topP: 0.7 }), [0, 0.4, 0, 0.25, 0.15, 0]);
    expectShares(shares({ temperature: 1, topP: 1e-9 }), [0, 1, 0, 0, 0, 0]);
  });

  it('drops tokens below min-p of the best one', () => {
    expectShares(shares({ temperature: 1, minP: 0.3 }), [0, 0.4, 0, 0.25, 0.15, 0]);
    expectShares(shares({ temperature: 1, minP: 1 }), [0, 1, 0, 0, 0, 0]);
  });

  it('applies top-k, top-p and min-p after the temperature, in this order', () => {
    // Tempered: 0.4², 0.25², 0.15²; of these three top-p 0.9 keeps two, and min-p 0.5 one.
    expectShares(shares({ temperature: 0.5, topK: 3, topP: 0.9 }), [0, 0.16, 0, 0.0625, 0, 0]);
    expectShares(shares({ temperature: 0.5, topK: 3, topP: 0.9, minP: 0.5 }), [0, 1, 0, 0, 0, 0]);
  });

  it('draws among the allowed tokens alone', () => {
    const allowed = Uint32Array.of(0, 2, 3);
    expectShares(shares({ temperature: 1 }, LOGITS, allowed), [0.05, 0, 0.1, 0.25, 0, 0]);
    expectShares(shares({ temperature: 1, topK: 1 }, LOGITS, allowed), [0, 0, 0, 1, 0, 0]);
  });

  it('agrees with the plain definition on a large vocabulary', () => {
    const logits = Float32Array.from({ length: 3000 }, (_, id) => Math.sin(id * 12.9898) * 6);
    const ordered = [...logits.keys()].toSorted((a, b) => logits[b]! - logits[a]!);
    const kept = new Set(ordered.slice(0, 40));
    const found = shares({ temperature: 1, topK: 40 }, logits);
    for (const [id, share] of found.entries()) if (!kept.has(id)) expect(share).toBe(0);
    expect(found.filter((share) => share > 0).length).toBeGreaterThan(30);
  });

  it('gives the same draws for the same seed and others for another', () => {
    const draw = (seed: number): number[] => {
      const sampler = createSampler({ temperature: 1, seed }, new Set());
      return Array.from(
        { length: 30 },
        () => sampler.choose(decoderOf(LOGITS) as Decoder, null).id,
      );
    };
    expect(draw(9)).toEqual(draw(9));
    expect(draw(9)).not.toEqual(draw(10));
  });

  it('penalises tokens that were seen, without changing the evidence', () => {
    const logits = Float32Array.of(2, 1.9, -1, -1.1);
    const sampler = createSampler({ repetitionPenalty: 1.2 }, new Set([0, 2]));
    const pick = sampler.choose(decoderOf(logits) as Decoder, null);
    expect(pick.id).toBe(1);
    expect(pick.logProbability).toBeCloseTo(pickOf(logits, [1, 0, 2, 3]).logProbability - 0.1, 5);
    expect(pick.margin).toBeCloseTo(0.1, 5);
    const negative = createSampler({ repetitionPenalty: 1.2 }, new Set([2]));
    expect(negative.choose(decoderOf(logits) as Decoder, Uint32Array.of(2, 3)).id).toBe(3);
  });

  it('counts the tokens that the caller adds later', () => {
    const seen = new Set<number>();
    const sampler = createSampler({ repetitionPenalty: 2 }, seen);
    expect(sampler.choose(decoderOf(LOGITS) as Decoder, null).id).toBe(1);
    seen.add(1);
    expect(sampler.choose(decoderOf(LOGITS) as Decoder, null).id).toBe(3);
  });

  it('refuses logits that are not numbers', () => {
    const broken = new Float32Array(4).fill(Number.NaN);
    const choose = (sampling: Sampling, allowed: Uint32Array | null): unknown =>
      createSampler(sampling, new Set()).choose(decoderOf(broken) as Decoder, allowed);
    expect(() => choose({}, null)).toThrow(EngineError);
    expect(() => choose({}, Uint32Array.of(1))).toThrow(EngineError);
    expect(() => choose({ temperature: 1 }, null)).toThrow(EngineError);
  });

  it.each<Sampling>([
    { temperature: -1 },
    { temperature: Number.NaN },
    { topK: 1.5 },
    { topP: 0 },
    { topP: 1.1 },
    { minP: -0.1 },
    { repetitionPenalty: 0 },
    { seed: 0.5 },
  ])('refuses %j and shows the right call', (sampling) => {
    expect(() => createSampler(sampling, new Set())).toThrow(TypeError);
    expect(() => createSampler(sampling, new Set())).toThrow(Object.keys(sampling)[0]);
  });
});
