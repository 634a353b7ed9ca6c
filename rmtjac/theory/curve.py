"""The curve eta(log lambda) above the support: traced once a law, then read at any number of points.

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
from rmtjac.theory.master_equation import Equation, divide, equation_terms, log_z, mass_above, mass_below
from rmtjac.theory.support import Interval

__all__ = ["Curve", "densities", "error_bounds", "masses", "path", "solve", "trace"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Integers = npt.NDArray[np.int64]

TAIL = 46.0  # a hard edge is traced to |w + p| ~ e^-46, where the mass below is 1e-20
TOLERANCE = 1e-7  # of the distance to the boundary of the lower half plane
MAX_NODES = 20_000
MAX_TAIL = 1e7


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
    mean : float
        First moment of the reference gates, for continuation from large |z|.
    """

    low: Floats
    high: Floats
    first: Integers
    x: Floats
    eta: Complexes
    slope: Complexes
    mean: float


@kernel
def coordinate(t: float, low: float, high: float) -> float:
    """x of log lambda = t."""
    above = math.sqrt(max(high - t, 0.0))
    if low == -math.inf:
        return above
    return 2.0 * math.atan2(above, math.sqrt(max(t - low, 0.0)))


@kernel
def _log_lambda(x: float, low: float, high: float) -> float:
    """log lambda of coordinate x."""
    if low == -math.inf:
        return high - x * x
    half = math.sin(0.5 * x)
    return high - (high - low) * half * half


@kernel
def _speed(x: float, low: float, high: float) -> float:
    """d log lambda / dx."""
    return -2.0 * x if low == -math.inf else -0.5 * (high - low) * math.sin(x)


@kernel
def _cubic(u: float, x0: float, x1: float, e0: complex, e1: complex, d0: complex, d1: complex) -> complex:
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
        eta[i] = _cubic(u, curve.x[c], curve.x[c + 1], e0, e1, d0, d1)
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
        rate = curve.slope[end] / _speed(last, curve.low[k], curve.high[k]) if last < x else 0j
        eta: complex = curve.eta[end] + rate * (last - x) * (last + x)
        return eta
    c = _cell(curve, k, x)
    u = (x - curve.x[c]) / (curve.x[c + 1] - curve.x[c])
    return _cubic(
        u, curve.x[c], curve.x[c + 1], curve.eta[c], curve.eta[c + 1], curve.slope[c], curve.slope[c + 1]
    )


@kernel
def _root(eq: Equation, mean: float, start: complex, t: float) -> tuple[complex, int]:
    """The root on the curve at log lambda = t from a prediction; by continuation if the prediction fails."""
    if 0.0 < start.imag < math.pi:
        eta, _, code = newton(eq, start, complex(t, 0.0), 12)
        if code == CONVERGED:
            return eta, code
    eta, _, code = continue_root(eq, mean, t, 0.0)
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
                eta[i], code[i] = _root(eq, curve.mean, start, t[i])
                interval[i] = k
    return eta, code, interval


@kernel
def densities(eq: Equation, eta: Complexes, interval: Integers) -> tuple[Floats, Floats]:
    """Density of log lambda as mantissa and natural log of its scale: -Im(w)/pi = mantissa e^scale."""
    mantissa = np.zeros(eta.size)
    scale = np.zeros(eta.size)
    for i in range(eta.size):
        if interval[i] >= 0:
            _, total, _, _, _, _, _ = equation_terms(eq, eta[i])
            mantissa[i] = -total.imag / math.pi
            scale[i] = min(0.0, -eta[i].real)
    return mantissa, scale


@kernel
def masses(eq: Equation, eta: Complexes, interval: Integers) -> tuple[Floats, Floats]:
    """Mass above, and mass below without the atom at 0, for the points inside the support (others: nan)."""
    above = np.full(eta.size, np.nan)
    below = np.full(eta.size, np.nan)
    for i in range(eta.size):
        if interval[i] >= 0:
            above[i] = mass_above(eq, eta[i])
            below[i] = mass_below(eq, eta[i])
    return above, below


@kernel
def error_bounds(eq: Equation, t: Floats, eta: Complexes, interval: Integers) -> Floats:
    """Bounds on the error of the density of log lambda, relative to that density.

    The measured residual and the rounding of log z, t and the edge, over |dg/deta|; where the root is nearly
    double the error of a square root takes its place.
    """
    bound = np.zeros(t.size)
    for i in range(t.size):
        if interval[i] < 0:
            continue
        value, derivative, noise = log_z(eq, eta[i])
        error = abs(value - t[i]) + 2.0 * noise + 3e-16 * (abs(t[i]) + abs(eq.log_scale))
        _, total, _, slope, _, _, _ = equation_terms(eq, eta[i])
        linear = error / abs(derivative)
        # curvature of g at the distance |Im eta|: the root moves by at most the square root below
        room = math.pi - eta[i].imag
        nearly_double = math.sqrt(2.0 * error * room / abs(derivative))
        moved = 2.0 * linear if linear < 0.1 * room else 2.0 * max(linear, nearly_double)
        bound[i] = moved * abs(slope) / abs(total.imag) + 1e-15
    return bound


