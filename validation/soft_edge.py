"""The soft edge is random at finite N: the largest eigenvalue on its own scale against Tracy-Widom.

z = (log lambda_max - log edge)/scale tends to TW_1 for linear networks and at realised gates, where every replicate
has its own edge. About the one edge of the limit law, random gates add a Gaussian that grows as N^(1/6).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import rmtjac as rj
from rmtjac.comparison.compare import Comparison
from rmtjac.sampling.sample import SpectrumSample
from rmtjac.theory.tracy_widom import tracy_widom
from validation.case import Case, Result

SEED = 12
DEPTHS = (1, 2, 5)
SIZES, QUICK_SIZES = (
    {50: 4000, 100: 2000, 200: 1000, 400: 400},
    {50: 1000, 100: 400},
)  # networks of each width
GATED, QUICK_GATED = {100: 1000, 400: 200}, {100: 200}
MOST_Z = 6.0

Floats = npt.NDArray[np.float64]


def run(quick: bool) -> Result:
    """Mean, spread and distance of z for linear networks and ReLU networks, whatever the width."""
    sizes = QUICK_SIZES if quick else SIZES
    law = tracy_widom()
    table: list[list[Any]] = [
        ["network", "N", "networks", "mean z", "standard error", "std z", "distance", "p of the mean"],
        ["Tracy-Widom, beta = 1", "inf", "", law.mean(), 0.0, law.std(), 0.0, ""],
    ]
    linear: dict[tuple[int, int], Comparison] = {}
    for depth in DEPTHS:
        for width, replicates in sizes.items():
            sample = _sample(rj.Ensemble(depth=depth, width=width), replicates)
            linear[depth, width] = rj.compare(rj.fuss_catalan(depth), sample)
            table.append(_row(f"linear, L = {depth}", width, linear[depth, width]))
    for width, replicates in (QUICK_GATED if quick else GATED).items():
        ens = rj.Ensemble(depth=2, width=width, activation="relu", sigma_w=2**0.5)
        sample = _sample(ens, replicates)
        table.append(_row("relu, L = 2, own gates", width, rj.compare(rj.realised_laws(ens, sample), sample)))
        table.append(_row("relu, L = 2, limit law", width, rj.compare(rj.spectral_law(ens), sample)))
    widest = max(sizes)
    shifts = {depth: float(linear[depth, widest].edge_z.mean() - law.mean()) for depth in DEPTHS}
    good = all(comparison.edge_p_value > 1e-6 for comparison in linear.values())
    return Result(
        verdict="reproduced" if good else "contradicted",
        sentence=(
            f"At N = {widest} the mean of z is {shifts[1]:.2f}, {shifts[2]:.2f} and {shifts[5]:.2f} off its limit "
            f"for L = 1, 2 and 5: log lambda_max stays within L/N of log edge + scale * ({law.mean():.4f}), a fraction "
            "O(N^(-1/3)) of its own fluctuation. About the limit law's edge, random gates widen it."
        ),
        table=table,
        artists=_picture({width: linear[2, width].edge_z for width in (min(sizes), widest)}),
    )


def _sample(ens: rj.Ensemble, replicates: int) -> SpectrumSample:
    return rj.sample_spectrum(ens, replicates, SEED, accuracy="eigenvalues")


def _row(name: str, width: int, comparison: Comparison) -> list[Any]:
    z = np.sort(comparison.edge_z)
    below = tracy_widom().cdf(z)
    steps = np.arange(z.size + 1) / z.size
    distance = float(max((steps[1:] - below).max(), (below - steps[:-1]).max()))
    error = float(z.std(ddof=1)) / z.size**0.5
    return [
        name, width, z.size, float(z.mean()), error, float(z.std(ddof=1)), distance, comparison.edge_p_value
    ]  # fmt: skip


def _picture(samples: dict[int, Floats]) -> list[Any]:
    """Histograms of z for linear networks of two layers, and the density of Tracy-Widom."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    x = np.linspace(-MOST_Z, MOST_Z, 241)
    artists: list[Any] = ax.plot(x, tracy_widom().pdf(x), color="#000000", label="Tracy-Widom")
    for (width, z), colour in zip(samples.items(), ("#E69F00", "#0072B2"), strict=True):
        heights, edges = np.histogram(z, bins=48, range=(-MOST_Z, MOST_Z), density=True)
        artists.append(ax.stairs(heights, edges, color=colour, label=f"linear, L = 2, N = {width}"))
    ax.set_xlabel(r"$z = (\ln\lambda_{\max} - \ln\lambda_+)/$scale")
    ax.set_ylabel("density")
    ax.set_ylim(bottom=0.0)
    ax.legend(frameon=False)
    return artists


CASE = Case(name="SOFT_EDGE", claim="the soft edge is random at finite N: Tracy-Widom", run=run)
