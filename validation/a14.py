"""A14: Fig. 6 of the paper, densities for several depths; HardTanh by the caption, Linear by the text, no q named."""

from __future__ import annotations

from typing import Any

import numpy as np

import rmtjac as rj
from rmtjac.plotting import plot_law
from validation.case import Case, Result

DEPTHS = (1, 2, 3, 5, 10, 20)
READINGS = {
    "hard_tanh, q layer by layer from q0 = 1": ("hard_tanh", None),
    "hard_tanh, q = 0.5": ("hard_tanh", 0.5),
    "hard_tanh, q = 1": ("hard_tanh", 1.0),
    "linear": ("linear", None),
}
SMALL = 0.1


def run(quick: bool) -> Result:
    """The law of every reading and depth: mass near 0, median and top edge."""
    header = ["reading", *(f"L = {depth}" for depth in DEPTHS)]
    near_zero: list[list[Any]] = []
    tops: list[list[Any]] = []
    for name, (activation, q) in READINGS.items():
        laws = [rj.spectral_law(rj.Ensemble(depth=d, activation=activation), q=q) for d in DEPTHS]
        near_zero.append([f"P(lambda < {SMALL}): {name}", *(float(law.cdf(SMALL)) for law in laws)])
        tops.append([f"top edge: {name}", *(float(law.edges[-1]) for law in laws)])
    squeezed = all(np.diff(row[1:]).min() > 0 for row in near_zero)
    growing = [name for name, row in zip(READINGS, tops, strict=True) if np.diff(row[1:]).min() > 0]
    mp = rj.marchenko_pastur(1.0)
    x = np.linspace(0.01, 3.99, 200)
    linear = rj.spectral_law(rj.Ensemble(depth=1, activation="linear"))
    gap = float(np.abs(linear.pdf(x) / mp.pdf(x) - 1.0).max())
    good = squeezed and gap < 1e-10
    return Result(
        verdict="reproduced under a stated reading" if good else "contradicted",
        sentence=(
            f"L = 1 linear is Marchenko-Pastur (relative gap {gap:.1g}), and in every reading the mass moves to 0 "
            f"with depth. But the top edge, and with it the norm of J, grows all the while in the readings "
            f"{'; '.join(growing)}: no contraction follows from the squeezed density."
        ),
        table=[header, *near_zero, *tops],
        artists=_picture(),
    )


def _picture() -> list[object]:
    """Densities of the reading q = 1, L = 2, ..., and L = 1 linear, as the paper draws them."""
    laws = [rj.spectral_law(rj.Ensemble(depth=1, activation="linear"))]
    laws += [rj.spectral_law(rj.Ensemble(depth=d, activation="hard_tanh"), q=1.0) for d in (2, 3, 5)]
    artists = plot_law(laws[0], log_lambda=False)
    ax = artists[0].axes
    artists[0].set_label("linear, L = 1")
    for law, colour, depth in zip(laws[1:], ("#0072B2", "#E69F00", "#D55E00"), (2, 3, 5), strict=True):
        curve = plot_law(law, ax, log_lambda=False)[0]
        curve.set_color(colour)
        curve.set_label(f"hard_tanh, q = 1, L = {depth}")
    for text in list(ax.texts):
        text.remove()
    for line in [line for line in ax.lines if line.get_linestyle() == "--"]:
        line.remove()
    ax.set_xlim(0.0, 4.2)
    ax.set_ylim(1e-3, 1e2)
    ax.legend(frameon=False)
    return artists


CASE = Case(
    name="A14",
    claim="Fig. 6: with depth the density is pressed towards 0; L = 1 is Marchenko-Pastur",
    run=run,
)
