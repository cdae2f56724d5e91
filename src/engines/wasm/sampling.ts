import { EngineError } from '../../errors.ts';
import type { Sampling } from '../../types.ts';
import type { Decoder, Pick } from './decoder.ts';
import { createRandom, drawSeed } from './random.ts';
import type { Random } from './random.ts';

/** Chooses tokens for one run. */
export interface Sampler {
  /**
   * The next token from the decoder's logits, among `allowed` (ascending ids) or all. Evidence is
   * what the model saw: temperature 1, no penalty, among the allowed tokens.
   */
  choose(decoder: Decoder, allowed: Uint32Array | null): Pick;
}

type Settings = Required<Sampling>;

const DEFAULTS: Omit<Settings, 'seed'> = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
};

/**
 * Order of the steps: repetition penalty (positive logits divided, negative ones multiplied), then
 * temperature, top-k, top-p, min-p on the tempered probabilities, then one draw. `seen`: tokens the
 * penalty counts; the caller keeps adding to it. Throws `TypeError` on values out of range.
 */
export function createSampler(sampling: Sampling, seen: ReadonlySet<number>): Sampler {
  const settings = checkSampling(sampling);
  const random = createRandom(settings.seed);
  const isPlain = settings.temperature === 0 && settings.repetitionPenalty === 1;
  return {
    choose(decoder, allowed) {
      if (isPlain && allowed === null) return checkPick(decoder.pick());
      const logits = decoder.logits();
      const { logit, ...best } = summarise(logits, allowed);
      if (isPlain) return best;
      const id = chooseAdjusted(penalise(logits, seen, settings), allowed, { settings, random });
      const logProbability = (logits[id] ?? 0) - (logit - best.logProbability);
      return { id, logProbability, margin: best.margin };
    },
  };
}

function checkSampling(sampling: Sampling): Settings {
  const settings = { seed: drawSeed(), ...DEFAULTS, ...withoutUndefined(sampling) };
  const { temperature, topK, topP, minP, repetitionPenalty, seed } = settings;
  check('temperature', temperature >= 0 && temperature < Infinity, 'a number from 0');
  check('topK', Number.isInteger(topK) && topK >= 0, 'a whole number from 0');
  check('topP', topP > 0 && topP <= 1, 'a number above 0, up to 1');
  check('minP', minP >= 0 && minP <= 1, 'a number from 0 to 1');
  const isPenalty = repetitionPenalty > 0 && repetitionPenalty < Infinity;
  check('repetitionPenalty', isPenalty, 'a number above 0');
  check('seed', Number.isSafeInteger(seed), 'a whole number');
  return settings;
}

function withoutUndefined(sampling: Sampling): Sampling {
  return Object.fromEntries(Object.entries(sampling).filter(([, value]) => value !== undefined));
}

function check(name: string, isValid: boolean, expected: string): void {
  if (isValid) return;
  throw new TypeError(
    `sampling.${name} must be ${expected}, as in ` +
      '{ sampling: { temperature: 0.7, topK: 40, topP: 0.9, minP: 0.05, seed: 1 } }.',
  );
}

interface Summary extends Pick {
  /** Logit of the best token. */
  readonly logit: number;
}

/** The best token with its log-probability and margin, from the untouched logits. */
function summarise(logits: Float32Array, allowed: Uint32Array | null): Summary {
  const count = allowed?.length ?? logits.length;
  let id = 0;
  let logit = -Infinity;
  let second = -Infinity;
  for (let index = 0; index < count; index++) {
    const candidate = allowed === null ? index : (allowed[index] ?? 0);
    const value = logits[candidate] ?? -Infinity;
    if (value > logit) {
      second = logit;
      logit = value;
      id = candidate;
    } else if (value > second) {
      second = value;
    }
  }
  let sum = 0;
  for (let index = 0; index < count; index++) {
    sum += Math.exp(
      (logits[allowed === null ? index : (allowed[index] ?? 0)] ?? -Infinity) - logit,
    );
  }
  checkPick({ id, logProbability: sum, margin: 0 });
  return { id, logit, logProbability: 0 - Math.log(sum), margin: logit - second };
}

/** Weights that overflow give NaN, and NaN would silently choose token 0 for ever. */
function checkPick(pick: Pick): Pick {
  if (Number.isFinite(pick.logProbability)) return pick;
  throw new EngineError(
    'internal',
    'The model computed values that are not numbers. Get its file again, or choose another model.',
  );
}

