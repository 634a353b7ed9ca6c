"""A15: Fig. 7 of the paper, Cauchy weights and biases, HardTanh, several depths: sampled there, beside theory here.

The laws up to L = 10 are those of infinite width with the network's own gates; biases, drawn like one more column of
weights, vanish there.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import rmtjac as rj
from validation.case import Case, Result

DEPTHS = (1, 2, 3, 5, 10, 20, 40)
KNOWN, QUICK_KNOWN = (1, 2, 3, 5, 10), (1, 2)  # depths whose law takes seconds to minutes
WIDTH, REPLICATES, QUICK_WIDTH, QUICK_REPLICATES, SEED = 500, 50, 100, 20, 7
SMALL, LARGE, HUGE = 0.01, 1.0, 16.0
TAIL = 0.999
COLOURS = ("#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#000000")


def run(quick: bool) -> Result:
    """Spectra at every depth: zeros, mass below 0.01, mass above 1 and 16, a high quantile, the top."""
    samples = {depth: _sample(depth, quick) for depth in DEPTHS}
    logs = {depth: 2.0 * sample.log_singular_values for depth, sample in samples.items()}
    known = QUICK_KNOWN if quick else KNOWN
    below, above, huge = (_shares(logs, *cut) for cut in ((SMALL, False), (LARGE, True), (HUGE, True)))
    tops = [float(np.median(values[:, -1])) for values in logs.values()]
    quantiles = [float(np.quantile(values, TAIL)) for values in logs.values()]
    table: list[list[Any]] = [
        ["quantity", *(f"L = {depth}" for depth in DEPTHS)],
        ["mass at 0 (closed units)", *(sample.zero_mass for sample in samples.values())],
        _law_row(known, "own", lambda law: law.cdf(0.0)),
        [f"P(lambda < {SMALL})", *(share for share, _ in below)],
        _law_row(known, "own", lambda law: law.cdf(SMALL)),
        [f"P(lambda > {LARGE:g})", *(share for share, _ in above)],
        _law_row(known, "own", lambda law: law.sf(LARGE)),
        [f"ln of the {TAIL} quantile", *quantiles],
        _law_row(known, "own", lambda law: law.of("log_eigenvalues").ppf(TAIL)),
        ["median of ln(top)", *tops],
        [f"P(s > {math.sqrt(HUGE):g})", *(share for share, _ in huge)],
        ["  its standard error", *(error for _, error in huge)],
        _law_row(known, "own", lambda law: law.sf(HUGE)),
        _law_row(known, "independent", lambda law: law.sf(HUGE)),
    ]
    return Result(
        verdict="reproduced" if _is_pressed([share for share, _ in below]) else "contradicted",
        sentence=(
            f"The density takes a delta-like shape: P(lambda < {SMALL}) grows from {below[0][0]:.2g} to "
            f"{below[-1][0]:.2g}. But a share of {above[-1][0]:.2g} of the eigenvalues is above 1 at L = {DEPTHS[-1]}, "
            f"and these grow exponentially with depth (ln(top) from {tops[0]:.2g} to {tops[-1]:.2g}): the peak says "
            f"nothing about the norm of J. {_theory(known, below, huge)}"
        ),
        table=table,
        artists=_picture(logs, known),
    )


def _sample(depth: int, quick: bool) -> rj.SpectrumSample:
    width, replicates = (QUICK_WIDTH, QUICK_REPLICATES) if quick else (WIDTH, REPLICATES)
    return rj.sample_spectrum(_ensemble(depth, width), replicates, SEED, accuracy="relative")


def _ensemble(depth: int, width: int) -> rj.Ensemble:
    return rj.Ensemble(
        depth=depth, width=width, activation="hard_tanh", weights="cauchy", sigma_b="as_weights"
    )


@cache
def _law(depth: int, gates: str) -> rj.SpectralLaw:
    """With the network's own gates, or with gates that are independent of the weights."""
    return rj.spectral_law(_ensemble(depth, WIDTH), gates="network" if gates == "own" else gates)


def _law_row(known: tuple[int, ...], gates: str, quantity: Any) -> list[Any]:
    """A quantity of the laws; "-" where none was made."""
    values = [float(quantity(_law(depth, gates))) if depth in known else "-" for depth in DEPTHS]
    return [f"  law, {gates} gates", *values]


def _shares(logs: dict[int, Any], cut: float, above: bool) -> list[tuple[float, float]]:
    """Shares of eigenvalues above or below a cut, and standard errors over networks."""
    result = []
    for values in logs.values():
        shares = ((values > np.log(cut)) == above).mean(axis=1)
        result.append((float(shares.mean()), float(shares.std(ddof=1) / math.sqrt(shares.size))))
    return result


def _is_pressed(below: list[float]) -> bool:
    return bool(np.diff(below).min() > 0 and below[-1] > 0.85)


def _theory(known: tuple[int, ...], below: list[tuple[float, float]], huge: list[tuple[float, float]]) -> str:
    """What the laws say of the samples."""
    first = below[: len(known)]
    off = max(
        abs(share - _law(depth, "own").cdf(SMALL)) for depth, (share, _) in zip(known, first, strict=True)
    )
    wrong = min(
        _law(depth, "independent").sf(HUGE) / share for depth, (share, _) in zip(known, huge, strict=False)
    )
    return (
        f"The law with the network's own gates, here for L = {', '.join(map(str, known))}, has the sampled "
        f"P(lambda < {SMALL}) to {off:.1g}; that of independent gates has {wrong:.2g} times the sampled P(s > 4), or "
        "more."
    )


def _picture(logs: dict[int, Any], known: tuple[int, ...]) -> list[Any]:
    """Survival functions on log-log axes, laws dashed: the peak at 0 takes the mass, the tails grow."""
    ax = Figure(figsize=(6.4, 4.2), layout="constrained").subplots()
    artists = []
    places = np.linspace(-12.0, 12.0, 200)
    for colour, (depth, values) in zip(COLOURS, logs.items(), strict=True):
        ordered = np.sort(values, axis=None)[::-1]
        ordered = ordered[np.isfinite(ordered)]
        share = np.arange(1, ordered.size + 1) / values.size
        artists += ax.plot(ordered / np.log(10.0), share, color=colour, label=f"L = {depth}")
        if depth in known:
            law = _law(depth, "own").of("log_eigenvalues")
            ax.plot(places, law.sf(places * np.log(10.0)), "--", color="black", lw=0.9, zorder=3)
    ax.plot([], [], "--", color="black", lw=0.9, label="infinite width")
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
