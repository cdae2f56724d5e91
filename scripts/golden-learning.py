"""Expected numbers for src/cascade/learning, made with scipy and numpy.

    .cache/python/bin/python scripts/golden-learning.py test/golden/learning.json

Shape: { budgets, bets: [{ limit, most, values, logWealth }], drift: { ladder, labelledFrom, steps } }.
Ranks are counted request by request, budgets are roots of scipy's binomial tail.
"""

import json
import sys
from pathlib import Path

import numpy as np
from scipy import optimize, stats

RANDOM = np.random.default_rng(20260202)
SUSPICIONS = [(0.03, 4), (0.06, 4), (0.12, 3), (0.25, 2), (0.03, 8), (0.06, 8), (0.12, 5), (0.25, 3)]


def budgets():
    rows = []
    for alpha, delta, window in [(0.02, 0.1, 2000), (0.02, 0.1, 500), (0.05, 0.05, 1000), (0.01, 0.2, 300)]:
        most = round(alpha * window)
        budget = optimize.brentq(lambda p: stats.binom.sf(most, window, p) - delta, 1e-9, alpha, xtol=1e-14)
        rows.append({"alpha": alpha, "delta": delta, "windowRequests": window, "budget": budget})
    return rows


def log_wealth(values, limit, most):
    """Waudby-Smith and Ramdas' aGRAPA stake; 20 prior observations of mean limit / 2."""
    total = 0.0
    for index, value in enumerate(values):
        past = np.asarray(values[:index])
        weight = index + 20
        mean = (past.sum() + 20 * limit / 2) / weight
        variance = ((past**2).sum() + 20 * max(limit, 0.01)) / weight - mean**2
        edge = limit - mean
        stake = min(max(edge / (variance + edge**2), 0), 0.75 / (most - limit))
        total += np.log1p(stake * (limit - value))
    return total


def bets():
    rows = []
    for limit, most, rate, count in [(0.02, 1 / 0.095, 0.001, 400), (0.1, 1.0, 0.3, 60), (0.0165, 1.0, 0.005, 300)]:
        values = (RANDOM.random(count) < rate) * most
        rows.append({"limit": limit, "most": most, "values": values.tolist(),
                     "logWealth": log_wealth(values, limit, most)})
    return rows


def drift():
    ladder = [0.9, 0.7, 0.5, 0.3]
    labelled_from = 1
    steps, seen = [], []
    evidence = np.ones(len(SUSPICIONS))
    for index in range(300):
        low = index >= 150
        score = float(np.round(RANDOM.random() * (0.5 if low else 1), 3))
        wrong = bool(RANDOM.random() < (0.7 if low else 0.1))
        tie = float(np.round(RANDOM.random(), 6))
        rung = sum(score < each for each in ladder)
        strangeness = (1 if wrong and rung > labelled_from else 0, rung)
        stranger = sum(each > strangeness for each in seen)
        alike = sum(each == strangeness for each in seen)
        rank = (stranger + tie * (alike + 1)) / (len(seen) + 1)
        seen.append(strangeness)
        odds = np.array([t if rank <= s else (1 - t * s) / (1 - s) for s, t in SUSPICIONS])
        evidence = np.maximum(1, evidence) * odds
        steps.append({"score": score, "isWrong": wrong, "random": tie, "evidence": float(evidence.mean())})
    return {"ladder": ladder, "labelledFrom": labelled_from, "steps": steps}


if __name__ == "__main__":
    golden = {"budgets": budgets(), "bets": bets(), "drift": drift()}
    Path(sys.argv[1]).write_text(json.dumps(golden, indent=1) + "\n")
