"""Expected numbers for the statistics of src/cascade, made with scipy and numpy.

    .cache/python/bin/python scripts/golden-statistics.py test/golden/statistics.json

Shape: { binomial, bounds, refuting, samples: [{ scores, correct, auroc, aurc, ece }], isotonic,
logistic }. Areas and errors are computed from their definitions, not by the formulas of the code:
AURC averages over every order of tied answers, ECE sorts into bins with numpy.digitize.
"""

import itertools
import json
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
from scipy import optimize, special, stats

RANDOM = np.random.default_rng(20260101)


def binomial():
    cases = [(0, 1, 0.5), (0, 114, 0.02), (0, 113, 0.02), (13, 1000, 0.02), (14, 1000, 0.02),
             (3, 300, 0.02), (500, 1000, 0.5), (990, 1000, 0.999), (19_900, 1_000_000, 0.02),
             (20_150, 1_000_000, 0.02), (1, 40, 1e-6), (39, 40, 0.97), (31, 33, 0.9), (70, 5000, 0.01)]
    return [{"successes": k, "trials": n, "probability": p, "tail": stats.binom.cdf(k, n, p)}
            for k, n, p in cases]


def bounds():
    cases = [(0, 10, 0.1), (0, 114, 0.1), (3, 100, 0.05), (14, 1000, 0.1), (99, 100, 0.1),
             (100, 100, 0.1), (19_000, 1_000_000, 0.1), (7, 200, 0.025)]
    rows = []
    for k, n, delta in cases:
        upper = 1.0 if k == n else stats.beta.ppf(1 - delta, k + 1, n - k)
        lower = 0.0 if k == 0 else stats.beta.ppf(delta, k, n - k + 1)
        rows.append({"successes": k, "trials": n, "delta": delta, "upper": upper, "lower": lower})
    return rows


def refuting():
    rows = []
    for n, rate, delta in [(113, 0.02, 0.1), (114, 0.02, 0.1), (300, 0.02, 0.1), (1000, 0.02, 0.1),
                           (1000, 0.05, 0.05), (10_000, 0.01, 0.1), (1_000_000, 0.02, 0.1)]:
        tails = stats.binom.cdf(np.arange(n + 1), n, rate)
        rows.append({"trials": n, "rate": rate, "delta": delta, "most": int(np.sum(tails <= delta)) - 1})
    return rows


def aurc(scores, correct):
    """Mean over all orders in which tied answers may come, exactly."""
    groups = {}
    for score, right in zip(scores, correct):
        groups.setdefault(score, []).append(0 if right else 1)
    orders = [sorted(set(itertools.permutations(groups[score]))) for score in sorted(groups, reverse=True)]
    total = Fraction(0)
    count = 0
    for choice in itertools.product(*orders):
        wrong, area = 0, Fraction(0)
        for index, error in enumerate(itertools.chain.from_iterable(choice), start=1):
            wrong += error
            area += Fraction(wrong, index)
        total += area / len(scores)
        count += 1
    return float(total / count)


def ece(scores, correct, bins=15):
    places = np.minimum(np.digitize(scores, np.arange(bins + 1) / bins) - 1, bins - 1)
    gaps = [np.abs(scores[places == b].mean() - correct[places == b].mean()) * np.sum(places == b)
            for b in range(bins) if np.any(places == b)]
    return float(np.sum(gaps) / len(scores))


def samples():
    rows = []
    for size, decimals in [(9, 1), (12, 1), (14, 2), (10, 6)]:
        scores = np.round(RANDOM.random(size), decimals)
        correct = RANDOM.random(size) < scores
        correct[0], correct[1] = True, False
        u = stats.mannwhitneyu(scores[correct], scores[~correct]).statistic
        rows.append({"scores": scores.tolist(), "correct": correct.tolist(),
                     "auroc": float(u / (correct.sum() * (~correct).sum())),
                     "aurc": aurc(scores.tolist(), correct.tolist()), "ece": ece(scores, correct)})
    return rows


def isotonic():
    scores = np.sort(np.round(RANDOM.normal(size=60), 4))
    correct = RANDOM.random(60) < special.expit(2 * scores)
    fit = optimize.isotonic_regression(correct.astype(float))
    return {"scores": scores.tolist(), "correct": correct.tolist(), "fitted": fit.x.tolist()}


def logistic():
    """Minimises the penalised loss directly: prior of one row on standardised weights, Platt's targets."""
    inputs = RANDOM.normal(size=(200, 3)) * [1.0, 10.0, 0.1] + [0.0, 5.0, 1.0]
    correct = RANDOM.random(200) < special.expit(inputs @ [1.0, 0.2, -3.0] + 2.0)
    scaled = (inputs - inputs.mean(0)) / inputs.std(0)
    right, wrong = correct.sum(), (~correct).sum()
    targets = np.where(correct, (right + 1) / (right + 2), 1 / (wrong + 2))

    def loss(parameters):
        odds = parameters[0] + scaled @ parameters[1:]
        return float(np.sum(np.logaddexp(0, odds) - targets * odds) + np.sum(parameters[1:] ** 2) / 2)

    found = optimize.minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-9})
    odds = found.x[0] + scaled @ found.x[1:]
    return {"inputs": inputs.tolist(), "correct": correct.tolist(),
            "probabilities": special.expit(odds).tolist()}


if __name__ == "__main__":
    result = {"binomial": binomial(), "bounds": bounds(), "refuting": refuting(), "samples": samples(),
              "isotonic": isotonic(), "logistic": logistic()}
    Path(sys.argv[1]).write_text(json.dumps(result, indent=1) + "\n")
