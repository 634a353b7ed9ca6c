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
from rmtjac.theory.continuation import CONVERGED, continue_root, newton
from rmtjac.theory.master_equation import Equation

__all__ = ["Curve", "cubic", "log_lambda", "path", "root_near", "solve", "speed"]

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
    x, eta, slope : arrays (nodes,)
        Coordinate, unknown and d eta/dx.
    """

    low: Floats
    high: Floats
    first: Integers
    x: Floats
    eta: Complexes
    slope: Complexes


@kernel
def coordinate(t: float, low: float, high: float) -> float:
    """x of log lambda = t."""
    above = math.sqrt(max(high - t, 0.0))
    if low == -math.inf:
        return above
    return 2.0 * math.atan2(above, math.sqrt(max(t - low, 0.0)))


@kernel
def log_lambda(x: float, low: float, high: float) -> float:
    """log lambda of coordinate x."""
    if low == -math.inf:
        return high - x * x
    half = math.sin(0.5 * x)
    return high - (high - low) * half * half


@kernel
def speed(x: float, low: float, high: float) -> float:
    """d log lambda / dx."""
    return -2.0 * x if low == -math.inf else -0.5 * (high - low) * math.sin(x)


@kernel
def cubic(u: float, x0: float, x1: float, e0: complex, e1: complex, d0: complex, d1: complex) -> complex:
    """Cubic Hermite interpolation at x0 + u (x1 - x0)."""
    width = x1 - x0
    v = 1.0 - u
    return v * v * ((1.0 + 2.0 * u) * e0 + u * width * d0) + u * u * ((1.0 + 2.0 * v) * e1 - v * width * d1)


@kernel
def path(curve: Curve, k: int, x: Floats) -> tuple[Complexes, Complexes]:
    """eta and d eta/dx on the cubics through the nodes of interval k: a smooth path close to the curve."""
    eta = np.empty(x.size, dtype=np.complex128)
    rate = np.empty(x.size, dtype=np.complex128)
    for i in range(x.size):
        c = _cell(curve, k, x[i])
        width = curve.x[c + 1] - curve.x[c]
        u = (x[i] - curve.x[c]) / width
        e0, e1, d0, d1 = curve.eta[c], curve.eta[c + 1], curve.slope[c], curve.slope[c + 1]
        eta[i] = cubic(u, curve.x[c], curve.x[c + 1], e0, e1, d0, d1)
        v = 1.0 - u
        rate[i] = 6.0 * u * v * (e1 - e0) / width + v * (1.0 - 3.0 * u) * d0 + u * (3.0 * u - 2.0) * d1
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
def _start(curve: Curve, k: int, x: float) -> complex:
    """The unknown predicted at coordinate x of interval k; beyond the last node eta is linear in t."""
    end = curve.first[k + 1] - 1
    last = curve.x[end]
    if x >= last:
        rate = curve.slope[end] / speed(last, curve.low[k], curve.high[k]) if last < x else 0j
        return complex(curve.eta[end].real + rate.real * (last - x) * (last + x), curve.eta[end].imag)
    c = _cell(curve, k, x)
    u = (x - curve.x[c]) / (curve.x[c + 1] - curve.x[c])
    return cubic(
        u, curve.x[c], curve.x[c + 1], curve.eta[c], curve.eta[c + 1], curve.slope[c], curve.slope[c + 1]
    )


@kernel
def root_near(eq: Equation, start: complex, t: float) -> tuple[complex, int]:
    """The root on the curve at log lambda = t from a prediction; by continuation if the prediction fails."""
    if 0.0 < start.imag < math.pi:
        eta, _, code = newton(eq, start, complex(t, 0.0), 12)
        if code == CONVERGED:
            return eta, code
    eta, _, code = continue_root(eq, t, 0.0)
    return eta, code


@kernel
def solve(eq: Equation, curve: Curve, t: Floats) -> tuple[Complexes, Integers, Integers]:
    """The unknown at every t, its code, and its interval (-1 outside the support, where eta is 0)."""
    eta = np.zeros(t.size, dtype=np.complex128)
    code = np.zeros(t.size, dtype=np.int64)
    interval = np.full(t.size, -1, dtype=np.int64)
    for i in range(t.size):
        for k in range(curve.low.size):
            if curve.low[k] < t[i] < curve.high[k]:
                start = _start(curve, k, coordinate(t[i], curve.low[k], curve.high[k]))
                eta[i], code[i] = root_near(eq, start, t[i])
                interval[i] = k
    return eta, code, interval
