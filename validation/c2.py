"""C2: the Lipschitz bound on forward iteration, and what happens without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import rmtjac as rj
from validation.case import Case, Result
from validation.solver_peers import tanh_map

N, QUICK_N = 500, 100
GAINS = (0.2, 0.4, 0.45, 0.9, 1.3, 2.5)
ROUNDING = 1e-13
MAPS: dict[str, tuple[Callable[..., Any], float, str]] = {
    "x/2 + 1": (lambda x: 0.5 * x + 1.0, 0.0, "converged"),
    "2 x + 1": (lambda x: 2.0 * x + 1.0, 0.0, "divergence"),
    "-x": (lambda x: -x, 1.0, "oscillation, 2"),
    "logistic, 3.2": (lambda x: 3.2 * x * (1.0 - x), 0.3, "oscillation, 2"),
    "logistic, 3.5": (lambda x: 3.5 * x * (1.0 - x), 0.3, "oscillation, 4"),
    "logistic, 3.83": (lambda x: 3.83 * x * (1.0 - x), 0.3, "oscillation, 3"),
    "logistic, 4 (chaos)": (lambda x: 4.0 * x * (1.0 - x), 0.3, "iteration limit reached"),
    "0.9999 x + 1 (slow)": (lambda x: 0.9999 * x + 1.0, 0.0, "iteration limit reached"),
    "-0.999 x (slow, alternating)": (lambda x: -0.999 * x, 1.0, "iteration limit reached"),
    "cos": (np.cos, 1.0, "converged"),
}


def run(quick: bool) -> Result:
    """Steps against the bound for tanh layers, and the status of maps whose fate is known."""
    n = QUICK_N if quick else N
    table: list[list[Any]] = [
        ["map", "Lipschitz L", "status", "rate", "largest step over its bound", "as known"]
    ]
    held, free = True, []
    for gain in GAINS:
        row, bounded = _layer(gain, n)
        held = held and bounded
        free += [gain] if row[1] >= 1.0 and row[2] == "converged" else []
        table.append([*row, "-"])
    right = []
    for name, (f, x0, known) in MAPS.items():
        found = rj.solve_fixed_point(f, x0, method="picard", max_iter=3_000)
        status = f"{found.status}, {found.period}" if found.period else str(found.status)
        right.append(status == known)
        table.append([name, "-", status, found.rate, "-", "yes" if right[-1] else "NO"])
    return Result(
        verdict="reproduced under a stated reading" if held and all(right) else "contradicted",
        sentence=(
            f"With L = |W| < 1 no step passes L^(t-1) |z_1 - z_0|, and divergence, oscillation (with its period) and "
            f"slow convergence are told apart on every map. Reading: L < 1 is enough, not needed; gains {free} "
            f"converge with L > 1, at the spectral radius of D W. That usual networks converge does not hold for "
            f"large gains."
        ),
        table=table,
        artists=[],
    )


def _layer(gain: float, n: int) -> tuple[list[Any], bool]:
    """A row of the table, and whether the steps keep the bound where there is one."""
    f = tanh_map(gain, n, seed=0)
    found = rj.solve_fixed_point(f, np.zeros(n), method="picard", max_iter=1_000)
    # tanh' <= 1, with equality where W z + x = 0: the norm of W, which tanh_map draws first, is the constant
    rng = np.random.default_rng(0)
    lipschitz = float(gain * np.linalg.norm(rng.standard_normal((n, n)), 2) / np.sqrt(n))
    row: list[Any] = [f"tanh, gain {gain}", lipschitz, str(found.status), found.rate]
    if lipschitz >= 1.0:
        return [*row, "-"], True
    bound = lipschitz ** np.arange(found.trace.size) * found.trace[0]
    share = float((found.trace[1:] / (bound[1:] + ROUNDING)).max())
    return [*row, share], share <= 1.0


CASE = Case(
    name="C2",
    claim="L < 1 gives |z_t - z_(t-1)| <= L^(t-1) |z_1 - z_0|; otherwise divergence or oscillation",
    run=run,
)
