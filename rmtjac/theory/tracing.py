"""Tracing the curve of a law: nodes by continuation, refined until cubics between them are good starts."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rmtjac.jit import kernel
from rmtjac.theory.continuation import CONVERGED, continue_root
from rmtjac.theory.curve import Curve, cubic, log_lambda, root_near, speed
from rmtjac.theory.master_equation import Equation, divide, log_z
from rmtjac.theory.support import Interval

__all__ = ["trace"]

Floats = npt.NDArray[np.float64]
Complexes = npt.NDArray[np.complex128]
Integers = npt.NDArray[np.int64]

TAIL = 46.0  # a hard edge is traced to |w + p| ~ e^-46, where the mass below is 1e-20
TOLERANCE = 1e-7  # of the distance to the boundary of the lower half plane
MAX_NODES = 20_000
LONGEST_TAIL = 1e12
LONGEST_LOG_TAIL = 1e7  # where the density of log lambda falls like a power only
TINY = 1e-300


@kernel
def _nodes(
    eq: Equation, low: float, high: float, x: Floats, starts: Complexes
) -> tuple[Complexes, Complexes]:
    """eta and d eta/dx at interior coordinates, from predictions; nan where no root was reached."""
    eta = np.full(x.size, complex(np.nan, np.nan))
    slope = eta.copy()
    for i in range(x.size):
        root, code = root_near(eq, starts[i], log_lambda(x[i], low, high))
        if code == CONVERGED:
            eta[i] = root
            slope[i] = divide(complex(speed(x[i], low, high)), log_z(eq, root)[1])
    return eta, slope


@kernel
def _cubics(x: Floats, eta: Complexes, slope: Complexes, cells: Integers) -> Complexes:
    """Cubic predictions at the middle of the given cells."""
    out = np.empty(cells.size, dtype=np.complex128)
    for i in range(cells.size):
        c = cells[i]
        out[i] = cubic(0.5, x[c], x[c + 1], eta[c], eta[c + 1], slope[c], slope[c + 1])
    return out


def _end(eq: Equation, interval: Interval) -> float:
    """Last coordinate to trace: the lower edge, or far down the tail of a hard edge."""
    if math.isfinite(interval.low):
        return math.pi
    reach, limit = 1.0, LONGEST_LOG_TAIL if eq.hard_drift > 0.0 else LONGEST_TAIL
    while reach < limit:
        eta, _, code = continue_root(eq, interval.high - reach, 0.0)
        if code != CONVERGED or eta.real > max(interval.eta_high, -eq.log_gates.min()) + TAIL:
            break
        reach *= 2.0
    return math.sqrt(reach)


def _edge_slopes(interval: Interval) -> tuple[complex, complex]:
    """d eta/dx at the two edges, where eta - eta_edge = -i sqrt(2 |t - edge| / |curvature|)."""
    # rounding may leave no curvature of a spectrum that is nearly a point; any slope is a start
    top = -1j * math.sqrt(2.0 / max(interval.curvature_high, TINY))
    if math.isinf(interval.low):
        return top, 0j
    scale = 0.5 * math.sqrt(interval.high - interval.low)
    return top * scale, 1j * scale * math.sqrt(2.0 / max(-interval.curvature_low, TINY))


def _trace_interval(eq: Equation, interval: Interval) -> tuple[Floats, Complexes, Complexes]:
    """Nodes x, eta, d eta/dx of one interval, refined until the cubic is good to TOLERANCE."""
    low, high = interval.low, interval.high
    x = np.linspace(0.0, _end(eq, interval), 33)
    eta, slope = _nodes(eq, low, high, x, np.full(x.size, -1j))
    top, bottom = _edge_slopes(interval)
    eta[0], slope[0] = complex(interval.eta_high, math.pi), top
    if math.isfinite(low):
        eta[-1], slope[-1] = complex(interval.eta_low, math.pi), bottom
    cells = np.arange(x.size - 1)
    while cells.size and x.size < MAX_NODES:
        middle = 0.5 * (x[cells] + x[cells + 1])
        predicted = _cubics(x, eta, slope, cells)
        found, rate = _nodes(eq, low, high, middle, predicted)
        room = np.minimum(found.imag, math.pi - found.imag)
        poor = ~(np.abs(found - predicted) <= TOLERANCE * room + 1e-14 * np.abs(found))
        x = np.insert(x, cells + 1, middle)
        eta, slope = np.insert(eta, cells + 1, found), np.insert(slope, cells + 1, rate)
        left = cells + np.arange(cells.size)
        cells = np.sort(np.concatenate([left[poor], left[poor] + 1]))
    return x, eta, slope


def trace(eq: Equation, intervals: list[Interval]) -> Curve:
    """The curve over all intervals of the continuous spectrum."""
    parts = [_trace_interval(eq, interval) for interval in intervals]
    columns = [np.concatenate(c) for c in zip(*parts, strict=True)] if parts else [np.empty(0)] * 3
    return Curve(
        low=np.array([interval.low for interval in intervals]),
        high=np.array([interval.high for interval in intervals]),
        first=np.cumsum([0, *(len(part[0]) for part in parts)]),
        x=columns[0].astype(np.float64),
        eta=columns[1].astype(np.complex128),
        slope=columns[2].astype(np.complex128),
    )
