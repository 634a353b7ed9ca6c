"""Bounds on one superattracting layer f(x) = phi(W x + b) over boxes, outward rounded, many at once.

Over a box lower..upper of x the pre-activation h_i goes from c_i - r_i to c_i + r_i, c = W m + b at the middle m, and
r = |W| times the half sides. The image of the box is where phi goes there, and the Lipschitz constant of f in the
largest-coordinate norm is the largest sup|phi'(h_i)| sum_j |W_ij| (Lemma A.5 of the second source).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rmtjac.errors import UnsupportedError
from rmtjac.model.network import Network
from rmtjac.model.superattracting import Superattracting
from rmtjac.model.superattracting_enclosures import superattracting_ranges

__all__ = [
    "Bounds",
    "bounds_on_boxes",
    "bounds_on_pre_activations",
    "row_sums",
    "scalar_reach",
    "superattracting",
]

Floats = NDArray[np.float64]

EPS = float(np.finfo(float).eps)
TINY = 1e-300  # what underflow can hide in a sum
STEPS = 60  # of a bisection


class Bounds(NamedTuple):
    """Of every unit: least and largest phi(h), and sup|phi'(h)| times the sum of its |weights|."""

    low: Floats
    high: Floats
    constant: Floats


def superattracting(net: Network) -> Superattracting:
    """The activation of one layer; raises UnsupportedError unless it has superattracting points."""
    phi = net.activations[0]
    if not isinstance(phi, Superattracting):
        raise UnsupportedError(
            f"activation={phi.name!r}: allowed are those with superattracting points: cubic, quintic, "
            "hermite(POINTS), exp_cubic"
        )
    return phi


def row_sums(weights: Floats) -> Floats:
    """sum_j |W_ij|, rounded upward, shape (n,)."""
    return np.asarray(np.abs(weights).sum(axis=1) * (1.0 + _slack(weights)) + TINY)


def bounds_on_boxes(net: Network, lower: Floats, upper: Floats) -> Bounds:
    """Over boxes (N, n) of x; arrays (N, n)."""
    weights, bias = net.weights[0], net.biases[0]
    middle = 0.5 * lower + 0.5 * upper
    half = np.maximum(upper - middle, middle - lower) * (1.0 + EPS) + TINY
    size = np.abs(weights)
    centre = middle @ weights.T + bias
    reach = half @ size.T + _slack(weights) * ((np.abs(middle) + half) @ size.T + np.abs(bias)) + TINY
    return bounds_on_pre_activations(net, centre - reach, centre + reach, row_sums(weights))


def bounds_on_pre_activations(net: Network, low: Floats, high: Floats, sums: Floats) -> Bounds:
    """Over intervals of h, to whose ends one rounding is added; `sums` are the units' sums of |weights|."""
    phi = superattracting(net)
    low, high = low - 2.0 * EPS * np.abs(low), high + 2.0 * EPS * np.abs(high)
    below, above, least, largest = superattracting_ranges(
        phi.code, phi.parameter, np.ascontiguousarray(low), np.ascontiguousarray(high)
    )
    steepest = np.maximum(np.abs(least), np.abs(largest))
    return Bounds(below, above, steepest * sums * (1.0 + 2.0 * EPS))


def scalar_reach(phi: Superattracting, slope: float) -> Floats:
    """How far below and above each point |phi'| stays within `slope` < 1, shape (k, 2), to rounding."""
    points = phi.points
    gap = float(np.diff(points).min()) / 2.0
    reach = np.zeros((points.size, 2))
    for side, sign in enumerate((-1.0, 1.0)):
        inside, outside = np.zeros(points.size), np.full(points.size, gap)
        for _ in range(STEPS):
            tried = 0.5 * (inside + outside)
            ends = np.sort([points, points + sign * tried], axis=0)
            _, _, least, largest = superattracting_ranges(phi.code, phi.parameter, ends[0], ends[1])
            holds = np.maximum(-least, largest) <= slope
            inside, outside = np.where(holds, tried, inside), np.where(holds, outside, tried)
        reach[:, side] = inside
    return reach


def _slack(weights: Floats) -> float:
    """The rounding error of a sum over a row, in units of the sum of the sizes of its terms."""
    return float(weights.shape[1] + 8) * EPS
