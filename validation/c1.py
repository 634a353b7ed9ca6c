"""C1: forward iteration of z = tanh(W z + x) with a tolerance and an iteration limit, beside what its gain predicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import rmtjac as rj
from rmtjac.plotting import BLACK, BLUE, ORANGE, new_axes
from validation.case import Case, Result
from validation.solver_peers import TOL, Map, tanh_map

Floats = npt.NDArray[np.float64]

GAINS = (0.3, 0.5, 0.7, 0.9, 1.1, 1.3, 1.5, 1.7, 2.0, 2.5)
LIMIT = 1_000
CLEARLY_UNIQUE = 0.8
WIDTHS, QUICK_WIDTHS = (100, 1_000), (50, 200)
SEEDS, QUICK_SEEDS = 10, 3


def run(quick: bool) -> Result:
    """Evaluations and failures of the source's loop, of picard and of anderson, and the prediction."""
    widths, seeds = (QUICK_WIDTHS, QUICK_SEEDS) if quick else (WIDTHS, SEEDS)
    header = [
        "gain",
        "n",
        "radius",
        "due",
        "source's loop",
        "picard",
        "anderson",
        "picard fails",
        "anderson fails",
    ]
    table: list[list[Any]] = [header]
    same = True
    for gain in GAINS:
        due = rj.solver_prediction(gain)
        for n in widths:
            counts = np.array([_counts(tanh_map(gain, n, seed), n) for seed in range(seeds)])
            same = same and bool((counts[:, 0] == counts[:, 1]).all())
            medians = [float(m) if np.isfinite(m) else "-" for m in np.median(counts, axis=0)]
            failures = np.isinf(counts[:, 1:]).sum(axis=0)
            row = [gain, n, due.spectral_radius, due.evaluations(n), *medians]
            table.append([*row, *(f"{f} of {seeds}" for f in failures)])
    largest = [row for row in table[1:] if row[1] == widths[-1] and row[2] < CLEARLY_UNIQUE]
    gap = max(abs(row[5] / row[3] - 1.0) for row in largest)
    return Result(
        verdict="reproduced" if same else "contradicted",
        sentence=(
            f"The source's loop is picard, evaluation by evaluation. Where the radius of D W is below 1 it converges "
            f"at that rate (finite matrices vary near 1), and the Gaussian process of h predicts its evaluations up to "
            f"a radius of {CLEARLY_UNIQUE:g} to {100 * gap:.0f} % at n = {widths[-1]}; beyond 1 its residual does not "
            f"fall, and the iteration limit is all that ends it."
        ),
        table=table,
        artists=_drawn(table, widths),
    )


def source_loop(f: Map, z: Floats, max_iter: int) -> float:
    """Evaluations of the loop that the source prints; inf if the limit ends it."""
    for iterations in range(1, max_iter + 1):
        z_next = f(z)
        error = np.linalg.norm(z - z_next)
        z = z_next
        if error < TOL:
            return iterations
    return np.inf


def _counts(f: Map, n: int) -> list[float]:
    found = [rj.solve_fixed_point(f, np.zeros(n), method=m, max_iter=LIMIT) for m in ("picard", "anderson")]
    loop = source_loop(f, np.zeros(n), LIMIT + 1)
    return [loop, *(s.nfev if s.success else np.inf for s in found)]


def _drawn(table: list[list[Any]], widths: tuple[int, ...]) -> list[Any]:
    """Evaluations against the gain: predicted lines, measured points."""
    ax, artists = new_axes(), []
    gains = np.linspace(GAINS[0], 1.75, 60)
    predictions = [rj.solver_prediction(gain) for gain in gains]
    for n, colour in zip(widths, (ORANGE, BLUE), strict=True):
        due = [p.evaluations(n) for p in predictions]
        artists += ax.plot(gains, due, color=colour, lw=1.2, label=f"predicted, n = {n}")
        for column, marker, name in ((5, "o", "picard"), (6, "x", "anderson")):
            points = [(row[0], row[column]) for row in table[1:] if row[1] == n and row[column] != "-"]
            style = {"color": colour, "marker": marker, "ls": "none", "fillstyle": "none"}
            artists += ax.plot(*np.array(points).T, **style, label=f"{name}, n = {n}")
    critical = rj.mean_field(rj.Ensemble(depth=1, activation="tanh", sigma_b=1.0)).critical_sigma_w
    artists.append(ax.axvline(critical, color=BLACK, lw=0.9, ls="--", label="radius of D W = 1"))
    ax.set(yscale="log", xlabel="gain", ylabel=f"evaluations to {TOL:g}")
    ax.legend(edgecolor="none", fontsize="small")
    return artists


CASE = Case(
    name="C1",
    claim="forward iteration of z = tanh(W z + x) with tolerance and iteration limit finds the fixed point",
    run=run,
)