@kernel
def _nodes(
    eq: Equation, mean: float, low: float, high: float, x: Floats, starts: Complexes
) -> tuple[Complexes, Complexes]:
    """eta and d eta/dx at interior coordinates, from predictions; nan where no root was reached."""
    eta = np.full(x.size, complex(np.nan, np.nan))
    slope = eta.copy()
    for i in range(x.size):
        root, code = _root(eq, mean, starts[i], _log_lambda(x[i], low, high))
        if code == CONVERGED:
            eta[i] = root
            slope[i] = divide(complex(_speed(x[i], low, high)), log_z(eq, root)[1])
    return eta, slope


@kernel
def _cubics(x: Floats, eta: Complexes, slope: Complexes, cells: Integers) -> Complexes:
    """Cubic predictions at the middle of the given cells."""
    out = np.empty(cells.size, dtype=np.complex128)
    for i in range(cells.size):
        c = cells[i]
        out[i] = _cubic(0.5, x[c], x[c + 1], eta[c], eta[c + 1], slope[c], slope[c + 1])
    return out


def _end(eq: Equation, interval: Interval, mean: float) -> float:
    """Last coordinate to trace: the lower edge, or far down the tail of a hard edge."""
    if math.isfinite(interval.low):
        return math.pi
    reach = 1.0
    while reach < MAX_TAIL:
        eta, _, code = continue_root(eq, mean, interval.high - reach, 0.0)
        if code != CONVERGED or eta.real > max(interval.eta_high, 0.0) + TAIL:
            break
        reach *= 2.0
    return math.sqrt(reach)


def _edge_slopes(interval: Interval) -> tuple[complex, complex]:
    """d eta/dx at the two edges, where eta - eta_edge = -i sqrt(2 |t - edge| / |curvature|)."""
    top = -1j * math.sqrt(2.0 / interval.curvature_high)
    if math.isinf(interval.low):
        return top, 0j
    scale = 0.5 * math.sqrt(interval.high - interval.low)
    return top * scale, 1j * scale * math.sqrt(2.0 / -interval.curvature_low)


def _trace_interval(eq: Equation, interval: Interval, mean: float) -> tuple[Floats, Complexes, Complexes]:
    """Nodes x, eta, d eta/dx of one interval, refined until the cubic is good to TOLERANCE."""
    low, high = interval.low, interval.high
    x = np.linspace(0.0, _end(eq, interval, mean), 33)
    eta, slope = _nodes(eq, mean, low, high, x, np.full(x.size, -1j))
    top, bottom = _edge_slopes(interval)
    eta[0], slope[0] = complex(interval.eta_high, math.pi), top
    if math.isfinite(low):
        eta[-1], slope[-1] = complex(interval.eta_low, math.pi), bottom
    cells = np.arange(x.size - 1)
    while cells.size and x.size < MAX_NODES:
        middle = 0.5 * (x[cells] + x[cells + 1])
        predicted = _cubics(x, eta, slope, cells)
        found, rate = _nodes(eq, mean, low, high, middle, predicted)
        room = np.minimum(found.imag, math.pi - found.imag)
        poor = ~(np.abs(found - predicted) <= TOLERANCE * room + 1e-14 * np.abs(found))
        x = np.insert(x, cells + 1, middle)
        eta, slope = np.insert(eta, cells + 1, found), np.insert(slope, cells + 1, rate)
        left = cells + np.arange(cells.size)
        cells = np.sort(np.concatenate([left[poor], left[poor] + 1]))
    return x, eta, slope


def trace(eq: Equation, intervals: list[Interval]) -> Curve:
    """The curve over all intervals of the continuous spectrum."""
    mean = float((eq.masses * np.exp(eq.log_gates)).sum())
    parts = [_trace_interval(eq, interval, mean) for interval in intervals]
    columns = [np.concatenate(c) for c in zip(*parts, strict=True)] if parts else [np.empty(0)] * 3
    return Curve(
        low=np.array([interval.low for interval in intervals]),
        high=np.array([interval.high for interval in intervals]),
        first=np.cumsum([0, *(len(part[0]) for part in parts)]),
        x=columns[0].astype(np.float64),
        eta=columns[1].astype(np.complex128),
        slope=columns[2].astype(np.complex128),
        mean=mean,
    )
