"""A15: Fig. 7 of the paper, Cauchy weights and biases, HardTanh, several depths; by sampling only, as there."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

import rmtjac as rj
from validation.case import Case, Result

DEPTHS = (1, 2, 3, 5, 10, 20, 40)
WIDTH, REPLICATES, QUICK_WIDTH, QUICK_REPLICATES, SEED = 500, 50, 100, 20, 7
SMALL, LARGE = 0.01, 1.0
TAIL = 0.999
COLOURS = ("#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#000000")


def run(quick: bool) -> Result:
    """Sampled spectra at every depth: zeros, mass below 0.01, mass above 1, a high quantile, the top."""
    samples = {depth: _sample(depth, quick) for depth in DEPTHS}
    logs = {depth: 2.0 * sample.log_singular_values for depth, sample in samples.items()}
    table: list[list[Any]] = [
        ["quantity", *(f"L = {depth}" for depth in DEPTHS)],
        ["mass at 0 (closed units)", *(sample.zero_mass for sample in samples.values())],
        [f"P(lambda < {SMALL})", *(_share(values < np.log(SMALL)) for values in logs.values())],
        [f"P(lambda > {LARGE:g})", *(_share(values > np.log(LARGE)) for values in logs.values())],
        [f"ln of the {TAIL} quantile", *(float(np.quantile(values, TAIL)) for values in logs.values())],
        ["median of ln(top)", *(float(np.median(values[:, -1])) for values in logs.values())],
    ]
    below, above, top = table[2][1:], table[3][1:], table[5][1:]
    pressed = bool(np.diff(below).min() > 0 and below[-1] > 0.85)
    return Result(
        verdict="reproduced" if pressed else "contradicted",
        sentence=(
            f"The density takes a delta-like shape: P(lambda < {SMALL}) grows from {below[0]:.2g} to {below[-1]:.2g}. "
            f"But a share of {above[-1]:.2g} of the eigenvalues is above 1 at L = {DEPTHS[-1]}, and these grow "
            f"exponentially with depth (ln(top) from {top[0]:.2g} to {top[-1]:.2g}): the peak says nothing about "
            "the norm of J."
        ),
        table=table,
        artists=_picture(logs),
    )


def _sample(depth: int, quick: bool) -> rj.SpectrumSample:
    width, replicates = (QUICK_WIDTH, QUICK_REPLICATES) if quick else (WIDTH, REPLICATES)
    ens = rj.Ensemble(
        depth=depth, width=width, activation="hard_tanh", weights="cauchy", sigma_b="as_weights"
    )
    return rj.sample_spectrum(ens, replicates, SEED, accuracy="relative")


def _share(which: Any) -> float:
    return float(np.mean(which))


def _picture(logs: dict[int, Any]) -> list[Any]:
    """Survival functions on log-log axes: the peak at 0 takes the mass, the tails grow."""
    ax = Figure(figsize=(6.4, 4.2), layout="constrained").subplots()
    artists = []
    for colour, (depth, values) in zip(COLOURS, logs.items(), strict=True):
        ordered = np.sort(values, axis=None)[::-1]
        ordered = ordered[np.isfinite(ordered)]
        share = np.arange(1, ordered.size + 1) / values.size
        artists += ax.plot(ordered / np.log(10.0), share, color=colour, label=f"L = {depth}")
    ax.set(
        xlim=(-12, 12),
        yscale="log",
        ylim=(1e-4, 1.0),
        xlabel="log10(lambda)",
        ylabel="share of eigenvalues above",
    )
    ax.legend(frameon=False)
    return artists


CASE = Case(
    name="A15",
    claim="Fig. 7: Cauchy, HardTanh: the density takes a delta-like shape as L grows, for heavy tails too",
    run=run,
)
