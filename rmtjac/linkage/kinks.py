"""A piecewise linear map next to a point of the plane: one Jacobian a sector, and what kind of fixed point that makes.

At a point x* where some pre-activations are on a kink, Phi(x* + u) - Phi(x*) = D(u) for small u, where D is linear on
each of finitely many sectors. A unit on a kink sends its direction on by the slope of the side it points to; every
other unit has its slope.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rmtjac.model.activations import Activation, HalfLinear, HardTanh
from rmtjac.model.network import Network

__all__ = ["Sector", "degree", "is_stable", "on_kinks", "sectors"]

Floats = NDArray[np.float64]

REGULAR = 1e-12  # smallest det(1 - J), in units of its terms, that counts as one
WIDEST = 1.0  # radians: sectors are split so that no image turns by half a circle


class Sector(NamedTuple):
    """Directions from `start` to `end` (radians), and the Jacobian (2, 2) on them."""

    start: float
    end: float
    jacobian: Floats


def on_kinks(net: Network, low: Floats, high: Floats) -> list[NDArray[np.bool_]]:
    """Which units of each layer may be on a kink, for pre-activations of all layers between low and high."""
    start, found = 0, []
    for phi, width in zip(net.activations, net.widths[1:], strict=True):
        below, above = low[start : start + width], high[start : start + width]
        start += width
        meets = np.zeros(width, dtype=np.bool_)
        for kink in _kinks_of(phi):
            meets |= (below <= kink) & (kink <= above)
        found.append(meets)
    return found


def sectors(net: Network, x: Floats, kinks: list[NDArray[np.bool_]]) -> list[Sector]:
    """The sectors at a point x of the plane, of which the units `kinks` are on a kink."""
    layers = net.pre_activations(x)
    count = math.ceil(2 * math.pi / WIDEST)
    ends = np.linspace(0.0, 2 * math.pi, count + 1)
    pieces = [Sector(a, b, np.eye(2)) for a, b in itertools.pairwise(ends)]
    for weights, phi, h, on in zip(net.weights, net.activations, layers, kinks, strict=True):
        slopes = np.asarray(phi.derivative(h), dtype=np.float64)
        inner, outer = (1.0, 0.0) if isinstance(phi, HardTanh) else (1.0, phi.parameter)
        # a direction that points to the side of the slope `inner`: upward at 0 and at -1, downward at 1
        towards = np.where(on, -np.sign(h) if isinstance(phi, HardTanh) else 1.0, 0.0)
        new = []
        for piece in pieces:
            jacobian = weights @ piece.jacobian
            for start, end in _cut(piece, jacobian[on]):
                middle = 0.5 * (start + end)
                side = jacobian @ np.array([math.cos(middle), math.sin(middle)])
                chosen = np.where(on, np.where(side * towards > 0.0, inner, outer), slopes)
                new.append(Sector(start, end, chosen[:, None] * jacobian))
        pieces = new
    return pieces


def degree(pieces: list[Sector]) -> float:
    """Index of the fixed point: how often u - D(u) turns while u goes around once; nan if a sector is degenerate."""
    turn = 0.0
    for start, end, jacobian in pieces:
        gap = np.eye(2) - jacobian
        size = max(1.0, float(np.abs(gap).max()))
        if not math.isfinite(size) or abs(np.linalg.det(gap / size)) <= REGULAR:
            return math.nan
        gap = gap / size
        first, last = (gap @ np.array([math.cos(t), math.sin(t)]) for t in (start, end))
        turn += math.atan2(first[0] * last[1] - first[1] * last[0], float(first @ last))
    return float(round(turn / (2 * math.pi)))


def is_stable(pieces: list[Sector]) -> bool | None:
    """True if every sector contracts, False if a direction is only stretched, None if this does not decide."""
    if max(np.linalg.norm(piece.jacobian, 2) for piece in pieces) < 1.0 - REGULAR:
        return True
    for start, end, jacobian in pieces:
        values, vectors = np.linalg.eig(jacobian)
        for value, vector in zip(values, vectors.T, strict=True):
            if abs(value.imag) > 0.0 or value.real <= 1.0 + REGULAR:
                continue
            angles = [math.atan2(s * vector[1].real, s * vector[0].real) % (2 * math.pi) for s in (1.0, -1.0)]
            if any(start <= angle <= end for angle in angles):
                return False
    return None


def _kinks_of(phi: Activation) -> tuple[float, ...]:
    """Where phi bends."""
    if isinstance(phi, HardTanh):
        return (-1.0, 1.0)
    return (0.0,) if isinstance(phi, HalfLinear) and phi.parameter != 1.0 else ()


def _cut(piece: Sector, rows: Floats) -> list[tuple[float, float]]:
    """The parts of a sector on which no row changes its sign."""
    angles = np.arctan2(-rows[:, 0], rows[:, 1])  # where row . u = 0
    angles = np.concatenate([angles, angles + math.pi]) % (2 * math.pi)
    inside = np.unique(angles[(angles > piece.start) & (angles < piece.end)])
    ends = [piece.start, *inside.tolist(), piece.end]
    return [(a, b) for a, b in itertools.pairwise(ends) if b > a]
