"""Rows: evaluations against the package aa, time against aa and SciPy; the same seeds for all."""

from __future__ import annotations

import numpy as np

from validation.solver_peers import by_aa, by_rmtjac, by_scipy, race, tanh_map
from validation.targets.table import Figure, at_least, at_most

SMALL, LARGE = 100, 2_000
SEEDS = 20
GAINS = (0.9, 1.3, 1.6)
TIMED_SEEDS, REPEATS = 3, 12
SOLVERS = (by_rmtjac, by_aa, by_scipy)
SCIPY_AT_LEAST, AA_AT_LEAST = 3.0, 1.0


def evaluations() -> list[Figure]:
    """z = tanh(W z + x), n = 100: median evaluations of 20 seeds to a residual of 1e-10."""
    figures: list[Figure] = []
    for gain in GAINS:
        maps = [tanh_map(gain, SMALL, seed) for seed in range(SEEDS)]
        ours, theirs = (np.array([race(f, SMALL, solve)[0] for f in maps]) for solve in (by_rmtjac, by_aa))
        median, limit = float(np.median(ours)), float(np.median(theirs))
        what = f"g = {gain}: evaluations, aa takes {limit:g}"
        figures.append(Figure(what=what, value=median, target=f"< {limit:g}", met=median < limit))
        failures = int((np.isinf(ours) & np.isfinite(theirs)).sum())
        figures.append(at_most(f"g = {gain}: failures where aa succeeds", failures, 0))
    return figures


def time() -> list[Figure]:
    """n = 2,000, g = 0.9 and 1.3: time per solve, the best of interleaved runs, sums of 3 seeds."""
    figures: list[Figure] = []
    for gain in GAINS[:2]:
        best = np.full((3, TIMED_SEEDS), np.inf)
        solved = np.zeros((3, TIMED_SEEDS))
        for seed in range(TIMED_SEEDS):
            f = tanh_map(gain, LARGE, seed)
            for repeat in range(REPEATS):
                # SciPy is so much slower that once is enough; the others take turns to go first
                for k in (0, 1, 2) if repeat == 0 else (repeat % 2, 1 - repeat % 2):
                    solved[k, seed], seconds = race(f, LARGE, SOLVERS[k])
                    best[k, seed] = min(best[k, seed], seconds)
        ours, aa, scipy = best.sum(axis=1)
        counts = " / ".join(f"{c:.0f}" for c in np.median(solved, axis=1))
        figures += [
            at_least(
                f"g = {gain}: SciPy's time over ours ({ours / TIMED_SEEDS:.3f} s)",
                scipy / ours,
                SCIPY_AT_LEAST,
            ),
            at_least(f"g = {gain}: aa's time over ours", aa / ours, AA_AT_LEAST),
            Figure(what=f"g = {gain}: evaluations, ours / aa / SciPy", value=counts, target="-", met=True),
        ]
    return figures
