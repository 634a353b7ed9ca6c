"""A22: "results differ only quantitatively between activations", "the density tends to delta_0".

And the conclusion drawn from the second: that the network is then a contraction. Gaussian layers here, identical, with
q = 1 in each; Cauchy layers in a22_cauchy.py.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import rmtjac as rj
from rmtjac.plotting import plot_law
from validation.a22_cauchy import draw_tails, measure
from validation.case import Case, Result

ACTIVATIONS = (
    "linear", "relu", "leaky_relu(0.1)", "hard_tanh", "erf", "tanh", "sigmoid", "gelu", "silu", "softplus"
)  # fmt: skip
NAMED = ("linear", "relu", "hard_tanh", "erf")  # those of the paper
DEPTHS, QUICK_DEPTHS = (1, 2, 5, 10, 20, 50, 200), (1, 20)
QUICK = (*NAMED, "leaky_relu(0.1)", "gelu")
Q = 1.0
SMALL = 1e-3
DEEP = 1e-100  # times the top edge: deep in the power law at 0


def run(quick: bool) -> Result:
    """Mass near 0 and top edge against depth at three scales, and what differs in kind; the same for Cauchy."""
    depths = QUICK_DEPTHS if quick else DEPTHS
    table: list[list[Any]] = [["quantity", "sigma_w", "chi", *(f"L = {depth}" for depth in depths)]]
    limits: dict[float, list[float]] = {}
    grown = 0
    names = QUICK if quick else ACTIVATIONS
    for name in names:
        critical = 1.0 / math.sqrt(gate_mean(name))
        for sigma in dict.fromkeys((1.0, critical, 2.0 * critical)):
            laws = [law_of(name, depth, sigma) for depth in depths]
            chi = sigma**2 * gate_mean(name)
            near = [float(law.cdf(SMALL)) for law in laws]
            tops = [float(law.edges[-1]) for law in laws]
            table.append([f"P(lambda < {SMALL:g}), {name}", round(sigma, 4), round(chi, 4), *near])
            table.append([f"top edge, {name}", round(sigma, 4), round(chi, 4), *tops])
            limits.setdefault(round(chi, 6), []).append(near[-1])
            grown += chi > 1.0 - 1e-9 and bool(np.diff(tops).min() > 0.0)
    table += [["quantity", "-", "-", *[""] * len(depths)], *_kinds(names, depths)]
    heavy = measure(quick, depths)
    table += heavy.rows
    at_four = limits[4.0]
    return Result(
        verdict="contradicted",
        sentence=(
            f"At chi = sigma_w^2 E phi'^2 <= 1 the mass does move to 0 with depth, in every activation. At chi = 4 it "
            f"does not: P(lambda < {SMALL:g}) ends at {min(at_four):.3g} to {max(at_four):.3g} (linear: near 1/chi). "
            f"At chi = 1 and 4 the top edge, and with it the norm of J, grows with depth for {grown // 2} of "
            f"{len(names)} activations: no contraction follows. And the activations differ in kind: an atom at 0 or "
            f"none, the exponent of the density at 0, gaps. {heavy.sentence}"
        ),
        table=table,
        artists=_picture(quick),
    )


def gate_mean(name: str) -> float:
    """E phi'(h)^2 at q."""
    return float(rj.Ensemble(depth=1, activation=name).activations[0].gate_law(Q).moment(1))


@cache
def law_of(name: str, depth: int, sigma: float) -> rj.SpectralLaw:
    """The law of identical layers."""
    return rj.spectral_law(rj.Ensemble(depth=depth, activation=name, sigma_w=sigma), q=Q)


def _kinds(names: tuple[str, ...], depths: tuple[int, ...]) -> list[list[Any]]:
    """Atom at 0, exponent of the density at 0 and intervals, sigma_w = 1."""
    rows: list[list[Any]] = []
    for name in names:
        laws = [law_of(name, depth, 1.0) for depth in depths]
        blank = ["-", "-"]
        rows.append([f"atom at 0, {name}", *blank, *(float(law.cdf(0.0)) for law in laws)])
        rows.append(
            [f"exponent of the density at 0, {name}", *blank, *(exponent_at_zero(law) for law in laws)]
        )
        rows.append([f"intervals of the support, {name}", *blank, *(len(law.support) for law in laws)])
    return rows


def exponent_at_zero(law: rj.SpectralLaw) -> float | str:
    """d log rho/d log lambda far down; the law of log lambda is asked, since lambda itself underflows."""
    view = law.of("log_eigenvalues")
    t = float(view.edges[-1]) + math.log(DEEP) * np.array([1.0, 1.1])
    if view.support[0, 0] > t[-1]:
        return "lower edge"
    slope = np.diff(view.logpdf(t)) / np.diff(t)
    return round(float(slope[0]) - 1.0, 3)


def _picture(quick: bool) -> list[object]:
    """Densities of log lambda of the paper's four activations and silu, L = 5, chi = 1; Cauchy tails beside them."""
    left, right = Figure(figsize=(11.0, 4.2), layout="constrained").subplots(1, 2)
    colours = dict(
        zip((*NAMED, "silu"), ("#000000", "#E69F00", "#0072B2", "#009E73", "#D55E00"), strict=True)
    )
    artists: list[Any] = []
    for name, colour in colours.items():
        law = law_of(name, 5, 1.0 / math.sqrt(gate_mean(name)))
        artists += plot_law(law, left, log_lambda=True)[:1]
        artists[-1].set_color(colour)
        artists[-1].set_label(name)
    for text in list(left.texts):
        text.remove()
    for line in [line for line in left.lines if line.get_linestyle() == "--"]:
        line.remove()
    left.legend(frameon=False)
    return [*artists, *draw_tails(right, quick)]


CASE = Case(
    name="A22",
    claim='"results differ only quantitatively" between activations; the density tends to delta_0: a contraction',
    run=run,
)
