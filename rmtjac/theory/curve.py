"""The curve eta(log lambda) above the support, stored as cubics, and the root at any point next to it.

Each interval has a coordinate x in which the curve is smooth, square-root edges included:
x = sqrt(high - t) if the interval reaches -inf, otherwise the angle of t = high - (high - low) sin^2(x/2).
Nodes are found by continuation and refined until a cubic predicts the curve to 1e-7; a point is then one or two
Newton steps away. A point's value depends on the law and on nothing else.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rmtjac.jit import kernel
from rmtjac.theory.continuation import roots
from rmtjac.theory.master_equation import Equation

__all__ = ["Curve", "Solution", "cubic", "log_lambda", "path", "solve", "speed"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Integers = npt.NDArray[np.int64]


class Curve(NamedTuple):
    """The intervals (K) and the nodes of their curves, x ascending within each interval.

    Attributes
    ----------
    low, high : arrays (K,)
        Ends in log lambda, ascending; low[0] may be -inf.
    first : array (K + 1,)
        Nodes first[k] .. first[k + 1] - 1 belong to interval k.
    x : array (nodes,)
        Coordinate.
    eta, slope : arrays (nodes, G)
        Unknowns and d eta/dx.
    """

    low: Floats
    high: Floats
    first: Integers
    x: Floats
    eta: Complexes
    slope: Complexes


class Solution(NamedTuple):
    """Points of the curve: unknowns (points, G), code, interval (-1 outside the support), u + rho.

    The last is total e^log_scale.
    """

    eta: Complexes
    code: Integers
    interval: Integers
    total: Complexes
    log_scale: Floats


@kernel
def coordinate(t: float, low: float, high: float) -> float:
    """x of log lambda = t."""
    above = math.sqrt(max(high - t, 0.0))
    if low == -math.inf:
        return above
    return 2.0 * math.atan2(above, math.sqrt(max(t - low, 0.0)))


def log_lambda(x: Floats, low: float, high: float) -> Floats:
    """log lambda of coordinates x."""
    if low == -math.inf:
        return high - x * x
    return np.asarray(high - (high - low) * np.sin(0.5 * x) ** 2)


def speed(x: Floats, low: float, high: float) -> Floats:
    """d log lambda / dx."""
    return -2.0 * x if low == -math.inf else -0.5 * (high - low) * np.sin(x)


@kernel
def cubic(u: float, x0: float, x1: float, e0: complex, e1: complex, d0: complex, d1: complex) -> complex:
    """Cubic Hermite interpolation at x0 + u (x1 - x0)."""
    width = x1 - x0
    v = 1.0 - u
    return v * v * ((1.0 + 2.0 * u) * e0 + u * width * d0) + u * u * ((1.0 + 2.0 * v) * e1 - v * width * d1)


@kernel
def path(curve: Curve, k: int, x: Floats) -> tuple[Complexes, Complexes]:
    """eta and d eta/dx on the cubics through the nodes of interval k: a smooth path close to the curve."""
    groups = curve.eta.shape[1]
    eta = np.empty((x.size, groups), dtype=np.complex128)
    rate = np.empty((x.size, groups), dtype=np.complex128)
    for i in range(x.size):
        c = _cell(curve, k, x[i])
        width = curve.x[c + 1] - curve.x[c]
        u = (x[i] - curve.x[c]) / width
        v = 1.0 - u
        for g in range(groups):
            e0, e1, d0, d1 = curve.eta[c, g], curve.eta[c + 1, g], curve.slope[c, g], curve.slope[c + 1, g]
            eta[i, g] = cubic(u, curve.x[c], curve.x[c + 1], e0, e1, d0, d1)
            rate[i, g] = 6.0 * u * v * (e1 - e0) / width + v * (1.0 - 3.0 * u) * d0 + u * (3.0 * u - 2.0) * d1
    return eta, rate


@kernel
def _cell(curve: Curve, k: int, x: float) -> int:
    """The node of interval k at or before coordinate x, with a node after it."""
    low = curve.first[k]
    high = curve.first[k + 1] - 1
    while high - low > 1:
        middle = (low + high) // 2
        if curve.x[middle] <= x:
            low = middle
        else:
            high = middle
    return int(low)


@kernel
def _start(curve: Curve, k: int, x: float, eta: Complexes) -> None:
    """Put the unknowns predicted at coordinate x of interval k into eta; beyond the last node linear in t."""
    end = curve.first[k + 1] - 1
    last = curve.x[end]
    if x >= last:
        per_t = -0.5 / last if last < x else 0.0  # only a hard edge goes on beyond the last node
        for g in range(eta.size):
            rate = curve.slope[end, g].real * per_t
            eta[g] = complex(curve.eta[end, g].real + rate * (last - x) * (last + x), curve.eta[end, g].imag)
        return
    c = _cell(curve, k, x)
    u = (x - curve.x[c]) / (curve.x[c + 1] - curve.x[c])
    for g in range(eta.size):
        e0, e1, d0, d1 = curve.eta[c, g], curve.eta[c + 1, g], curve.slope[c, g], curve.slope[c + 1, g]
        eta[g] = cubic(u, curve.x[c], curve.x[c + 1], e0, e1, d0, d1)


@kernel
def _starts(curve: Curve, t: Floats) -> tuple[Complexes, Integers]:
    """Predictions (points, G) at every t, and its interval (-1 outside the support)."""
    eta = np.zeros((t.size, curve.eta.shape[1]), dtype=np.complex128)
    interval = np.full(t.size, -1, dtype=np.int64)
    for i in range(t.size):
        for k in range(curve.low.size):
            if curve.low[k] < t[i] < curve.high[k]:
                _start(curve, k, coordinate(t[i], curve.low[k], curve.high[k]), eta[i])
                interval[i] = k
    return eta, interval


def solve(eq: Equation, curve: Curve, t: Floats) -> Solution:
    """The unknowns at every log lambda = t."""
    eta, interval = _starts(curve, t)
    code, total, log_scale = roots(eq, t.astype(np.complex128), eta, interval >= 0)
    return Solution(eta, code, interval, total, log_scale)