function penalise(
  logits: Float32Array,
  seen: ReadonlySet<number>,
  { repetitionPenalty }: Settings,
): Float32Array {
  if (repetitionPenalty === 1) return logits;
  const adjusted = logits.slice();
  for (const id of seen) {
    const value = adjusted[id] ?? 0;
    adjusted[id] = value > 0 ? value / repetitionPenalty : value * repetitionPenalty;
  }
  return adjusted;
}

interface Draw {
  readonly settings: Settings;
  readonly random: Random;
}

function chooseAdjusted(logits: Float32Array, allowed: Uint32Array | null, draw: Draw): number {
  if (draw.settings.temperature === 0) return summarise(logits, allowed).id;
  const weights = temper(logits, allowed, draw.settings.temperature);
  const position = drawPosition(weights, narrow(weights, draw.settings), draw.random);
  return allowed === null ? position : (allowed[position] ?? 0);
}

/** Probabilities at the temperature, times a constant that makes the best one 1. */
function temper(
  logits: Float32Array,
  allowed: Uint32Array | null,
  temperature: number,
): Float64Array {
  const { logit } = summarise(logits, allowed);
  const weights = new Float64Array(allowed?.length ?? logits.length);
  for (let index = 0; index < weights.length; index++) {
    const value = logits[allowed === null ? index : (allowed[index] ?? 0)] ?? -Infinity;
    weights[index] = Math.exp((value - logit) / temperature);
  }
  return weights;
}

/** Positions that stay, heaviest first; `null` for all. */
function narrow(weights: Float64Array, { topK, topP, minP }: Settings): readonly number[] | null {
  let kept: readonly number[] | null = null;
  if (topK > 0) kept = heaviest(weights, (count) => count >= topK).slice(0, topK);
  if (topP < 1) kept = keepMass(weights, kept, topP);
  if (minP > 0) {
    // The best weight is 1, so the share of the best one is the weight itself.
    kept ??= heaviest(weights, (_, __, threshold) => threshold <= minP);
    kept = kept.filter((position) => (weights[position] ?? 0) >= minP);
  }
  return kept;
}

function keepMass(
  weights: Float64Array,
  kept: readonly number[] | null,
  topP: number,
): readonly number[] {
  const target = topP * massOf(weights, kept);
  const ordered = kept ?? heaviest(weights, (_, mass) => mass >= target);
  let mass = 0;
  const end = ordered.findIndex((position) => (mass += weights[position] ?? 0) >= target);
  return end === -1 ? ordered : ordered.slice(0, end + 1);
}

function massOf(weights: Float64Array, kept: readonly number[] | null): number {
  if (kept !== null) return kept.reduce((sum, position) => sum + (weights[position] ?? 0), 0);
  return weights.reduce((sum, weight) => sum + weight, 0);
}

/**
 * The heaviest positions in order, at least as many as `isEnough` asks for. Sorting a whole
 * vocabulary takes longer than computing a token; few tokens carry nearly all weight, so the
 * threshold starts high and falls.
 */
function heaviest(
  weights: Float64Array,
  isEnough: (count: number, mass: number, threshold: number) => boolean,
): number[] {
  for (let threshold = 0.05; ; threshold = threshold > 1e-12 ? threshold / 20 : 0) {
    const positions: number[] = [];
    let mass = 0;
    for (let position = 0; position < weights.length; position++) {
      const weight = weights[position] ?? 0;
      if (weight < threshold) continue;
      positions.push(position);
      mass += weight;
    }
    if (threshold === 0 || isEnough(positions.length, mass, threshold)) {
      return positions.toSorted((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || a - b);
    }
  }
}

function drawPosition(
  weights: Float64Array,
  kept: readonly number[] | null,
  random: Random,
): number {
  const count = kept?.length ?? weights.length;
  let left = random() * massOf(weights, kept);
  let position = 0;
  for (let index = 0; index < count; index++) {
    const candidate = kept === null ? index : (kept[index] ?? 0);
    const weight = weights[candidate] ?? 0;
    // Rounding may leave a little at the end: the last token with any weight takes it.
    if (weight > 0) position = candidate;
    left -= weight;
    if (left < 0) return position;
  }
  return position;
}
