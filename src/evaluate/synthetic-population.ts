import type { Random } from './draws.ts';

/** A source of requests whose loss is known at every threshold, not estimated. */
export interface SyntheticPopulation {
  readonly kind: string;
  draw(random: Random): { readonly score: number; readonly isLoss: boolean };
  /** Share of all requests that are kept from this threshold on, and that are kept and lose. */
  keptAt(threshold: number): number;
  lossAt(threshold: number): number;
}

interface Atom {
  readonly score: number;
  readonly mass: number;
  readonly lossRate: number;
}

type Maker = (random: Random, alpha: number) => SyntheticPopulation;

/** Shapes that differ in where and how abruptly the losses begin; `on the edge` is the worst case. */
const MAKERS: readonly Maker[] = [smooth, flat, cliff, steps, onTheEdge];

/** The `index`-th population; shapes take turns, their numbers are drawn. */
export function createPopulation(
  index: number,
  random: Random,
  alpha: number,
): SyntheticPopulation {
  const make = MAKERS[index % MAKERS.length] as Maker;
  return make(random, alpha);
}

/** Loss rate c(1 − s)^k at score s, uniform scores: the loss from t on is c(1 − t)^(k+1)/(k + 1). */
function smooth(random: Random): SyntheticPopulation {
  const height = 0.1 + 0.9 * random();
  const power = 6 * random();
  return continuous('smooth', {
    rateAt: (score) => height * (1 - score) ** power,
    lossAt: (share) => (height * share ** (power + 1)) / (power + 1),
  });
}

/** The score tells nothing. */
function flat(random: Random, alpha: number): SyntheticPopulation {
  const rate = Math.min(1, alpha * (1 + 9 * random()));
  return continuous('flat', { rateAt: () => rate, lossAt: (share) => rate * share });
}

/** No loss among the surest, then many at once. */
function cliff(random: Random): SyntheticPopulation {
  const edge = 0.2 + 0.7 * random();
  const rate = 0.2 + 0.8 * random();
  return continuous('cliff', {
    rateAt: (score) => (score < edge ? rate : 0),
    lossAt: (share) => rate * Math.max(0, share - (1 - edge)),
  });
}

/** A few scores that many requests share. */
function steps(random: Random): SyntheticPopulation {
  const count = 2 + Math.floor(random() * 15);
  const weights = Array.from({ length: count }, () => 0.2 + random());
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return discrete(
    'steps',
    weights.map((weight, index) => ({
      score: (index + 1) / count,
      mass: weight / total,
      lossRate: 0.3 * random() * (1 - index / count),
    })),
  );
}

/** One score for all, and a loss just above the budget: keeping anything breaks the promise. */
function onTheEdge(_random: Random, alpha: number): SyntheticPopulation {
  return discrete('on the edge', [{ score: 0.5, mass: 1, lossRate: Math.min(1, alpha * 1.001) }]);
}

function continuous(
  kind: string,
  { rateAt, lossAt }: { rateAt: (score: number) => number; lossAt: (keptShare: number) => number },
): SyntheticPopulation {
  const keptAt = (threshold: number): number => Math.min(1, Math.max(0, 1 - threshold));
  return {
    kind,
    draw(random) {
      const score = random();
      return { score, isLoss: random() < rateAt(score) };
    },
    keptAt,
    lossAt: (threshold) => lossAt(keptAt(threshold)),
  };
}

function discrete(kind: string, atoms: readonly Atom[]): SyntheticPopulation {
  const sumFrom = (threshold: number, value: (atom: Atom) => number): number =>
    atoms.reduce((sum, atom) => sum + (atom.score >= threshold ? value(atom) : 0), 0);
  return {
    kind,
    draw(random) {
      let rest = random();
      for (const { score, mass, lossRate } of atoms) {
        rest -= mass;
        if (rest < 0) return { score, isLoss: random() < lossRate };
      }
      // Masses that round to less than 1 leave a sliver over: it loses, which is never too kind.
      return { score: Number.POSITIVE_INFINITY, isLoss: true };
    },
    keptAt: (threshold) => sumFrom(threshold, ({ mass }) => mass),
    lossAt: (threshold) => sumFrom(threshold, ({ mass, lossRate }) => mass * lossRate),
  };
}
