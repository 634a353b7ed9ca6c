"""Where the spectrum lives: edges, gaps and atoms, from the equation on the positive zeta axis.

Outside the support w(lambda) is real and decreasing. By the argument of master_equation the real points of the
physical sheet are exactly the zeta with phase Im g = 0 (approached from below) and dg/deta < 0; their images
are the gaps, and the edges are the critical points that bound them. The mass above a gap is a count of signs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from rmtjac.jit import kernel
from rmtjac.theory.master_equation import Equation, equation_terms, log_z

__all__ = ["Gap", "Interval", "find_gaps", "find_intervals"]

Floats = npt.NDArray[np.float64]
SAMPLES = 2000
MASS_ROUNDING = 1e-9
CLOSE_POLES = 1e-12  # no gap can be told between gate values this close


@dataclass(frozen=True, kw_only=True)
class Gap:
    """An open interval of log lambda without continuous spectrum, and the real roots at its ends.

    `above` is the mass above it; `eta_low` >= eta >= `eta_high` runs over it from `low` to `high`.
    """

    low: float
    high: float
    eta_low: float
    eta_high: float
    above: float


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An interval of continuous spectrum in log lambda (low may be -inf), with the unknown at its edges.

    `curvature_high`, `curvature_low` are d^2 g/deta^2 at the edges (positive, negative); nan at a hard edge.
    """

    low: float
    high: float
    eta_low: float
    eta_high: float
    curvature_low: float
    curvature_high: float


@kernel
def _shifted_w(eq: Equation, eta: float) -> float:
    """w + p of the reference layer on the real axis; no cancellation where it is tiny."""
    shrink, total, _, _, _, _, _ = equation_terms(eq, complex(eta, math.pi))
    return shrink * total.real


@kernel
def _slope(eq: Equation, eta: float) -> float:
    """dg/deta on the real axis."""
    return log_z(eq, complex(eta, math.pi))[1].real


@kernel
def _slopes(eq: Equation, eta: Floats) -> Floats:
    """dg/deta at many real points."""
    out = np.empty(eta.size)
    for i in range(eta.size):
        out[i] = _slope(eq, eta[i])
    return out


@kernel
def _bisect(eq: Equation, which: int, level: float, low: float, high: float) -> float:
    """Where w + p - level (which = 0) or dg/deta (which = 1) changes sign between low and high."""
    sign_low = (_shifted_w(eq, low) - level if which == 0 else _slope(eq, low)) > 0.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if ((_shifted_w(eq, middle) - level if which == 0 else _slope(eq, middle)) > 0.0) == sign_low:
            low = middle
        else:
            high = middle
    return low


@dataclass(frozen=True, kw_only=True)
class _Region:
    """An interval of w + p where the phase just below the real axis is 0, and the mass its signs stand for."""

    low: float
    high: float
    mass: float


def _sign_changes(eq: Equation) -> list[tuple[float, float, float]]:
    """Values of w + p where the phase jumps, by how many pi, and how much mass passes there: w = 0, -1, -p_l."""
    depth = eq.count + float(eq.counts.sum())
    power = 1.0 - depth if eq.haar else 1.0
    opened = float(eq.masses.sum())
    changes = [(opened, eq.count - 1.0, 0.0), (-eq.closed, power, power)]
    for excess, count in zip(eq.excess, eq.counts, strict=True):
        changes.append((-excess, count, count * (opened + excess)))
    return sorted((change for change in changes if change[1] != 0.0), reverse=True)


def _regions(eq: Equation) -> list[_Region]:
    """Where in w + p a real root can be physical, descending."""
    regions = []
    high, phase, mass = math.inf, 0.0, 0.0
    for level, jump, passed in [*_sign_changes(eq), (-math.inf, 0.0, 0.0)]:
        if phase == 0.0 and level < high:
            regions.append(_Region(low=level, high=high, mass=mass))
        high, phase, mass = level, phase + jump, mass + passed
    return regions


def _crossing(eq: Equation, level: float, low: float, high: float) -> float:
    """Where w + p, which rises from low to high, takes the level; an end if it does not."""
    if level <= _shifted_w(eq, low):
        return low
    return float(_bisect(eq, 0, level, low, high)) if level < _shifted_w(eq, high) else high


