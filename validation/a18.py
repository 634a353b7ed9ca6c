"""A18: Proposition 1 (light tails: one fixed point at any width and depth). Proposition 2 is case A10."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.integrate import quad
from scipy.stats import norm

import rmtjac as rj
from validation.case import Case, Result

DRAWS, QUICK_DRAWS, SEED = 4000, 200, 18
WIDTHS = (1, 2, 3, 5, 10, 30, 100)
WIDE_DRAWS, QUICK_WIDE_DRAWS = 1000, 15
ENUMERABLE = 4  # inputs
SCALES = {"standard deviation 1/n": lambda fan_in: fan_in**-0.5, "variance 1/n": 1.0, "variance 4/n": 2.0}


def exact_three_points(bias: bool) -> float:
    """P(x = tanh(wx + b) has three solutions), w ~ N(0, 1) and b = 0 or b ~ N(0, 1).

    Three need w > 1 and |b| below the bias at which the line touches: w t - artanh(t), t = sqrt(1 - 1/w).
    """
    if not bias:
        return float(norm.sf(1.0))

    def integrand(w: float) -> float:
        t = math.sqrt(1.0 - 1.0 / w)
        return float(norm.pdf(w) * (2.0 * norm.cdf(w * t - math.atanh(t)) - 1.0))

    return float(quad(integrand, 1.0, 40.0)[0])


def run(quick: bool) -> Result:
    """The scalar network exactly and enumerated; one layer of any width by proofs of one point, or of more."""
    table: list[list[Any]] = [
        ["tanh, L = 1", "draws", "P(more than one point)", "its error", "P(proven to be one)", "exact"]
    ]
    table += [_scalar_row(bias, QUICK_DRAWS if quick else DRAWS) for bias in (False, True)]
    draws = QUICK_WIDE_DRAWS if quick else WIDE_DRAWS
    wide = {(word, width): _wide_row(word, width, draws) for word in SCALES for width in WIDTHS}
    table += wide.values()
    narrow, widest = wide["standard deviation 1/n", 1], wide["standard deviation 1/n", WIDTHS[-1]]
    usual, strong = wide["variance 1/n", WIDTHS[-1]], wide["variance 4/n", WIDTHS[-1]]
    return Result(
        verdict="contradicted",
        sentence=(
            f"N = L = 1 with tanh is a counterexample: three points with probability {exact_three_points(False):.4f} "
            f"without bias and {exact_three_points(True):.4f} with b ~ N(0, 1), exactly, and {table[1][2]:.3g} and "
            f"{table[2][2]:.3g} in the enumeration. With standard deviation 1/n (the source's sigma_l in one reading) "
            f"the probability falls from {narrow[2]:.2g} at width 1 to {widest[2]:.2g} at width {WIDTHS[-1]}, where "
            f"one point is proven with probability {widest[4]:.3g}: there the proposition holds with a probability "
            f"that tends to 1. With the usual variance 1/n, without bias, at least {usual[2]:.2g} of the networks of "
            f"width {WIDTHS[-1]} have more than one point, with variance 4/n at least {strong[2]:.2g}."
        ),
        table=table,
        artists=[],
    )


def _scalar_row(bias: bool, draws: int) -> list[Any]:
    ens = rj.Ensemble(depth=1, width=1, activation="tanh", sigma_b=float(bias))
    census = rj.fixed_point_census(ens, [1], draws, SEED, "all", workers=1)
    one = (census.counts[0] == 1) & census.complete[0]
    return _row(
        f"width 1, b {'~ N(0, 1)' if bias else '= 0'}", census.counts[0] > 1, one, exact_three_points(bias)
    )


def _wide_row(word: str, width: int, draws: int) -> list[Any]:
    ens = rj.Ensemble(depth=1, width=width, activation="tanh", sigma_w=SCALES[word])
    kinds = np.array([_kind(ens.sample(SEED + k)) for k in range(draws)])
    exact = exact_three_points(False) if width == 1 and "4" not in word else "-"
    return _row(f"width {width}, b = 0, {word}", kinds == "more", kinds == "one", exact)


def _row(name: str, more: Any, one: Any, exact: Any) -> list[Any]:
    share = float(np.mean(more))
    error = math.sqrt(share * (1.0 - share) / len(more))
    return [name, len(more), share, error, float(np.mean(one)), exact]


def _kind(net: rj.Network) -> str:
    """Whether a network without bias has "one" fixed point, "more", or neither is shown.

    A product of norms below 1 leaves x = 0 alone (Banach). In few inputs all points are enumerated. In many there are
    more where det(1 - W) < 0: x = 0 has the index -1 then, while those of all points in the cube sum to 1.
    """
    if rj.product_of_norms(net) < 1.0:
        return "one"
    if net.widths[0] <= ENUMERABLE:
        found = rj.find_fixed_points(net)
        return "more" if found.certified.sum() > 1 else "one" if found.complete else "unknown"
    sign = np.linalg.slogdet(np.eye(net.widths[0]) - net.jacobian(np.zeros(net.widths[0])))[0]
    return "more" if sign < 0 else "unknown"


CASE = Case(
    name="A18",
    claim="Proposition 1: light tails: one fixed point for any width, depth and sigmoid-type activation",
    run=run,
)