def _candidates(eq: Equation) -> list[tuple[float, float, float]]:
    """Pieces of the real axis (eta from, eta to, mass above) with phase 0, ascending."""
    poles = [float(-x) for x in eq.log_gates]
    regions = _regions(eq)
    ends = [abs(x) for region in regions for x in (region.low, region.high) if x != 0.0 and math.isfinite(x)]
    # beyond the last pole w + p rises to 0 like -1/zeta
    last = poles[-1] + 45.0 - math.log(min([1.0, *ends]))
    pieces = []
    for i, (start, stop) in enumerate(pairwise([-math.inf, *poles, math.inf])):
        if math.isfinite(stop - start) and stop - start <= CLOSE_POLES * max(1.0, abs(stop)):
            continue
        low, high = _just_inside(start, stop, poles[0] - 800.0, last)
        passed = eq.count * float(eq.masses[:i].sum())
        for region in reversed(regions):
            mass = passed + region.mass
            # no gap has less than nothing or more than everything above it: the real root there is another one
            if not -MASS_ROUNDING <= mass <= 1.0 - eq.closed + MASS_ROUNDING:
                continue
            left, right = (_crossing(eq, level, low, high) for level in (region.low, region.high))
            if left < right:
                pieces.append((start if left == low else left, stop if right == high else right, mass))
    return pieces


def _just_inside(start: float, stop: float, first: float, last: float) -> tuple[float, float]:
    """Points close to the ends of (start, stop) where w is finite; `first` and `last` stand for infinite ends."""
    low, high = max(start, first), min(stop, last)
    width = high - low
    return low + 1e-13 * width, high - 1e-13 * width


def _samples(low: float, high: float) -> Floats:
    """Points of (low, high), dense towards both ends; infinite ends are taken 60 away."""
    low = high - 60.0 if math.isinf(low) else low
    high = low + 60.0 if math.isinf(high) else high
    near = (high - low) / (1.0 + np.exp(np.linspace(0.0, 30.0, SAMPLES // 2)))
    points: Floats = np.unique(np.concatenate([low + near, high - near]))
    return points[(points > low) & (points < high)]


def _physical_pieces(eq: Equation) -> list[tuple[float, float, float]]:
    """Pieces (eta from, eta to, mass above) of the real axis that map to gaps, ascending in eta."""
    pieces = []
    for low, high, mass in _candidates(eq):
        points = _samples(low, high)
        falling = _slopes(eq, points) < 0.0
        if not falling.any():
            continue
        # one piece at most: two would enclose spectrum of mass zero
        first, last = np.flatnonzero(falling)[[0, -1]]
        start = low if first == 0 else _bisect(eq, 1, 0.0, points[first - 1], points[first])
        stop = high if last == points.size - 1 else _bisect(eq, 1, 0.0, points[last], points[last + 1])
        pieces.append((float(start), float(stop), mass))
    return pieces


def _image(eq: Equation, eta: float, pole: bool) -> float:
    """log lambda at a real root; at a pole of w the limit (Haar: the atom's place, otherwise infinity)."""
    if math.isinf(eta):
        return -eta
    if not pole:
        return float(log_z(eq, complex(eta, math.pi))[0].real)
    return eq.hard_drift - eq.count * eta if eq.haar and eq.drift == 0.0 else math.inf


def find_gaps(eq: Equation) -> list[Gap]:
    """Gaps of the continuous spectrum, ascending in log lambda; the last one reaches +inf.

    Two gaps that touch enclose an atom. Log lambda is that of the scaled equation (log_scale not added).
    """
    poles = {float(-x) for x in eq.log_gates}
    gaps = []
    for start, stop, mass in reversed(_physical_pieces(eq)):
        low = _image(eq, stop, stop in poles)
        high = _image(eq, start, start in poles)
        gaps.append(Gap(low=low, high=high, eta_low=stop, eta_high=start, above=mass))
    return gaps


def _curvature(eq: Equation, eta: float) -> float:
    """d^2 g/deta^2 at a critical point, by a central difference of the exact first derivative."""
    step = 1e-5 * min([1.0, *(abs(eta + x) for x in eq.log_gates if eta + x != 0.0)])
    return float((_slope(eq, eta + step) - _slope(eq, eta - step)) / (2.0 * step))


def find_intervals(eq: Equation, gaps: list[Gap]) -> list[Interval]:
    """Intervals of the continuous spectrum between the gaps, ascending."""
    intervals = []
    below: Gap | None = None
    for gap in gaps:
        touching = below is not None and abs(gap.low - below.high) <= 1e-12 * max(1.0, abs(gap.low))
        reaches_zero = below is None and math.isinf(gap.low)
        if not touching and not reaches_zero:
            low, eta_low = (-math.inf, math.inf) if below is None else (below.high, below.eta_high)
            intervals.append(
                Interval(
                    low=low,
                    high=gap.low,
                    eta_low=eta_low,
                    eta_high=gap.eta_low,
                    curvature_low=math.nan if below is None else _curvature(eq, eta_low),
                    curvature_high=_curvature(eq, gap.eta_low),
                )
            )
        below = gap
    return intervals
